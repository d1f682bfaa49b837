"""The tables and views that people look at: a star of dimensions and facts, what is computed from it once, questions.

A dimension's member never goes; it is described by the newest of the days that say anything of it, `described_on`, and
its key is a hash of what names it elsewhere. Member -1 is the one for what nobody knows.
"""

from typing import Any

from user_behaviour.tables import questions
from user_behaviour.tables.schemas import (
    BATCH_ID,
    EXTERNAL_TABLES,
    MOVIE_REVIEW_CLEAN_STAGE,
    RESTATEMENT,
    USER_BEHAVIOR_METRIC,
    USER_PURCHASE_STAGING,
)
from user_behaviour.tables.table import Column, Table, same_columns

_PURCHASES, _REVIEWS = "spectrum/user_purchase_staging", "spectrum/movie_review_clean_stage"
_LINES, _VERDICTS = "marts/fact_purchase_line", "marts/fact_review"

_DATE_KEY = Column("date_key", "int", "the day in `marts.dim_date`", nullable=False)
_CUSTOMER_KEY = Column(
    "customer_key", "bigint", "the customer in `marts.dim_customer`; -1: the shop does not know", nullable=False
)
_COUNTRY_KEY = Column("country_key", "bigint", "the country in `marts.dim_country`", nullable=False)
_PRODUCT_KEY = Column("product_key", "bigint", "the product in `marts.dim_product`", nullable=False)


def _of(table: Table, *names: str) -> tuple[Column, ...]:
    by_name = {column.name: column for column in table.columns}
    return tuple(by_name[name] for name in names)


_LINE = _of(USER_PURCHASE_STAGING, "invoice_number", "invoice_date", "quantity", "unit_price")
_VERDICT = _of(
    MOVIE_REVIEW_CLEAN_STAGE,
    *("positive_review", "probability", "classifier", "classifier_version", "source_file", "line_number"),
)


def _dimension(*, columns: tuple[Column, ...], **declared: Any) -> Table:
    """Its first column is the key of a member."""
    return Table(
        columns=(*columns, BATCH_ID),
        key=(columns[0].name,),
        key_has_day=False,
        partition_column="described_on",
        partition_meaning="the newest day that ever described the member, by any rule; 1900-01-01 where none did",
        **declared,
    )


# In a view any column may be null.
_PURCHASE = tuple(Column(c.name, c.type, c.description) for c in USER_PURCHASE_STAGING.without(BATCH_ID.name).columns)
PURCHASES = Table(
    name="staging.purchases",
    description="One row a staged purchase line of a registered day, as the warehouse reads them from the lake.",
    columns=_PURCHASE,
    lineage=same_columns(_PURCHASES, *_PURCHASE),
)

REVIEWS = Table(
    name="staging.reviews",
    description="One row a classified review of a registered day, as the warehouse reads them from the lake.",
    columns=(Column("customer_id", "int", "the customer"), *_VERDICT),
    key=("source_file", "line_number"),
    lineage={"customer_id": ((_REVIEWS, "cid"),), **same_columns(_REVIEWS, *_VERDICT)},
)

DIM_DATE = Table(
    name="marts.dim_date",
    description="One row a day of which the metric is published.",
    columns=(
        Column("date_key", "int", "the day as a number: 20101201", nullable=False),
        Column("month", "date", "the first day of its month", nullable=False),
        Column("month_number", "int", "the month, counted: a difference is a number of months", nullable=False),
        Column("quarter", "date", "the first day of its quarter", nullable=False),
        Column("year", "int", "the year", nullable=False),
        Column("weekday", "int", "1 is Monday, 7 is Sunday", nullable=False),
        Column("weekday_name", "varchar(9)", "Monday to Sunday", nullable=False),
    ),
    key=("date_key",),
    key_has_day=False,
    lineage={"insert_date": (("public/user_behavior_metric", "insert_date"),)},
)

DIM_CUSTOMER = _dimension(
    name="marts.dim_customer",
    description="One row a customer who ever bought or reviewed.",
    columns=(
        Column("customer_key", "bigint", "hash of the customer's number; -1: nobody known", nullable=False),
        Column("customer_id", "int", "the customer's number in the shop; null of member -1"),
        Column("country", "varchar(20)", "where the customer bought last; unknown who never did", nullable=False),
    ),
    lineage={
        "customer_id": ((_PURCHASES, "customer_id"), (_REVIEWS, "cid")),
        **same_columns(_PURCHASES, "country"),
    },
)

