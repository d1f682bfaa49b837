"""The lake and the vendor's drop check themselves, on S3 and on this machine: each red names what is to be done."""

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
from user_behaviour_tests.doctor.said import complaints, said

SWITCHES = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
TRIED = """\
✓ write: an object was written
✓ read: 'one' was read again
✓ conditional write: done where the object is the expected one, refused where it is another
✓ data files: one was written by pyarrow; listed: data, probe
✓ delete: all was deleted"""


def tls_only(bucket: str, **otherwise: Any) -> str:
    """The policy of the template of `deploy/`."""
    statement = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [{**statement, **otherwise}]})


@pytest.fixture
def lake(cloud: Cloud) -> Iterator[S3Lake]:
    """In a bucket as the template makes it."""
    name, client = cloud.bucket(), cloud.aws.client("s3")
    client.put_public_access_block(Bucket=name, PublicAccessBlockConfiguration=dict.fromkeys(SWITCHES, True))
    client.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    default = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
    client.put_bucket_encryption(Bucket=name, ServerSideEncryptionConfiguration={"Rules": [default]})
    abort = {"AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 3}}
    rule = {"ID": "uploads", "Status": "Enabled", "Filter": {"Prefix": ""}, **abort}
    client.put_bucket_lifecycle_configuration(Bucket=name, LifecycleConfiguration={"Rules": [rule]})
    # Only shown, since moto would deny everything: it does not look at the conditions of a policy.
    with cloud.behind(answering(s3("GET", "policy", holding=name), tls_only(name))):
        yield S3Lake(aws=cloud.aws, bucket=name, prefix="ub")


def drop(cloud: Cloud, bucket: str) -> S3VendorDrop:
    return S3VendorDrop(aws=cloud.aws, bucket=bucket, prefix="in")


def test_a_good_lake_is_green_throughout_and_nothing_stays_in_it(cloud: Cloud, lake: S3Lake) -> None:
    assert said(lake.self_check()) == (
        f"✓ bucket: s3://{lake.bucket}/ub can be listed\n"
        f"✓ region: the bucket is in eu-west-1\n{TRIED}\n✓ large uploads: one was begun and broken off"
    )
    client = cloud.aws.client("s3")
    left = client.list_object_versions(Bucket=lake.bucket)
    assert (left.get("Versions", []), left.get("DeleteMarkers", [])) == ([], [])
    assert client.list_multipart_uploads(Bucket=lake.bucket).get("Uploads", []) == []


def break_off(environ: dict[str, Any]) -> bool:
    return environ["REQUEST_METHOD"] == "DELETE" and "uploadId" in environ["QUERY_STRING"]


def delete(environ: dict[str, Any]) -> bool:
    return (environ["REQUEST_METHOD"], environ["QUERY_STRING"]) == ("POST", "delete")


@pytest.mark.parametrize(
    ("request_", "subject", "action", "permission"),
    [
        (s3("GET", "list-type"), "bucket", "Listing", "s3:ListBucket"),
        (s3("PUT", holding="/probe"), "write", "Writing", "s3:PutObject"),
        (s3("GET", holding="/probe"), "read", "Reading", "s3:GetObject"),
        (s3("PUT", holding="/data"), "data files", "Writing", "s3:PutObject"),
        (delete, "delete", "Deleting", "s3:DeleteObject"),
        (s3("POST", "uploads"), "large uploads", "Beginning and breaking off", "s3:PutObject"),
        (break_off, "large uploads", "Beginning and breaking off", "s3:AbortMultipartUpload"),
        (s3("GET", "uploads"), "large uploads", "Beginning and breaking off", "s3:ListBucketMultipartUploads"),
    ],
)
def test_a_missing_permission_is_named_with_what_it_is_on(
    cloud: Cloud, lake: S3Lake, request_: Matches, subject: str, action: str, permission: str
) -> None:
    with cloud.behind(refusing(request_, "AccessDenied")):
        found, remedy = complaints(lake.self_check()).splitlines()
    place = rf"s3://{lake.bucket}/ub\S*"
    assert re.match(rf"✗ {subject}: {action}.* {place} failed: S3 says (AccessDenied|ACCESS_DENIED): ", found)
    assert re.fullmatch(rf"  Allow {permission}( \(.*\))? on {place} to the identity in use\.", remedy)
    assert (f"; s3://{lake.bucket}/ub/_doctor-" in found) == (subject == "delete")  # what stays is named


def test_the_key_that_aws_names_is_in_the_remedy(cloud: Cloud, lake: S3Lake) -> None:
    key = "arn:aws:kms:eu-west-1:123456789012:key/1"
    message = f'User: u is not authorized to perform: kms:GenerateDataKey on resource: "{key}" because no policy does'
    with cloud.behind(refusing(s3("PUT", holding="/probe"), "AccessDenied", message)):
        found = complaints(lake.self_check())
    assert found.endswith(f"\n  Allow kms:GenerateDataKey on {key} to the identity in use.")


def test_a_store_that_ignores_conditions_is_red(cloud: Cloud, lake: S3Lake) -> None:
    def ignoring(application: Wsgi) -> Wsgi:
        def answer(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
            return application({k: value for k, value in environ.items() if "HTTP_IF_" not in k}, start_response)

        return answer

    with cloud.behind(ignoring):
        assert complaints(lake.self_check()) == (
            "✗ conditional write: an object was replaced though it was another than expected\n"
            "  Use S3 itself, or an endpoint that heeds If-Match and If-None-Match (AWS_ENDPOINT_URL)."
        )
    assert "Versions" not in cloud.aws.client("s3").list_object_versions(Bucket=lake.bucket)


def test_a_bucket_that_is_not_there_ends_the_check_and_its_setting_is_named(cloud: Cloud) -> None:
    lake = S3Lake(aws=cloud.aws, bucket="no-such-bucket", prefix="in")
    for subject, role in (("bucket", lake), ("files", drop(cloud, "no-such-bucket"))):
        assert said(role.self_check()) == (
            f"✗ {subject}: Listing s3://no-such-bucket/in/ failed: S3 says NoSuchBucket: The specified bucket does not "
            "exist\n  Create the bucket (the template in deploy/ does), or correct its name (USER_BEHAVIOUR_LAKE, "
            "USER_BEHAVIOUR_VENDOR_DROP)."
        )


def test_a_bucket_of_another_region_is_told_with_both(cloud: Cloud) -> None:
    name = f"{cloud.bucket()}-far"
    far = Aws(region_name="ap-southeast-2", endpoint_url=cloud.url).client("s3")
    far.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "ap-southeast-2"})
    assert complaints(S3Lake(aws=cloud.aws, bucket=name, prefix="ub").self_check()) == (
        "✗ region: the bucket is in ap-southeast-2, the clients are in eu-west-1\n"
        "  Set AWS_REGION=ap-southeast-2 and have EMR and Redshift there, or take a bucket in eu-west-1."
    )


