"""How the claims that are made of every asset of a kind are broken: a table of cases."""

import gzip
from datetime import timedelta

import pyarrow as pa

from user_behaviour.tables.schemas import CLASSIFIED_REVIEWS, LAKE_TABLES, RAW_PURCHASES, RAW_REVIEWS, STAGED_PURCHASES
from user_behaviour_tests.checks.case import Case
from user_behaviour_tests.checks.sabotage import (
    delivered,
    file_lost,
    file_overwritten,
    file_rewritten,
    in_warehouse,
    pointer_lost,
    with_column,
)
from user_behaviour_tests.checks.shop import CLAIMS

PUBLISHED = "every_day_is_published"
FITS = "every_row_fits_its_schema"
PARTITIONED = [table for table in LAKE_TABLES if f"{table.name}:{PUBLISHED}" in CLAIMS]
CUT_OFF = gzip.compress(b"cid,review_str\n14000,good\n" * 50)[:-20]

A_NULL_IN = {
    RAW_PURCHASES.name: "invoice_number",
    RAW_REVIEWS.name: "cid",
    STAGED_PURCHASES.name: "country",
    CLASSIFIED_REVIEWS.name: "positive_review",
}


CASES = [
    *(
        Case(
            f"{table.name}:{PUBLISHED}",
            "its pointer is lost",
            pointer_lost(table),
            f"Partition {{day}} of {table.name} is not in the lake at file://",
        )
        for table in PARTITIONED
    ),
    Case(
        f"{RAW_REVIEWS.name}:{PUBLISHED}",
        "a newer delivery was rejected",
        delivered("_late.csv.gz", CUT_OFF),
        "movie_review_{day}_late.csv.gz",
    ),
    *(
        Case(
            f"spectrum/{name}:{PUBLISHED}",
            "it is not registered",
            in_warehouse(
                "delete from spectrum.registered_partition "
                f"where insert_date = %(day)s and table_name = 'spectrum.{name}'"
            ),
            f"not registered in spectrum.{name}",
        )
        for name in ("user_purchase_staging", "movie_review_clean_stage")
    ),
    Case(
        f"public/user_behavior_metric:{PUBLISHED}",
        "it is not recorded as written",
        in_warehouse("delete from audit.published_partition where insert_date = %(day)s"),
        "not written to public.user_behavior_metric",
    ),
    *(
        Case(
            f"{table.name}:{FITS}",
            "a null stands where none may be",
            file_rewritten(table, with_column(A_NULL_IN[table.name], lambda found: [None, *found[1:]])),
            f"{A_NULL_IN[table.name]} is null in 1 rows",
        )
        for table in PARTITIONED
    ),
    Case(
        f"{RAW_PURCHASES.name}:{FITS}",
        "a null stands in a file without statistics",
        file_rewritten(RAW_PURCHASES, with_column("country", lambda found: [None, *found[1:]]), statistics=False),
        "country is null in 1 rows",
    ),
    *(
        Case(
            f"{table.name}:{FITS}",
            "a column has another type",
            file_rewritten(table, with_column("quantity", lambda found: found, pa.int64())),
            "quantity is int64 in the file, declared is int32",
        )
        for table in (RAW_PURCHASES, STAGED_PURCHASES)
    ),
    *(
        Case(
            f"{table.name}:{FITS}",
            f"a line is of the next day, {name}",
            file_rewritten(
                table,
                with_column("invoice_date", lambda found: [*found[:-1], found[0] + timedelta(hours=14)]),
                statistics=statistics,
            ),
            "invoice_date reaches from {day} 10:00:00 to ",
        )
        for table in (RAW_PURCHASES, STAGED_PURCHASES)
        for name, statistics in (("by the footer", True), ("by the values", False))
    ),
    Case(f"{RAW_REVIEWS.name}:{FITS}", "its file is lost", file_lost(RAW_REVIEWS), "cannot be read: "),
    Case(
        f"{RAW_REVIEWS.name}:{FITS}",
        "its file is no Parquet",
        file_overwritten(RAW_REVIEWS, b"not a Parquet file"),
        "cannot be read: ",
    ),
]
