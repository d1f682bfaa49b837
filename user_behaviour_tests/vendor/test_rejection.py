"""When the vendor's files of a day are held back: what is said, what is kept, what stays in force, what heals."""

from contextlib import closing

import pytest

from user_behaviour.vendor.landing import BAD_ROWS_KEPT, UNREADABLE_NAMED
from user_behaviour_tests.vendor.files import BAD_ROW, D1, D2, FIRST, GOOD, HEADER, LANDED, TORN, Vendor


def test_the_share_of_bad_rows_may_be_reached_and_not_passed_and_may_be_zero(vendor: Vendor) -> None:
    vendor.deliver(FIRST, GOOD)
    assert vendor.land(share=0) == {"2010-12-01"}

    vendor.deliver(FIRST, GOOD + b"4,fine\n" + BAD_ROW)  # one of four
    assert vendor.land(share=0.25) == {"2010-12-01"}
    assert vendor.land(share=0) == set()
    assert vendor.land(share=0.24) == set()

    assert vendor.rejection().reasons == (
        f"{FIRST}, line 5: 2 fields expected, 3 found; 1 of the day's 4 rows cannot be used, "
        "more than the limit of 24.00%",
    )
    (quarantine,) = vendor.dataset.quarantine(vendor.rejection())  # kept for whoever mends them
    assert quarantine["raw"].to_pylist() == [BAD_ROW]


UNREADABLE = {
    "cut off": (TORN, "line 3: the gzip data ends early"),
    "too large": (GOOD + b"5,x\n" * 100, "the file has more than 200 bytes"),
}


@pytest.mark.parametrize("kind", UNREADABLE)
def test_an_unreadable_file_rejects_its_day_and_names_file_line_and_reason(vendor: Vendor, kind: str) -> None:
    content, reason = UNREADABLE[kind]
    vendor.deliver("movie_review_2010-12-01_a.csv", content)
    vendor.deliver("movie_review_2010-12-02.csv", GOOD)

    assert vendor.land(D2, file_bytes=200) == {"2010-12-02"}

    (found,) = vendor.rejection().reasons
    assert found.startswith("Vendor file movie_review_2010-12-01_a.csv")
    assert reason in found
    (source,) = vendor.rejection().sources
    with closing(vendor.dataset.lake.open(source.kept_at)) as original:
        assert original.read() == content


def test_one_look_names_all_that_is_wrong_with_a_day(vendor: Vendor) -> None:
    vendor.deliver("movie_review_2010-12-01_a.csv", b"nothing of the kind\n")
    vendor.deliver("movie_review_2010-12-01_b.csv.gz", TORN)
    vendor.deliver("movie_review_2010-12-01_c.csv", HEADER + BAD_ROW * 9)

    vendor.land()

    first, second, third = vendor.rejection().reasons
    assert "_a.csv, line 1" in first
    assert "_b.csv.gz, line 3" in second
    assert "_c.csv, line 2" in third


def test_a_bad_delivery_leaves_the_batch_before_in_force_and_a_fixed_one_heals_the_day(vendor: Vendor) -> None:
    vendor.deliver(FIRST, GOOD)
    vendor.land()
    vendor.deliver(FIRST, TORN)
    assert vendor.land() == set()
    assert vendor.rows() == LANDED
    assert vendor.rejection().in_force == vendor.dataset.current(D1).batch_id

    vendor.deliver(FIRST, b"cid,review_str\n8,mended\n")
    assert vendor.land() == {"2010-12-01"}
    assert vendor.rows() == [("8", "mended", FIRST, 2)]
    assert vendor.dataset.rejection(D1) is None


def test_of_very_many_unreadable_files_the_first_are_named_and_the_others_counted(vendor: Vendor) -> None:
    for number in range(UNREADABLE_NAMED + 3):
        vendor.deliver(f"movie_review_2010-12-01_{number:03}.csv", b"")

    vendor.land()

    *named, rest = vendor.rejection().reasons
    assert [f"_{number:03}.csv" in reason for number, reason in enumerate(named)] == [True] * UNREADABLE_NAMED
    assert rest == f"3 more of the day's {UNREADABLE_NAMED + 3} files cannot be read"


def test_reading_ends_where_nothing_that_can_follow_would_save_the_day(vendor: Vendor) -> None:
    """Gzip makes a gigabyte of bad rows a megabyte: they were read to the end, for minutes, and all were kept."""
    vendor.deliver(FIRST, HEADER + b"x\n" * (BAD_ROWS_KEPT + 5_000))

    vendor.land(share=0.01, file_bytes=400_000)

    assert vendor.rejection().reasons == (
        f"{FIRST}, line 2: 2 fields expected, 1 found; {BAD_ROWS_KEPT + 1} of the first {BAD_ROWS_KEPT + 1} rows "
        "cannot be used, more than the limit of 1.00%",
    )
    assert sum(batch.num_rows for batch in vendor.dataset.quarantine(vendor.rejection())) == BAD_ROWS_KEPT + 1
