"""Landing the vendor's files: what a day is made of, what is kept, and when a day is held back."""

import gzip
import zlib
from contextlib import closing

from user_behaviour.vendor.s3 import S3VendorDrop
from user_behaviour_tests.cloud.moto_server import Cloud
from user_behaviour_tests.cloud.policies import refusing, s3
from user_behaviour_tests.vendor.files import BAD_ROW, D1, D3, FIRST, GOOD, LANDED, TORN, Vendor


def test_every_file_of_the_day_lands_in_the_order_of_names(vendor: Vendor) -> None:
    late = "movie_review_2010-12-01_late.csv.gz"
    vendor.deliver(late, gzip.compress(b"\xef\xbb\xbfcid,review_str\r\n7,fine\r\n"))
    vendor.deliver(FIRST, GOOD)
    vendor.deliver("movie_review_2010-12-02.csv", b"cid,review_str\n9,other day\n")
    vendor.deliver("README.txt", b"hello")

    assert vendor.land(D3) == {"2010-12-01", "2010-12-02", "2010-12-03"}

    assert vendor.rows() == [*LANDED, ("7", "fine", late, 2)]
    assert vendor.rows(D3) == []  # no file: published as empty
    manifest, without_file = vendor.dataset.current(D1), vendor.dataset.current(D3)
    assert [source.name for source in manifest.sources] == [FIRST, late]
    keys = sum(zlib.crc32(f"{name}:{line}".encode()) for _, _, name, line in vendor.rows())
    assert manifest.facts == {"files": 2, "rows_in_files": 3, "rows_quarantined": 0, "review_keys": keys}
    assert without_file.facts == {"files": 0, "rows_in_files": 0, "rows_quarantined": 0, "review_keys": 0}


def test_rows_in_the_files_are_rows_landed_and_rows_quarantined(vendor: Vendor) -> None:
    content = GOOD + BAD_ROW + b",no customer\n4,\xff\n5,\n" + b"6,fine\n"
    vendor.deliver(FIRST, content)

    vendor.land(share=0.6)

    manifest = vendor.dataset.current(D1)
    (quarantine,) = vendor.dataset.quarantine(manifest)
    assert manifest.facts["rows_in_files"] == len(vendor.rows()) + quarantine.num_rows == 7
    assert [(row["source_file"], row["line_number"], row["raw"]) for row in quarantine.to_pylist()] == [
        (FIRST, 4, BAD_ROW),
        (FIRST, 5, b",no customer\n"),
        (FIRST, 6, b"4,\xff\n"),
        (FIRST, 7, b"5,\n"),
    ]


def test_the_same_name_delivered_again_replaces_and_the_earlier_original_is_kept(vendor: Vendor) -> None:
    vendor.deliver(FIRST, GOOD)
    vendor.land()
    (before,) = vendor.dataset.current(D1).sources

    vendor.deliver(FIRST, b"cid,review_str\n3,new\n4,new\n")
    vendor.land()

    assert vendor.rows() == [("3", "new", FIRST, 2), ("4", "new", FIRST, 3)]
    (after,) = vendor.dataset.current(D1).sources
    assert before.version != after.version
    for source, content in ((before, GOOD), (after, b"cid,review_str\n3,new\n4,new\n")):
        with closing(vendor.dataset.lake.open(source.kept_at)) as original:
            assert original.read() == content


def test_a_file_that_the_vendor_cleared_away_counts_if_it_was_in_force(vendor: Vendor) -> None:
    vendor.deliver(FIRST, GOOD)
    vendor.land()
    vendor.clear(FIRST)
    late = "movie_review_2010-12-01_late.csv"
    vendor.deliver(late, b"cid,review_str\n7,fine\n")

    vendor.land()

    assert vendor.rows() == [*LANDED, ("7", "fine", late, 2)]


def test_a_file_that_never_landed_and_is_gone_does_not_count(vendor: Vendor) -> None:
    torn = "movie_review_2010-12-01_torn.csv.gz"
    vendor.deliver(FIRST, GOOD)
    vendor.deliver(torn, TORN)
    assert vendor.land() == set()
    vendor.clear(torn)

    assert vendor.land() == {"2010-12-01"}
    assert vendor.rows() == LANDED


def test_landing_again_changes_no_row(vendor: Vendor) -> None:
    vendor.deliver(FIRST, GOOD)
    vendor.land()
    originals = sorted(vendor.root.glob("lake/movie_review_file/**/*.csv"))
    vendor.land()

    assert vendor.rows() == LANDED
    assert sorted(vendor.root.glob("lake/movie_review_file/**/*.csv")) == originals


def test_an_object_that_may_not_be_read_says_so_and_what_to_do_once(vendor: Vendor, cloud: Cloud) -> None:
    bucket = cloud.bucket("vendor")
    cloud.aws.client("s3").put_object(Bucket=bucket, Key=f"in/{FIRST}", Body=GOOD)

    with cloud.behind(refusing(s3("GET", holding=f"/in/{FIRST}"), "AccessDenied", "Access Denied")):
        assert vendor.land(drop=S3VendorDrop(aws=cloud.aws, bucket=bucket, prefix="in")) == set()

    assert vendor.rejection().reasons == (
        f"{FIRST} cannot be opened. Reading s3://{bucket}/in/{FIRST} failed: S3 says AccessDenied: Access Denied. "
        "Allow s3:GetObject (and s3:ListBucket, without which a missing object is refused as well) on "
        f"s3://{bucket}/in/{FIRST} to the identity in use.",
    )
