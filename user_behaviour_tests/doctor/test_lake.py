"""The lake and the vendor's drop check themselves, on S3 and on this machine: each red names what is to be done."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from user_behaviour.aws.clients import Aws
from user_behaviour.aws.errors import CredentialsRejectedError, UnavailableError, WrongPlaceError
from user_behaviour.doctor.bucket import bucket_safety
from user_behaviour.lake.local import LocalLake
from user_behaviour.lake.s3 import S3Lake
from user_behaviour.vendor.local import LocalVendorDrop
from user_behaviour.vendor.s3 import S3VendorDrop
from user_behaviour_tests.cloud.moto_server import REGION, Cloud, Wsgi
from user_behaviour_tests.cloud.policies import Matches, answering, host, refusing, s3
from user_behaviour_tests.doctor.told import Told, not_good, told

SWITCHES = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
TRIED = [
    ("write", True, "an object was written", ""),
    ("read", True, "'one' was read again", ""),
    ("conditional write", True, "done where the object is the expected one, refused where it is another", ""),
    ("data files", True, "one was written by pyarrow; listed: data, probe", ""),
    ("delete", True, "all was deleted", ""),
]


def tls_only(bucket: str, **otherwise: Any) -> str:
    """The policy of the template of `deploy/`."""
    statement = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        **otherwise,
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


@pytest.fixture
def lake(cloud: Cloud) -> Iterator[S3Lake]:
    """In a bucket as the template makes it."""
    name, client = cloud.bucket(), cloud.aws.client("s3")
    client.put_public_access_block(Bucket=name, PublicAccessBlockConfiguration=dict.fromkeys(SWITCHES, True))
    client.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    default = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
    client.put_bucket_encryption(Bucket=name, ServerSideEncryptionConfiguration={"Rules": [default]})
    rule = {
        "ID": "uploads",
        "Status": "Enabled",
        "Filter": {"Prefix": ""},
        "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 3},
    }
    client.put_bucket_lifecycle_configuration(Bucket=name, LifecycleConfiguration={"Rules": [rule]})
    # Only shown, since moto would deny everything: it does not look at the conditions of a policy.
    with cloud.behind(answering(s3("GET", "policy", holding=name), tls_only(name))):
        yield S3Lake(aws=cloud.aws, bucket=name, prefix="ub")


def drop(cloud: Cloud, bucket: str, prefix: str = "in") -> S3VendorDrop:
    return S3VendorDrop(aws=cloud.aws, bucket=bucket, prefix=prefix)


def test_a_good_lake_is_green_throughout_and_nothing_stays_in_it(cloud: Cloud, lake: S3Lake) -> None:
    assert told(lake.self_check()) == [
        ("bucket", True, f"s3://{lake.bucket}/ub can be listed", ""),
        ("region", True, "the bucket is in eu-west-1", ""),
        *TRIED,
        ("large uploads", True, "one was begun and broken off", ""),
    ]
    client = cloud.aws.client("s3")
    left = client.list_object_versions(Bucket=lake.bucket)
    assert (left.get("Versions", []), left.get("DeleteMarkers", [])) == ([], [])
    assert client.list_multipart_uploads(Bucket=lake.bucket).get("Uploads", []) == []


def begin(path: str) -> Matches:
    return s3("POST", "uploads", holding=path)


def break_off(environ: dict[str, Any]) -> bool:
    return environ["REQUEST_METHOD"] == "DELETE" and "uploadId" in environ["QUERY_STRING"]


@pytest.mark.parametrize(
    ("request_", "subject", "action", "permission"),
    [
        (s3("GET", "list-type"), "bucket", "Listing", "s3:ListBucket"),
        (s3("PUT", holding="/probe"), "write", "Writing", "s3:PutObject"),
        (s3("GET", holding="/probe"), "read", "Reading", "s3:GetObject"),
        (s3("PUT", holding="/data"), "data files", "Writing", "s3:PutObject"),
        (begin("_doctor"), "large uploads", "Beginning and breaking off an upload of", "s3:PutObject"),
        (break_off, "large uploads", "Beginning and breaking off an upload of", "s3:AbortMultipartUpload"),
        (s3("GET", "uploads"), "large uploads", "Beginning and breaking off", "s3:ListBucketMultipartUploads"),
    ],
)
def test_a_missing_permission_is_named_with_what_it_is_on(
    cloud: Cloud, lake: S3Lake, request_: Matches, subject: str, action: str, permission: str
) -> None:
    with cloud.behind(refusing(request_, "AccessDenied")):
        (found,) = not_good(lake.self_check())
    assert found[:2] == (subject, False)
    assert re.match(rf"{action}.* s3://{lake.bucket}/ub.* failed: S3 says (AccessDenied|ACCESS_DENIED): ", found[2])
    assert re.fullmatch(rf"Allow {permission}( \(.*\))? on s3://{lake.bucket}/ub.* to the identity in use\.", found[3])


def test_the_key_that_aws_names_is_in_the_remedy(cloud: Cloud, lake: S3Lake) -> None:
    message = (
        "User: arn:aws:iam::123456789012:user/ub is not authorized to perform: kms:GenerateDataKey on resource: "
        '"arn:aws:kms:eu-west-1:123456789012:key/1" because no identity-based policy allows it'
    )
    with cloud.behind(refusing(s3("PUT", holding="/probe"), "AccessDenied", message)):
        (found,) = not_good(lake.self_check())
    assert found[3] == "Allow kms:GenerateDataKey on arn:aws:kms:eu-west-1:123456789012:key/1 to the identity in use."


def test_what_may_not_be_deleted_is_named(cloud: Cloud, lake: S3Lake) -> None:
    deletes = lambda environ: environ["REQUEST_METHOD"] == "POST" and environ["QUERY_STRING"] == "delete"  # noqa: E731
    with cloud.behind(refusing(deletes, "AccessDenied")):
        (found,) = not_good(lake.self_check())
    assert found[:2] == ("delete", False)
    assert re.search(rf"S3 says AccessDenied: refused; s3://{lake.bucket}/ub/_doctor-\w+ stays$", found[2])
    assert found[3].startswith(f"Allow s3:DeleteObject on s3://{lake.bucket}/ub/_doctor-")


def test_a_store_that_ignores_conditions_is_red(cloud: Cloud, lake: S3Lake) -> None:
    def ignoring(application: Wsgi) -> Wsgi:
        def answer(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
            return application({k: value for k, value in environ.items() if "HTTP_IF_" not in k}, start_response)

        return answer

    with cloud.behind(ignoring):
        (found,) = not_good(lake.self_check())
    assert found == (
        "conditional write",
        False,
        "an object was replaced though it was another than expected",
        "Use S3 itself, or an endpoint that heeds If-Match and If-None-Match (AWS_ENDPOINT_URL).",
    )
    assert "Versions" not in cloud.aws.client("s3").list_object_versions(Bucket=lake.bucket)


def test_a_bucket_that_is_not_there_ends_the_check_and_its_setting_is_named(cloud: Cloud) -> None:
    for check in (
        S3Lake(aws=cloud.aws, bucket="no-such-bucket", prefix="in").self_check,
        drop(cloud, "no-such-bucket").self_check,
    ):
        (found,) = told(check())
        assert found[1] is False
        assert found[2].startswith("Listing s3://no-such-bucket/in/ failed: S3 says NoSuchBucket: ")
        assert found[3] == (
            "Create the bucket (the template in deploy/ does), or correct its name (USER_BEHAVIOUR_LAKE, "
            "USER_BEHAVIOUR_VENDOR_DROP)."
        )


def test_a_bucket_of_another_region_is_told_with_both(cloud: Cloud) -> None:
    name = f"{cloud.bucket()}-far"
    far = Aws(region_name="ap-southeast-2", endpoint_url=cloud.url).client("s3")
    far.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "ap-southeast-2"})
    assert not_good(S3Lake(aws=cloud.aws, bucket=name, prefix="ub").self_check()) == [
        (
            "region",
            False,
            "the bucket is in ap-southeast-2, the clients are in eu-west-1",
            "Set AWS_REGION=ap-southeast-2 and have EMR and Redshift there, or take a bucket in eu-west-1.",
        )
    ]


def test_a_region_that_may_not_be_looked_at_is_not_known(cloud: Cloud, lake: S3Lake) -> None:
    with cloud.behind(refusing(s3("GET", "location"), "AccessDenied")):
        (found,) = not_good(lake.self_check())
    assert (found[0], found[1], found[3]) == (
        "region",
        None,
        f"Allow s3:GetBucketLocation on {lake.bucket} to the identity in use.",
    )


GOOD_SETTINGS = [
    ("public access", True, "blocked", ""),
    ("TLS only", True, "requests without TLS are denied", ""),
    ("versioning", True, "on", ""),
    ("encryption", True, "AES256", ""),
    ("unfinished uploads", True, "aborted after 3 days", ""),
]


def test_a_bucket_of_the_template_is_safe_and_a_local_lake_has_none(lake: S3Lake, tmp_path: Path) -> None:
    assert told(bucket_safety(lake)) == GOOD_SETTINGS
    assert told(bucket_safety(LocalLake(root=str(tmp_path)))) == []


def test_a_bare_bucket_is_red_where_it_is_open_and_advised_where_it_is_careless(cloud: Cloud) -> None:
    bare = cloud.bucket()
    assert told(bucket_safety(S3Lake(aws=cloud.aws, bucket=bare, prefix="ub"))) == [
        (
            "public access",
            False,
            "not blocked: BlockPublicAcls, IgnorePublicAcls, BlockPublicPolicy, RestrictPublicBuckets",
            f"Run: aws s3api put-public-access-block --bucket {bare} --public-access-block-configuration "
            "BlockPublicAcls=true,IgnorePublicAcls=true,BlockPublicPolicy=true,RestrictPublicBuckets=true",
        ),
        (
            "TLS only",
            False,
            "no policy denies requests without TLS",
            f'Add to the policy of {bare}: {{"Effect": "Deny", "Principal": "*", "Action": "s3:*", '
            f'"Resource": ["arn:aws:s3:::{bare}", "arn:aws:s3:::{bare}/*"], '
            '"Condition": {"Bool": {"aws:SecureTransport": "false"}}}',
        ),
        (
            "versioning",
            None,
            "off: what is deleted by mistake is gone",
            f"Better: aws s3api put-bucket-versioning --bucket {bare} --versioning-configuration Status=Enabled",
        ),
        ("encryption", None, "no default is declared; S3 itself uses AES256", ""),
        (
            "unfinished uploads",
            None,
            "kept, and paid for, for ever",
            f"Better: a lifecycle rule of {bare} with AbortIncompleteMultipartUpload, as in deploy/.",
        ),
    ]


@pytest.mark.parametrize(
    ("mark", "subject", "permission"),
    [
        ("publicAccessBlock", "public access", "s3:GetBucketPublicAccessBlock"),
        ("policy", "TLS only", "s3:GetBucketPolicy"),
        ("versioning", "versioning", "s3:GetBucketVersioning"),
        ("encryption", "encryption", "s3:GetEncryptionConfiguration"),
        ("lifecycle", "unfinished uploads", "s3:GetLifecycleConfiguration"),
    ],
)
def test_a_setting_that_may_not_be_looked_at_is_not_known(
    cloud: Cloud, lake: S3Lake, mark: str, subject: str, permission: str
) -> None:
    with cloud.behind(refusing(s3("GET", mark), "AccessDenied")):
        assert not_good(bucket_safety(lake)) == [
            (
                subject,
                None,
                "cannot be seen from here (AccessDenied)",
                f"Allow {permission} on {lake.bucket} to the identity in use.",
            )
        ]


@pytest.mark.parametrize(
    ("statement", "ok"),
    [
        ({"Principal": {"AWS": "*"}}, True),
        ({"Action": "s3:GetObject"}, False),
        ({"Effect": "Allow"}, False),
        ({"Principal": {"AWS": "arn:aws:iam::123456789012:user/a"}}, False),
    ],
)
def test_only_a_denial_of_everything_to_everyone_is_tls_only(
    cloud: Cloud, lake: S3Lake, statement: dict[str, Any], ok: bool
) -> None:
    with cloud.behind(answering(s3("GET", "policy"), tls_only(lake.bucket, **statement))):
        assert [found[1] for found in told(bucket_safety(lake)) if found[0] == "TLS only"] == [ok]


def test_the_account_says_who_asks_and_where(cloud: Cloud) -> None:
    assert told(cloud.aws.self_check()) == [
        ("identity", True, "arn:aws:sts::123456789012:user/moto of account 123456789012", ""),
        ("region", True, REGION, ""),
    ]


@pytest.mark.parametrize(
    ("code", "remedy"),
    [
        ("ExpiredToken", "Log in again (`aws sso login`), or have the role's credentials refreshed, and rerun"),
        (
            "InvalidClientTokenId",
            "Check the access key in use (AWS_ACCESS_KEY_ID, AWS_PROFILE) and the clock of this machine",
        ),
    ],
)
def test_credentials_that_are_not_taken_end_the_role(cloud: Cloud, code: str, remedy: str) -> None:
    with cloud.behind(refusing(host("sts"), code)), pytest.raises(CredentialsRejectedError) as caught:
        list(cloud.aws.self_check())
    assert caught.value.found == f"Looking up the identity in use failed: STS says {code}: refused"
    assert caught.value.remedy == remedy


def test_missing_credentials_no_region_and_no_way_are_told_apart(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.delenv("AWS_ACCESS_KEY_ID")
        patch.delenv("AWS_SECRET_ACCESS_KEY")
        with pytest.raises(CredentialsRejectedError, match=r"Unable to locate credentials\. Give credentials as AWS"):
            list(Aws(region_name=REGION, endpoint_url=cloud.url).self_check())
    with monkeypatch.context() as patch:
        patch.delenv("AWS_REGION")
        patch.delenv("AWS_DEFAULT_REGION")
        with pytest.raises(WrongPlaceError, match="Set AWS_REGION to the region of the lake's bucket"):
            list(Aws(endpoint_url=cloud.url).self_check())
    with pytest.raises(UnavailableError, match=r"Could not connect to the endpoint URL.* Check the way there"):
        list(Aws(region_name=REGION, endpoint_url="http://127.0.0.1:9", max_attempts=1).self_check())


def test_a_drop_is_listed_and_its_newest_file_opened(cloud: Cloud) -> None:
    name, client = cloud.bucket("vendor"), cloud.aws.client("s3")
    assert told(drop(cloud, name).self_check()) == [
        ("files", True, f"s3://{name}/in can be listed; files: 0", ""),
        ("read", True, "allowed; there is no file to read", ""),
    ]
    client.put_object(Bucket=name, Key="in/", Body=b"")
    client.put_object(Bucket=name, Key="in/movie_review_2010-12-01.csv", Body=b"cid,review_str\n")
    assert told(drop(cloud, name).self_check()) == [
        ("files", True, f"s3://{name}/in can be listed; files: 1", ""),
        ("read", True, "movie_review_2010-12-01.csv was opened", ""),
    ]


@pytest.mark.parametrize("files", [[], ["movie_review_2010-12-01.csv"]], ids=["without files", "with one"])
def test_a_drop_that_may_be_listed_but_not_read_is_red(cloud: Cloud, files: list[str]) -> None:
    name = cloud.bucket("vendor")
    for file in files:
        cloud.aws.client("s3").put_object(Bucket=name, Key=f"in/{file}", Body=b"cid\n")
    with cloud.behind(refusing(s3("GET", holding="/in/"), "AccessDenied")):
        (found,) = not_good(drop(cloud, name).self_check())
    assert found[:2] == ("read", False)
    assert found[3].startswith("Allow s3:GetObject ")
    assert f"on s3://{name}/in/{(files or ['_doctor'])[0]}" in found[3]


@pytest.fixture
def closed(tmp_path: Path) -> Path:
    """A directory that is really a file: even root cannot write below it."""
    path = tmp_path / "closed"
    path.write_text("")
    return path


def test_a_local_lake_is_green_before_and_after_it_is_made(tmp_path: Path) -> None:
    root = tmp_path / "home" / "lake"
    lake = LocalLake(root=str(root))
    there = ("directory", True, f"{root} is not there yet; {tmp_path} can be written to", "")
    assert told(lake.self_check())[:-1] == [there]
    assert not root.parent.exists()
    root.mkdir(parents=True)
    assert told(lake.self_check())[:-1] == [("directory", True, f"{root} can be written to", ""), *TRIED]
    assert list(root.iterdir()) == []


def test_a_local_lake_that_cannot_be_written_is_red(closed: Path) -> None:
    remedy = f"Let this user write to {closed}, or set USER_BEHAVIOUR_HOME to a directory that it may write to."
    assert told(LocalLake(root=str(closed)).self_check()) == [
        ("directory", False, f"{closed} cannot be written to: Not a directory", remedy)
    ]


def test_a_local_drop_is_absent_green_or_red(tmp_path: Path, closed: Path) -> None:
    directory = tmp_path / "vendor"

    def found(path: Path) -> list[Told]:
        return told(LocalVendorDrop(directory=str(path)).self_check())

    sample = "`user-behaviour generate` makes a sample, `user-behaviour deliver FILE` takes a file of yours."
    assert found(directory) == [("files", None, f"{directory} is not there yet", sample)]
    directory.mkdir()
    (directory / "movie_review_2010-12-01.csv").write_text("cid,review_str\n")
    assert found(directory) == [
        ("files", True, f"file://{directory} can be listed; files: 1", ""),
        ("read", True, "movie_review_2010-12-01.csv was opened", ""),
    ]
    assert found(closed) == [
        ("files", False, f"{closed}: Not a directory", "Let this user use it, or correct the path.")
    ]
