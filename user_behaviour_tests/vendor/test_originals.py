"""What is taken out of the vendor's drop and what is not, and what becomes of a day whose originals are in trouble."""

import os
from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from user_behaviour.lake.objects import Objects
from user_behaviour.lake.s3 import S3Lake
from user_behaviour.vendor.drop import DroppedFile
from user_behaviour.vendor.local import LocalVendorDrop
from user_behaviour.vendor.s3 import S3VendorDrop
from user_behaviour_tests.cloud.moto_server import Cloud, Wsgi
from user_behaviour_tests.vendor.files import D1, D2, FIRST, GOOD, LANDED, Vendor

CHANGED = "changed while it was read; rerun when it is whole."
SECOND = "movie_review_2010-12-02.csv"


def _meddled(vendor: Vendor, meddle: Callable[[Path], object]) -> LocalVendorDrop:
    """The vendor's drop, in which something is done to the first day's file in the moment in which it is opened."""

    class Meddled(LocalVendorDrop):
        def open(self, name: str) -> BinaryIO:
            if name == FIRST:
                meddle(Path(self.directory) / name)
            return super().open(name)

    return Meddled(directory=vendor.drop.directory)


def _replaced_by_a_link(path: Path) -> None:
    path.unlink()
    path.symlink_to("/etc/passwd")


def _replaced_by_a_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


MEDDLING: dict[str, tuple[Callable[[Path], object], str]] = {
    "grows": (lambda path: path.write_bytes(GOOD + b"3,more\n"), CHANGED),
    "goes away": (
        Path.unlink,
        "cannot be opened (No such file or directory); correct its access rights, or deliver it again.",
    ),
    "becomes a link": (
        _replaced_by_a_link,
        "cannot be opened (Too many levels of symbolic links); correct its access rights, or deliver it again.",
    ),
    "becomes a pipe": (
        _replaced_by_a_pipe,
        "cannot be opened (not a file any more); correct its access rights, or deliver it again.",
    ),
}


@pytest.mark.parametrize(
    ("vendor_on", "kind"), [("s3", "grows"), *(("local", kind) for kind in MEDDLING)], indirect=["vendor_on"]
)
def test_a_file_that_changes_while_it_is_copied_holds_back_its_day_alone(vendor_on: Vendor, kind: str) -> None:
    meddle, sentence = MEDDLING[kind]
    vendor_on.deliver(FIRST, GOOD)
    vendor_on.deliver(SECOND, GOOD)

    published = vendor_on.land(D2, drop=_meddled(vendor_on, meddle))

    assert published == {"2010-12-02"}
    assert vendor_on.rejection().reasons == (f"{FIRST} {sentence}",)
    lake, kept = vendor_on.dataset.lake, "movie_review_file/insert_date=2010-12-01"
    assert [lake.list(f"{kept}/{version}") for version in lake.list(kept)] in ([], [[]])
    vendor_on.deliver(FIRST, GOOD)
    assert vendor_on.land() == {"2010-12-01"}


class Replacing(S3VendorDrop):
    """A drop in which the vendor replaces the file just before it is copied."""

    def copy_to_lake(self, file: DroppedFile, lake: Objects, path: str) -> bool:
        self.place.client.put_object(Bucket=self.bucket, Key=self.place.key(file.name), Body=b"another")
        return super().copy_to_lake(file, lake, path)


