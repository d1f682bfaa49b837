"""The doctor on the account, the lake and the vendor's drop: green on a good set-up, each red with its remedy."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from user_behaviour.aws.clients import Aws
from user_behaviour.doctor.account import examine_account
from user_behaviour.doctor.aws_calls import OutOfReachError
from user_behaviour.doctor.findings import Finding
from user_behaviour.doctor.lake import examine_lake
from user_behaviour.doctor.vendor_drop import examine_vendor_drop
from user_behaviour.lake.local import LocalLake
from user_behaviour.lake.s3 import S3Lake
from user_behaviour.vendor.local import LocalVendorDrop
from user_behaviour.vendor.s3 import S3VendorDrop
from user_behaviour_tests.cloud.moto_server import REGION, Cloud, Wsgi
from user_behaviour_tests.cloud.policies import answering, host, refusing, s3

SWITCHES = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")


@pytest.fixture
def bucket(cloud: Cloud) -> Iterator[str]:
    """A bucket as the template of `deploy/` makes it."""
    name, client = cloud.bucket(), cloud.aws.client("s3")
    client.put_public_access_block(Bucket=name, PublicAccessBlockConfiguration=dict.fromkeys(SWITCHES, True))
    client.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    statement = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": [f"arn:aws:s3:::{name}", f"arn:aws:s3:::{name}/*"],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    default = {"SSEAlgorithm": "AES256"}
    client.put_bucket_encryption(
        Bucket=name, ServerSideEncryptionConfiguration={"Rules": [{"ApplyServerSideEncryptionByDefault": default}]}
    )
    rule = {
        "ID": "uploads",
        "Status": "Enabled",
        "Filter": {"Prefix": ""},
        "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 3},
    }
    client.put_bucket_lifecycle_configuration(Bucket=name, LifecycleConfiguration={"Rules": [rule]})
    # Only shown, since moto would deny everything: it does not look at the conditions of a policy.
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    with cloud.behind(answering(s3("GET", "policy", holding=name), policy)):
        yield name


def told(findings: Iterable[Finding]) -> list[tuple[str, bool | None, str, str]]:
    return [(finding.subject, finding.ok, finding.found, finding.remedy) for finding in findings]


def not_good(findings: Iterable[Finding]) -> list[tuple[str, bool | None, str, str]]:
    return [found for found in told(findings) if not found[1]]


def lake(cloud: Cloud, bucket: str) -> S3Lake:
    return S3Lake(aws=cloud.aws, bucket=bucket, prefix="ub")


def test_a_good_lake_is_green_throughout_and_nothing_stays_in_it(cloud: Cloud, bucket: str) -> None:
    assert told(examine_lake(lake(cloud, bucket))) == [
        ("bucket", True, f"s3://{bucket}/ub can be listed", ""),
        ("region", True, "the bucket is in eu-west-1", ""),
        ("write", True, "an object was written", ""),
        ("read", True, "it was read again", ""),
        ("conditional write", True, "refused where the object is another", ""),
        ("delete", True, "it was deleted", ""),
        ("large uploads", True, "one was begun, aborted, and is not listed any more", ""),
        ("public access", True, "blocked", ""),
        ("TLS only", True, "requests without TLS are denied", ""),
        ("versioning", True, "on", ""),
        ("encryption", True, "AES256", ""),
        ("unfinished uploads", True, "aborted after 3 days", ""),
    ]
    client = cloud.aws.client("s3")
    left = client.list_object_versions(Bucket=bucket)
    assert (left.get("Versions", []), left.get("DeleteMarkers", [])) == ([], [])
    assert client.list_multipart_uploads(Bucket=bucket).get("Uploads", []) == []


def test_a_bare_bucket_is_red_where_it_is_open_and_advised_where_it_is_careless(cloud: Cloud) -> None:
    bare = cloud.bucket()
    assert not_good(examine_lake(lake(cloud, bare))) == [
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


def test_a_lake_without_a_bucket_ends_there(cloud: Cloud) -> None:
    assert told(examine_lake(lake(cloud, "no-such-bucket"))) == [
        (
            "bucket",
            False,
            "there is no bucket no-such-bucket",
            "Create it in eu-west-1 (the template in deploy/ does), or correct USER_BEHAVIOUR_LAKE.",
        )
    ]


def test_a_bucket_of_another_region_is_told_with_both(cloud: Cloud) -> None:
    name = f"{cloud.bucket()}-far"
    far = Aws(region_name="ap-southeast-2", endpoint_url=cloud.url)
    far.client("s3").create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "ap-southeast-2"})
    (region,) = [
        found for found in told(examine_lake(S3Lake(aws=cloud.aws, bucket=name, prefix="ub"))) if found[0] == "region"
    ]
    assert region == (
        "region",
        False,
        "the bucket is in ap-southeast-2, the clients are in eu-west-1",
        "Set AWS_REGION=ap-southeast-2 and have EMR and Redshift there, or take a bucket in eu-west-1.",
    )


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        (s3("GET", "list-type"), ("bucket", "Allow s3:ListBucket on arn:aws:s3:::BUCKET to the identity in use.")),
        (
            s3("PUT", holding="_doctor/"),
            ("write", "Allow s3:PutObject on arn:aws:s3:::BUCKET/ub/* to the identity in use."),
        ),
        (
            s3("GET", holding="_doctor/"),
            ("read", "Allow s3:GetObject on arn:aws:s3:::BUCKET/ub/* to the identity in use."),
        ),
        (
            s3("POST", "uploads"),
            ("large uploads", "Allow s3:PutObject on arn:aws:s3:::BUCKET/ub/* to the identity in use."),
        ),
        (
            s3("GET", "uploads"),
            ("large uploads", "Allow s3:ListBucketMultipartUploads on arn:aws:s3:::BUCKET to the identity in use."),
        ),
    ],
)
def test_a_missing_permission_is_named_with_its_resource(
    cloud: Cloud, bucket: str, request_: Callable[[dict[str, Any]], bool], expected: tuple[str, str]
) -> None:
    with cloud.behind(refusing(request_, "AccessDenied")):
        (found,) = not_good(examine_lake(lake(cloud, bucket)))
    subject, remedy = expected
    assert found == (subject, False, "not allowed (AccessDenied)", remedy.replace("BUCKET", bucket))


def test_an_upload_that_may_be_begun_but_not_aborted_is_red(cloud: Cloud, bucket: str) -> None:
    aborts = lambda environ: environ["REQUEST_METHOD"] == "DELETE" and "uploadId" in environ["QUERY_STRING"]  # noqa: E731
    with cloud.behind(refusing(aborts, "AccessDenied")):
        (found,) = not_good(examine_lake(lake(cloud, bucket)))
    assert found == (
        "large uploads",
        False,
        "not allowed (AccessDenied)",
        f"Allow s3:AbortMultipartUpload on arn:aws:s3:::{bucket}/ub/* to the identity in use.",
    )


def test_the_key_that_aws_names_is_in_the_remedy(cloud: Cloud, bucket: str) -> None:
    message = (
        "User: arn:aws:iam::123456789012:user/ub is not authorized to perform: kms:GenerateDataKey on resource: "
        '"arn:aws:kms:eu-west-1:123456789012:key/1" because no identity-based policy allows it'
    )
    with cloud.behind(refusing(s3("PUT", holding="_doctor/"), "AccessDenied", message)):
        (found,) = not_good(examine_lake(lake(cloud, bucket)))
    assert found[3] == ("Allow kms:GenerateDataKey on arn:aws:kms:eu-west-1:123456789012:key/1 to the identity in use.")


def test_a_probe_that_may_not_be_deleted_is_named(cloud: Cloud, bucket: str) -> None:
    with cloud.behind(refusing(s3("DELETE", holding="_doctor/"), "AccessDenied")):
        found = {subject: (text, remedy) for subject, _, text, remedy in not_good(examine_lake(lake(cloud, bucket)))}
    (left,) = cloud.aws.client("s3").list_objects_v2(Bucket=bucket)["Contents"]
    assert found["delete"] == (
        f"not allowed (AccessDenied); s3://{bucket}/{left['Key']} stays",
        f"Allow s3:DeleteObject on arn:aws:s3:::{bucket}/ub/* to the identity in use.",
    )


def test_a_store_that_ignores_conditions_is_red(cloud: Cloud, bucket: str) -> None:
    def ignoring(application: Wsgi) -> Wsgi:
        def answer(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
            return application(
                {name: value for name, value in environ.items() if "HTTP_IF_" not in name}, start_response
            )

        return answer

    with cloud.behind(ignoring):
        (found,) = not_good(examine_lake(lake(cloud, bucket)))
    assert found == (
        "conditional write",
        False,
        "IfNoneMatch was ignored",
        "Use S3 itself, or an endpoint that heeds If-Match and If-None-Match (AWS_ENDPOINT_URL).",
    )
    assert "Versions" not in cloud.aws.client("s3").list_object_versions(Bucket=bucket)


@pytest.mark.parametrize(
    ("mark", "subject", "action"),
    [
        ("publicAccessBlock", "public access", "s3:GetBucketPublicAccessBlock"),
        ("policy", "TLS only", "s3:GetBucketPolicy"),
        ("versioning", "versioning", "s3:GetBucketVersioning"),
        ("encryption", "encryption", "s3:GetEncryptionConfiguration"),
        ("lifecycle", "unfinished uploads", "s3:GetLifecycleConfiguration"),
    ],
)
def test_what_may_not_be_looked_at_is_not_known(
    cloud: Cloud, bucket: str, mark: str, subject: str, action: str
) -> None:
    with cloud.behind(refusing(s3("GET", mark), "AccessDenied")):
        (found,) = not_good(examine_lake(lake(cloud, bucket)))
    assert found == (
        subject,
        None,
        f"not allowed to look ({action}: AccessDenied)",
        f"Allow {action} on arn:aws:s3:::{bucket} to the identity in use.",
    )


@pytest.mark.parametrize(
    ("statement", "green"),
    [
        ({"Effect": "Deny", "Principal": {"AWS": "*"}, "Action": "s3:*"}, True),
        ({"Effect": "Deny", "Principal": "*", "Action": "s3:GetObject"}, False),
        ({"Effect": "Allow", "Principal": "*", "Action": "s3:*"}, False),
        ({"Effect": "Deny", "Principal": {"AWS": "arn:aws:iam::123456789012:user/a"}, "Action": "s3:*"}, False),
    ],
)
def test_only_a_denial_of_everything_to_everyone_is_tls_only(
    cloud: Cloud, bucket: str, statement: dict[str, Any], green: bool
) -> None:
    policy = {
        "Version": "2012-10-17",
        "Statement": [
            {
                **statement,
                "Resource": f"arn:aws:s3:::{bucket}/*",
                "Condition": {"Bool": {"aws:SecureTransport": "false"}},
            }
        ],
    }
    with cloud.behind(answering(s3("GET", "policy"), json.dumps(policy))):
        assert [ok for subject, ok, *_ in told(examine_lake(lake(cloud, bucket))) if subject == "TLS only"] == [green]


def test_the_account_says_who_asks_and_where(cloud: Cloud, bucket: str) -> None:
    assert told(examine_account(lake(cloud, bucket))) == [
        ("identity", True, "arn:aws:sts::123456789012:user/moto of account 123456789012", ""),
        ("region", True, REGION, ""),
    ]


@pytest.mark.parametrize(
    ("code", "found", "remedy"),
    [
        (
            "ExpiredToken",
            "the credentials have expired (ExpiredToken)",
            "Log in anew (`aws sso login`), or see to it that the role's credentials are refreshed.",
        ),
        (
            "InvalidClientTokenId",
            "AWS does not take the credentials (InvalidClientTokenId)",
            "See to the access key in use (AWS_PROFILE, AWS_ACCESS_KEY_ID) and to the clock of this machine.",
        ),
    ],
)
def test_credentials_that_are_not_taken_end_the_role(
    cloud: Cloud, bucket: str, code: str, found: str, remedy: str
) -> None:
    with cloud.behind(refusing(host("sts"), code)), pytest.raises(OutOfReachError) as caught:
        list(examine_account(lake(cloud, bucket)))
    assert (caught.value.found, caught.value.remedy) == (found, remedy)


def test_missing_credentials_and_no_region_are_told_apart(
    cloud: Cloud, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.delenv("AWS_ACCESS_KEY_ID")
        patch.delenv("AWS_SECRET_ACCESS_KEY")
        with pytest.raises(OutOfReachError) as caught:  # with clients of its own: those of `cloud` have credentials
            list(
                examine_account(S3Lake(aws=Aws(region_name=REGION, endpoint_url=cloud.url), bucket=bucket, prefix="ub"))
            )
    assert caught.value.found == "there are no credentials (NoCredentialsError)"
    assert caught.value.remedy == (
        "Give credentials as AWS does: a role, AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."
    )
    with monkeypatch.context() as patch:
        patch.delenv("AWS_REGION")
        patch.delenv("AWS_DEFAULT_REGION")
        with pytest.raises(OutOfReachError) as caught:
            list(examine_account(S3Lake(aws=Aws(region_name=None, endpoint_url=cloud.url), bucket=bucket, prefix="ub")))
    assert (caught.value.found, caught.value.remedy) == (
        "no region is set",
        "Set AWS_REGION to the region of the lake's bucket.",
    )


def test_an_endpoint_that_nobody_serves_is_out_of_reach(bucket: str) -> None:
    nowhere = Aws(region_name=REGION, endpoint_url="http://127.0.0.1:9", max_attempts=1)
    with pytest.raises(OutOfReachError) as caught:
        list(examine_lake(S3Lake(aws=nowhere, bucket=bucket, prefix="ub")))
    assert caught.value.found.startswith("AWS cannot be reached: Could not connect to the endpoint URL")
    assert caught.value.remedy == (
        "See to the way there: AWS_ENDPOINT_URL, AWS_REGION, proxies, routes or endpoints of the VPC."
    )


def test_a_drop_with_files_is_listed_and_one_is_opened(cloud: Cloud) -> None:
    name = cloud.bucket("vendor")
    drop = S3VendorDrop(aws=cloud.aws, bucket=name, prefix="in")
    assert told(examine_vendor_drop(drop)) == [
        ("bucket", True, f"s3://{name}/in can be listed", ""),
        ("read", True, "allowed; there is no file yet", ""),
    ]
    client = cloud.aws.client("s3")
    client.put_object(Bucket=name, Key="in/", Body=b"")
    client.put_object(Bucket=name, Key="in/movie_review_2010-12-01.csv", Body=b"cid,review_str\n")
    assert told(examine_vendor_drop(drop))[1] == ("read", True, "in/movie_review_2010-12-01.csv was opened", "")


def test_a_drop_that_may_be_listed_but_not_read_is_red_with_and_without_files(cloud: Cloud) -> None:
    name = cloud.bucket("vendor")
    drop = S3VendorDrop(aws=cloud.aws, bucket=name, prefix="in")
    expected = (
        "read",
        False,
        "not allowed (AccessDenied)",
        f"Allow s3:GetObject on arn:aws:s3:::{name}/in/* to the identity in use.",
    )
    with cloud.behind(refusing(s3("GET", holding="/in/"), "AccessDenied")):
        assert told(examine_vendor_drop(drop))[1] == expected
        cloud.aws.client("s3").put_object(Bucket=name, Key="in/movie_review_2010-12-01.csv", Body=b"cid\n")
        assert told(examine_vendor_drop(drop))[1] == expected


def test_a_drop_without_a_bucket_names_its_setting(cloud: Cloud) -> None:
    assert told(examine_vendor_drop(S3VendorDrop(aws=cloud.aws, bucket="no-such-drop", prefix=""))) == [
        (
            "bucket",
            False,
            "there is no bucket no-such-drop",
            "Create it in eu-west-1 (the template in deploy/ does), or correct USER_BEHAVIOUR_VENDOR_DROP.",
        )
    ]


@pytest.fixture
def closed(tmp_path: Path) -> Path:
    """A directory that is really a file: even root cannot write below it."""
    path = tmp_path / "closed"
    path.write_text("")
    return path


def test_a_local_lake_is_green_before_and_after_it_is_made(tmp_path: Path) -> None:
    root = tmp_path / "home" / "lake"
    first = told(examine_lake(LocalLake(root=str(root))))
    assert first[0] == ("directory", True, f"{root} is not there yet; {tmp_path} can be written to", "")
    assert not root.parent.exists()
    root.mkdir(parents=True)
    assert told(examine_lake(LocalLake(root=str(root))))[0] == ("directory", True, f"{root} can be written to", "")
    assert list(root.iterdir()) == []


def test_a_local_lake_that_cannot_be_written_is_red(closed: Path) -> None:
    assert told(examine_lake(LocalLake(root=str(closed)))) == [
        (
            "directory",
            False,
            f"{closed} cannot be written to: Not a directory",
            f"Let this user write to {closed}, or set USER_BEHAVIOUR_HOME to a directory that it may write to.",
        )
    ]


def test_a_local_drop_is_green_absent_or_red(tmp_path: Path, closed: Path) -> None:
    drop = tmp_path / "vendor"
    assert told(examine_vendor_drop(LocalVendorDrop(directory=str(drop)))) == [
        (
            "directory",
            None,
            f"{drop} is not there yet",
            "`user-behaviour generate` makes a sample, `user-behaviour deliver FILE` takes a file of yours.",
        )
    ]
    drop.mkdir()
    (drop / "movie_review_2010-12-01.csv").write_text("cid,review_str\n")
    assert told(examine_vendor_drop(LocalVendorDrop(directory=str(drop)))) == [
        ("directory", True, f"{drop} can be read; files: 1", "")
    ]
    (found,) = told(examine_vendor_drop(LocalVendorDrop(directory=str(closed))))
    assert found[:3] == ("directory", False, f"{closed} cannot be read: Not a directory")
