"""One grammar of a place on S3: every part that takes one takes and refuses the same; the setting says why."""

import re
import shlex
from collections.abc import Callable
from datetime import date
from urllib.parse import quote

import pytest

from user_behaviour.aws.clients import Aws
from user_behaviour.aws.places import PlaceError, S3Place
from user_behaviour.aws.s3_prefix import S3Prefix
from user_behaviour.catalog import redshift_ddl
from user_behaviour.catalog.external_tables import Registration
from user_behaviour.settings import SettingError, read_settings
from user_behaviour.tables.schemas import USER_PURCHASE_STAGING
from user_behaviour.warehouse.redshift_names import require_uri
from user_behaviour_tests.test_deployments import AWS

DAY = date(2010, 12, 1)

BUCKET = "must be 3 to 63 of a-z, 0-9, '.' and '-'"
NAMES = "must be names of A-Z, a-z, 0-9, '_', '-', '=' and '.', with '/' between them"
FORM = "write a place as s3://bucket/prefix"
TAKEN = {
    "s3://a-lake/": S3Place("a-lake", ""),
    "s3://a-lake": S3Place("a-lake", ""),
    "s3://a.lake.of-ours-2/x/": S3Place("a.lake.of-ours-2", "x"),
    "s3://a-lake/shop/Lake_1/insert_date=2010-12-01/b.c-d": S3Place(
        "a-lake", "shop/Lake_1/insert_date=2010-12-01/b.c-d"
    ),
}
REFUSED = {
    "s3://a-lake/a(b)": NAMES,
    "s3://a-lake/o'clock": NAMES,
    's3://a-lake/"x"': NAMES,
    "s3://a-lake/x\\": NAMES,
    "s3://a-lake/a b": NAMES,
    "s3://a-lake/a\n": NAMES,
    "s3://a-lake/a;b": NAMES,
    "s3://a-lake/a$b": NAMES,
    "s3://a-lake/a*": NAMES,
    "s3://a-lake/a!": NAMES,
    "s3://a-lake/a@b": NAMES,
    "s3://a-lake/a+b": NAMES,
    "s3://a-lake/a:b": NAMES,
    "s3://a-lake/é": NAMES,
    "s3://a-lake/a/../b": NAMES,
    "s3://a-lake/..": NAMES,
    "s3://a-lake/a..b": NAMES,
    "s3://a-lake/.hidden": NAMES,
    "s3://a-lake/a//b": NAMES,
    "s3://a-lake/a//": NAMES,
    "s3://A-Lake/x": BUCKET,
    "s3://a_lake/x": BUCKET,
    "s3://ab/x": BUCKET,
    f"s3://{'a' * 64}/x": BUCKET,
    "s3://a-lake-/x": BUCKET,
    "s3://a..lake/x": BUCKET,
    "s3:///x": BUCKET,
    "s3://": FORM,
    "s3a://a-lake/x": FORM,
    "/a/directory": FORM,
    "": FORM,
}


def as_setting(uri: str) -> object:
    return read_settings({**AWS, "USER_BEHAVIOUR_VENDOR_DROP": uri})


def as_prefix(uri: str) -> object:
    """As `S3Lake` and `S3VendorDrop` hold it."""
    bucket, _, prefix = uri.removeprefix("s3://").partition("/")
    return S3Prefix(bucket, prefix.removesuffix("/"), Aws())


def in_ddl(uri: str) -> object:
    location = f"{uri.removesuffix('/')}/"
    return redshift_ddl.set_location(USER_PURCHASE_STAGING, Registration(DAY, location, "one", 1))


CONSUMERS = [S3Place.parse, as_setting, as_prefix, require_uri, in_ddl]


@pytest.mark.parametrize("uri", TAKEN)
@pytest.mark.parametrize("consumer", CONSUMERS, ids=lambda consumer: consumer.__name__)
def test_a_place_is_taken_by_every_part(consumer: Callable[[str], object], uri: str) -> None:
    assert consumer(uri)


@pytest.mark.parametrize("uri", TAKEN)
def test_a_place_that_is_taken_is_itself_in_a_shell_a_uri_and_a_statement(uri: str) -> None:
    place = S3Place.parse(uri)

    assert place == TAKEN[uri]
    assert str(place) in {uri, f"{uri}/", uri.removesuffix("/")}
    assert shlex.quote(str(place)) == quote(str(place), safe=":/=") == str(place)
    assert not re.search(r"['\"\\\s]", str(place))


@pytest.mark.parametrize("uri", [uri for uri, reason in REFUSED.items() if reason != FORM])
@pytest.mark.parametrize("consumer", CONSUMERS, ids=lambda consumer: consumer.__name__)
def test_what_is_no_place_is_refused_by_every_part(consumer: Callable[[str], object], uri: str) -> None:
    with pytest.raises((PlaceError, SettingError)):
        consumer(uri)


@pytest.mark.parametrize(("uri", "reason"), [(uri, reason) for uri, reason in REFUSED.items() if uri])
def test_a_setting_that_is_no_place_is_refused_at_start_with_the_reason(uri: str, reason: str) -> None:
    with pytest.raises(SettingError) as caught:
        as_setting(uri)

    assert str(caught.value).startswith(f"USER_BEHAVIOUR_VENDOR_DROP is {uri!r}; ")
    assert reason in str(caught.value)
