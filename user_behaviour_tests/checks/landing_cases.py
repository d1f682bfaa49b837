"""How the claims about stage landing are broken: a table of cases."""

from contextlib import closing
from datetime import date

import psycopg2

from user_behaviour.checks.result import SAMPLE
from user_behaviour.tables.schemas import RAW_PURCHASES, RAW_REVIEWS
from user_behaviour_tests.checks.case import WARN, Case
from user_behaviour_tests.checks.sabotage import (
    delivered,
    facts_rewritten,
    file_rewritten,
    first_row_for_the_second,
    first_row_less,
    in_turn,
    manifest_of,
    pointer_lost,
    published_again,
    seen_in_the_future,
    tenfold,
)
from user_behaviour_tests.checks.shop import REVIEWS, Shop

SOURCE = "raw_purchases:purchases_landed_equal_purchases_in_the_source"
FILES = "raw_reviews:reviews_in_files_equal_landed_and_quarantined"
QUARANTINE = "raw_reviews:quarantine_is_empty"
ONE_BAD_ROW_OF_102 = "cid,review_str\n" + "14000,good\n" * 101 + ",of nobody\n"
TWELVE_BAD_ROWS_OF_1212 = "cid,review_str\n" + "14000,good\n" * 1200 + ",of nobody\n" * 12


def sold_afterwards(shop: Shop, day: date) -> None:
    shop.installation.sell([(f"{day} 18:00:00", 9, "1.000", "LATE", 14000)] * 2)


def sold_nothing(shop: Shop, day: date) -> None:
    """The source has lost its lines of the day."""
    with closing(psycopg2.connect(shop.installation.stack.endpoints().shop)) as connection, connection:
        connection.cursor().execute("delete from retail.user_purchase where invoice_date::date = %s", (day,))


def _nothing_delivered(shop: Shop, day: date) -> None:
    """As if the vendor had never delivered for the day."""
    (shop.installation.vendor / f"movie_review_{day}.csv").unlink()
    pointer_lost(RAW_REVIEWS)(shop, day)
    assert shop.installation.run(str(day), str(day), select=["raw_reviews"]).success


def original_lost(shop: Shop, day: date) -> None:
    for source in manifest_of(shop, RAW_REVIEWS, day).sources:
        shop.installation.here.lake.delete(source.kept_at)


CASES = [
    Case(
        SOURCE,
        "a line was lost on the way",
        file_rewritten(RAW_PURCHASES, first_row_less),
        "3 lines landed, 4 were in the source",
    ),
    Case(
        SOURCE,
        "the source had more",
        facts_rewritten(RAW_PURCHASES, rows_in_source=7),
        "4 lines landed, 7 were in the source",
    ),
    Case(
        SOURCE,
        "the source has more by now",
        sold_afterwards,
        "4 lines landed, the source has 6 by now; rerun the day",
        WARN,
    ),
    Case(
        "raw_purchases:volume_is_usual_for_the_weekday",
        "ten times the lines",
        published_again(RAW_PURCHASES, tenfold),
        "40 rows; a {day:%A} usually has 4",
        WARN,
    ),
    Case(
        "raw_reviews:volume_is_usual_for_the_weekday",
        "ten times the reviews",
        published_again(RAW_REVIEWS, tenfold),
        "120 rows; a {day:%A} usually has 12",
        WARN,
    ),
    Case(
        FILES,
        "a review was lost on the way",
        file_rewritten(RAW_REVIEWS, first_row_less),
        "11 landed + 0 quarantined, 12 rows in the files",
        offences=2,
    ),
    Case(
        FILES,
        "a review stands twice in the place of another",
        file_rewritten(RAW_REVIEWS, first_row_for_the_second),
        "part-00000.parquet of batch ",
    ),
    Case(
        FILES,
        "rows were counted that no file has",
        facts_rewritten(RAW_REVIEWS, rows_in_files=13),
        "12 landed + 0 quarantined, 13 rows in the files",
    ),
    Case(FILES, "the original is gone", original_lost, "is gone"),
    Case(
        QUARANTINE,
        "a row cannot be used",
        delivered("_late.csv", ONE_BAD_ROW_OF_102),
        "movie_review_{day}_late.csv, line 103: customer id is empty",
        WARN,
    ),
    Case(
        QUARANTINE,
        "the newer delivery was held back for its rows",
        delivered("_late.csv", "cid,review_str\n,good\n,bad\n"),
        "movie_review_{day}_late.csv, line 2: customer id is empty",
        WARN,
        offences=2,
    ),
    Case(
        QUARANTINE,
        "more rows cannot be used than a check needs to read, and the manifest hides one",
        in_turn(delivered("_late.csv", TWELVE_BAD_ROWS_OF_1212), facts_rewritten(RAW_REVIEWS, rows_quarantined=11)),
        "movie_review_{day}_late.csv, line 1202: customer id is empty",
        WARN,
        offences=SAMPLE + 2,
    ),
    Case(
        QUARANTINE,
        "rows were quarantined and are not to be found",
        facts_rewritten(RAW_REVIEWS, rows_quarantined=2),
        "0 rows in quarantine, the manifest says 2",
        WARN,
    ),
    Case(
        "raw_reviews:no_two_files_of_a_day_are_the_same",
        "the day's file came under another name as well",
        in_turn(delivered("_other.csv", REVIEWS.replace("good", "nice")), delivered("_again.csv", REVIEWS)),
        "movie_review_{day}_again.csv has the same bytes as movie_review_{day}.csv; ",
        WARN,
    ),
    *(
        Case(
            f"{table.name}:no_batch_is_of_the_future",
            "a clock was ahead",
            seen_in_the_future(table),
            " is as of 2199-12-31T00:00:00.000000Z, which has not come; set the clock",
        )
        for table in (RAW_PURCHASES, RAW_REVIEWS)
    ),
    Case(
        "raw_reviews:trading_days_have_a_vendor_file",
        "the vendor delivered nothing",
        _nothing_delivered,
        "no vendor file, and 4 purchase lines",
        WARN,
    ),
]