def test_a_region_that_may_not_be_looked_at_is_not_known(cloud: Cloud, lake: S3Lake) -> None:
    with cloud.behind(refusing(s3("GET", "location"), "AccessDenied")):
        assert complaints(lake.self_check()) == (
            f"– region: Looking up the region of {lake.bucket} failed: S3 says AccessDenied: refused\n"
            f"  Allow s3:GetBucketLocation on {lake.bucket} to the identity in use."
        )


def test_a_bucket_of_the_template_is_safe_and_a_local_lake_has_none(lake: S3Lake, tmp_path: Path) -> None:
    assert said(bucket_safety(LocalLake(root=str(tmp_path)))) == ""
    assert said(bucket_safety(lake)).splitlines() == [
        "✓ public access: blocked",
        "✓ TLS only: requests without TLS are denied",
        "✓ versioning: on",
        "✓ encryption: AES256",
        "✓ unfinished uploads: aborted after 3 days",
    ]


def test_a_bare_bucket_is_red_where_it_is_open_and_advised_where_it_is_careless(cloud: Cloud) -> None:
    bare = cloud.bucket()
    command, policy = f"aws s3api put-public-access-block --bucket {bare}", json.loads(tls_only(bare))["Statement"][0]
    assert said(bucket_safety(S3Lake(aws=cloud.aws, bucket=bare, prefix="ub"))).splitlines() == [
        f"✗ public access: not blocked: {', '.join(SWITCHES)}",
        f"  Run: {command} --public-access-block-configuration {','.join(f'{switch}=true' for switch in SWITCHES)}",
        "✗ TLS only: no policy denies requests without TLS",
        f"  Add to the policy of {bare}: {json.dumps(policy)}",
        "– versioning: off: what is deleted by mistake is gone",
        f"  Better: aws s3api put-bucket-versioning --bucket {bare} --versioning-configuration Status=Enabled",
        "– encryption: no default is declared; S3 itself uses AES256",
        "– unfinished uploads: kept, and paid for, for ever",
        f"  Better: a lifecycle rule of {bare} with AbortIncompleteMultipartUpload, as in deploy/.",
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
        assert complaints(bucket_safety(lake)) == (
            f"– {subject}: cannot be seen from here (AccessDenied)\n"
            f"  Allow {permission} on {lake.bucket} to the identity in use."
        )


@pytest.mark.parametrize(
    ("statement", "mark"),
    [
        ({"Principal": {"AWS": "*"}}, "✓"),
        ({"Action": "s3:GetObject"}, "✗"),
        ({"Effect": "Allow"}, "✗"),
        ({"Principal": {"AWS": "arn:aws:iam::123456789012:user/a"}}, "✗"),
    ],
)
def test_only_a_denial_of_everything_to_everyone_is_tls_only(
    cloud: Cloud, lake: S3Lake, statement: dict[str, Any], mark: str
) -> None:
    with cloud.behind(answering(s3("GET", "policy"), tls_only(lake.bucket, **statement))):
        assert f"{mark} TLS only: " in said(bucket_safety(lake))


def test_the_account_says_who_asks_and_where(cloud: Cloud) -> None:
    identity = "✓ identity: arn:aws:sts::123456789012:user/moto of account 123456789012"
    assert said(cloud.aws.self_check()) == f"{identity}\n✓ region: {REGION}"


@pytest.mark.parametrize(
    ("code", "remedy"),
    [
        ("ExpiredToken", "Log in again (`aws sso login`), or have the role's credentials refreshed, and rerun"),
        ("InvalidClientTokenId", "Check the access key in use (AWS_ACCESS_KEY_ID, AWS_PROFILE) and the clock of this"),
    ],
)
def test_credentials_that_are_not_taken_end_the_role(cloud: Cloud, code: str, remedy: str) -> None:
    found = f"Looking up the identity in use failed: STS says {code}: refused. {remedy}"
    with cloud.behind(refusing(host("sts"), code)), pytest.raises(CredentialsRejectedError, match=re.escape(found)):
        said(cloud.aws.self_check())


def test_missing_credentials_no_region_and_no_way_are_told_apart(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.delenv("AWS_ACCESS_KEY_ID")
        patch.delenv("AWS_SECRET_ACCESS_KEY")
        with pytest.raises(CredentialsRejectedError, match=r"Unable to locate credentials\. Give credentials as AWS"):
            said(Aws(region_name=REGION, endpoint_url=cloud.url).self_check())
    with monkeypatch.context() as patch:
        patch.delenv("AWS_REGION")
        patch.delenv("AWS_DEFAULT_REGION")
        with pytest.raises(WrongPlaceError, match="Set AWS_REGION to the region of the lake's bucket"):
            said(Aws(endpoint_url=cloud.url).self_check())
    with pytest.raises(UnavailableError, match=r"Could not connect to the endpoint URL.* Check the way there"):
        said(Aws(region_name=REGION, endpoint_url="http://127.0.0.1:9", max_attempts=1).self_check())


FILE = "movie_review_2010-12-01.csv"


def test_a_drop_is_listed_and_its_newest_file_opened(cloud: Cloud) -> None:
    name, client = cloud.bucket("vendor"), cloud.aws.client("s3")
    listed = f"✓ files: s3://{name}/in can be listed; files:"
    assert said(drop(cloud, name).self_check()) == f"{listed} 0\n✓ read: allowed; there is no file to read"
    for key in ("in/", f"in/{FILE}"):
        client.put_object(Bucket=name, Key=key, Body=b"")
    assert said(drop(cloud, name).self_check()) == f"{listed} 1\n✓ read: {FILE} was opened"


@pytest.mark.parametrize("files", [[], [FILE]], ids=["without files", "with one"])
def test_a_drop_that_may_be_listed_but_not_read_is_red(cloud: Cloud, files: list[str]) -> None:
    name = cloud.bucket("vendor")
    for file in files:
        cloud.aws.client("s3").put_object(Bucket=name, Key=f"in/{file}", Body=b"cid\n")
    with cloud.behind(refusing(s3("GET", holding="/in/"), "AccessDenied")):
        found = complaints(drop(cloud, name).self_check())
    place = f"s3://{name}/in/{FILE if files else '_doctor-asks-for-what-is-not-there'}"
    assert found.startswith(f"✗ read: Reading {place} failed: S3 says AccessDenied: refused\n  Allow s3:GetObject (")
    assert found.endswith(f") on {place} to the identity in use.")


@pytest.fixture
def closed(tmp_path: Path) -> Path:
    """A directory that is really a file: even root cannot write below it."""
    path = tmp_path / "closed"
    path.write_text("")
    return path


def test_a_local_lake_is_green_before_and_after_it_is_made(tmp_path: Path) -> None:
    root = tmp_path / "home" / "lake"
    lake = LocalLake(root=str(root))
    assert said(lake.self_check()).startswith(
        f"✓ directory: {root} is not there yet; {tmp_path} can be written to\n✓ disk: "
    )
    assert not root.parent.exists()
    root.mkdir(parents=True)
    assert said(lake.self_check()).startswith(f"✓ directory: {root} can be written to\n{TRIED}\n✓ disk: ")
    assert list(root.iterdir()) == []


def test_a_local_lake_that_cannot_be_written_is_red(closed: Path) -> None:
    assert said(LocalLake(root=str(closed)).self_check()) == (
        f"✗ directory: {closed} cannot be written to: Not a directory\n"
        f"  Let this user write to {closed}, or set USER_BEHAVIOUR_HOME to a directory that it may write to."
    )


def test_a_local_drop_is_absent_green_or_red(tmp_path: Path, closed: Path) -> None:
    directory = tmp_path / "vendor"
    absent, red = (LocalVendorDrop(directory=str(path)) for path in (directory, closed))
    assert said(absent.self_check()) == (
        f"– files: {directory} is not there yet\n"
        "  `user-behaviour generate` makes a sample, `user-behaviour deliver FILE` takes a file of yours."
    )
    directory.mkdir()
    (directory / FILE).write_text("cid,review_str\n")
    assert said(absent.self_check()) == (
        f"✓ files: file://{directory} can be listed; files: 1\n✓ read: {FILE} was opened"
    )
    assert said(red.self_check()) == f"✗ files: {closed}: Not a directory\n  Let this user use it, or correct the path."