DIM_COUNTRY = _dimension(
    name="marts.dim_country",
    description="One row a country that anybody ever bought from.",
    columns=(
        Column("country_key", "bigint", "hash of the country's name; -1: unknown", nullable=False),
        Column("country", "varchar(20)", "the country, as the shop has it", nullable=False),
    ),
    lineage=same_columns(_PURCHASES, "country"),
)

DIM_PRODUCT = _dimension(
    name="marts.dim_product",
    description="One row a product that was ever bought.",
    columns=(
        Column("product_key", "bigint", "hash of the product's code; -1: unknown", nullable=False),
        Column("stock_code", "varchar(20)", "the product, or a code such as POST", nullable=False),
        Column(
            "detail", "varchar(1000)", "its text when it was bought last; unknown if it never had any", nullable=False
        ),
    ),
    lineage=same_columns(_PURCHASES, "stock_code", "detail"),
)

FACT_PURCHASE_LINE = Table(
    name="marts.fact_purchase_line",
    description="One row a staged purchase line.",
    columns=(
        _DATE_KEY,
        _CUSTOMER_KEY,
        _COUNTRY_KEY,
        _PRODUCT_KEY,
        *_LINE,
        Column("amount", "decimal(18,5)", "quantity × unit price", nullable=False),
        BATCH_ID,
    ),
    lineage={
        "customer_key": (("marts/dim_customer", "customer_key"), (_PURCHASES, "customer_id")),
        "country_key": (("marts/dim_country", "country_key"), (_PURCHASES, "country")),
        "product_key": (("marts/dim_product", "product_key"), (_PURCHASES, "stock_code")),
        **same_columns(_PURCHASES, *_LINE),
        "amount": ((_PURCHASES, "quantity"), (_PURCHASES, "unit_price")),
    },
)

FACT_REVIEW = Table(
    name="marts.fact_review",
    description="One row a classified review.",
    columns=(_DATE_KEY, _CUSTOMER_KEY, *_VERDICT, BATCH_ID),
    key=("source_file", "line_number"),
    lineage={
        "customer_key": (("marts/dim_customer", "customer_key"), (_REVIEWS, "cid")),
        **same_columns(_REVIEWS, *_VERDICT),
    },
)

CUSTOMER_DAY = Table(
    name="intermediate.customer_day",
    description="One row a customer and day who bought or reviewed; the lines of nobody known, one a country and day. "
    "A customer of two countries on one day is counted for one of them.",
    columns=(
        _CUSTOMER_KEY,
        Column(
            "country_key",
            "bigint",
            "the country of the day's lines (one of them, always the same, where there are two); -1 without lines",
            nullable=False,
        ),
        Column("lines", "int", "number of purchase lines", nullable=False),
        Column("pieces", "bigint", "sum of their quantities", nullable=False),
        Column("invoices", "int", "number of different invoices", nullable=False),
        Column("amount_spent", "decimal(18,5)", "sum of the lines' amounts", nullable=False),
        Column("reviews", "int", "number of reviews", nullable=False),
        Column("positive_reviews", "int", "number of positive ones", nullable=False),
        BATCH_ID,
    ),
    key=("customer_key", "country_key"),
    lineage={
        "customer_key": ((_LINES, "customer_key"), (_VERDICTS, "customer_key")),
        **same_columns(_LINES, "country_key"),
        "pieces": ((_LINES, "quantity"),),
        "invoices": ((_LINES, "invoice_number"),),
        "amount_spent": ((_LINES, "amount"),),
        "positive_reviews": ((_VERDICTS, "positive_review"),),
    },
)

STAGING_VIEWS = (PURCHASES, REVIEWS)
DIMENSIONS = (DIM_CUSTOMER, DIM_COUNTRY, DIM_PRODUCT)
MARTS = (*DIMENSIONS, FACT_PURCHASE_LINE, FACT_REVIEW, CUSTOMER_DAY)
QUESTIONS = questions.QUESTIONS
WAREHOUSE_TABLES = (USER_BEHAVIOR_METRIC, *MARTS)
# What analysts read, by `query`, `export` or tools of their own.
READABLE_TABLES = (USER_BEHAVIOR_METRIC, *QUESTIONS, DIM_DATE, *MARTS, *STAGING_VIEWS, *EXTERNAL_TABLES, RESTATEMENT)