@pytest.mark.parametrize(("kind", "reasons"), [(S3VendorDrop, ()), (Replacing, (f"{FIRST} {CHANGED}",))])
def test_on_s3_the_server_copies_the_version_that_was_listed_and_no_byte_comes_by(
    vendor: Vendor, cloud: Cloud, kind: type[S3VendorDrop], reasons: tuple[str, ...]
) -> None:
    bucket, asked = cloud.bucket("vendor"), list[tuple[str, str, str]]()

    def watching(application: Wsgi) -> Wsgi:
        def serve(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
            condition = environ.get("HTTP_X_AMZ_COPY_SOURCE_IF_MATCH", "")
            asked.append((environ["REQUEST_METHOD"], environ["PATH_INFO"], condition))
            return application(environ, start_response)

        return serve

    vendor.lake = S3Lake(aws=cloud.aws, bucket=cloud.bucket(), prefix="lake")
    etag = cloud.aws.client("s3").put_object(Bucket=bucket, Key=f"in/{FIRST}", Body=GOOD)["ETag"].strip('"')

    with cloud.behind(watching):
        vendor.land(drop=kind(aws=cloud.aws, bucket=bucket, prefix="in"))

    assert [path for method, path, _ in asked if method == "GET" and path.endswith(f"/in/{FIRST}")] == []
    if reasons:
        assert vendor.rejection().reasons == reasons
    else:
        assert vendor.rows() == LANDED
        assert etag in [condition.strip('"') for method, _, condition in asked if method == "PUT"]


def test_an_original_that_another_run_has_landed_meanwhile_stays(vendor_on: Vendor) -> None:
    """A run that saw its file change removed what it had copied, and the run beside it had published from there."""

    def land_it_elsewhere_and_change_it(path: Path) -> None:
        assert vendor_on.land() == {"2010-12-01"}
        path.write_bytes(b"cid,review_str\n3,new\n")

    vendor_on.deliver(FIRST, GOOD)
    assert vendor_on.land(drop=_meddled(vendor_on, land_it_elsewhere_and_change_it)) == set()

    (source,) = vendor_on.dataset.current(D1).sources
    with closing(vendor_on.dataset.lake.open(source.kept_at)) as original:
        assert original.read() == GOOD
    vendor_on.clear(FIRST)
    assert vendor_on.land() == {"2010-12-01"}
    assert vendor_on.rows() == LANDED


def test_an_original_that_is_missing_holds_back_its_day_alone(vendor_on: Vendor) -> None:
    """One that was lost ended a run over all days, and none of them was published."""
    for name in (FIRST, SECOND):
        vendor_on.deliver(name, GOOD)
    vendor_on.land(D2)
    before, lake = vendor_on.dataset.current(D1), vendor_on.dataset.lake
    lake.delete(before.sources[0].kept_at)
    vendor_on.clear(FIRST)

    assert vendor_on.land(D2) == {"2010-12-02"}

    (reason,) = vendor_on.rejection().reasons
    assert reason.startswith(f"Vendor file {FIRST}: its original in the lake, {lake.uri(before.sources[0].kept_at)}, ")
    assert reason.endswith("; deliver the file again, whole and corrected.")
    assert vendor_on.rows() == LANDED
    vendor_on.deliver(FIRST, GOOD)
    assert vendor_on.land(D2) == {"2010-12-01", "2010-12-02"}


def test_an_original_that_is_missing_is_copied_again_while_the_vendor_still_has_the_file(vendor_on: Vendor) -> None:
    vendor_on.deliver(FIRST, GOOD)
    vendor_on.land()
    vendor_on.dataset.lake.delete("movie_review_file")

    assert vendor_on.land() == {"2010-12-01"}
    assert vendor_on.rows() == LANDED


def test_what_is_no_file_is_named_and_left_alone_and_its_day_lands(
    vendor: Vendor, capfd: pytest.CaptureFixture[str]
) -> None:
    vendor.deliver(FIRST, GOOD)
    (vendor.root / "secret").write_bytes(b"cid,review_str\n9,secret\n")
    (vendor.directory / "movie_review_2010-12-01_out.csv").symlink_to(vendor.root / "secret")
    (vendor.directory / "movie_review_2010-12-01_loop.csv").symlink_to("movie_review_2010-12-01_loop.csv")
    os.mkfifo(vendor.directory / "movie_review_2010-12-01_pipe.csv")
    (vendor.directory / "movie_review_2010-12-09_other_day.csv").symlink_to("nowhere")

    assert vendor.land() == {"2010-12-01"}

    assert vendor.rows() == LANDED
    told = capfd.readouterr().err
    for name, kind in (("out", "a link, which is not followed"), ("loop", "a link"), ("pipe", "a pipe")):
        assert f"'movie_review_2010-12-01_{name}.csv' in {vendor.drop.uri()} is {kind}" in told
    assert "other_day" not in told
