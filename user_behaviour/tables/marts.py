"""The tables and views that people look at: a star of dimensions and facts, what is computed from it once, questions.

A dimension's member never goes; it is described by the newest of the days that say anything of it, `described_on`, and
its key is a hash of what names it elsewhere. Member -1 is the one for what nobody knows.
"""

from user_behaviour.tables.schemas import BATCH_ID, EXTERNAL_TABLES, RESTATEMENT, USER_BEHAVIOR_METRIC
from user_behaviour.tables.table import Column, Table

_PURCHASES, _REVIEWS = "spectrum/user_purchase_staging", "spectrum/movie_review_clean_stage"
_LINES, _VERDICTS, _DAYS = "marts/fact_purchase_line", "marts/fact_review", "intermediate/customer_day"
_DESCRIBED = "the newest day that describes the member; 1900-01-01 where none does"
_SENTIMENT = "positive, negative or mixed, as most of their reviews {} are; or no review"

_DATE_KEY = Column("date_key", "int", "the day in `marts.dim_date`", nullable=False)
_CUSTOMER_KEY = Column(
    "customer_key", "bigint", "the customer in `marts.dim_customer`; -1: the shop does not know", nullable=False
)
_COUNTRY_KEY = Column("country_key", "bigint", "the country in `marts.dim_country`", nullable=False)
_PRODUCT_KEY = Column("product_key", "bigint", "the product in `marts.dim_product`", nullable=False)
_LINE = (
    Column("invoice_number", "varchar(10)", "the invoice", nullable=False),
    Column("invoice_date", "timestamp", "when the line was invoiced, UTC", nullable=False),
    Column("quantity", "int", "pieces", nullable=False),
    Column("unit_price", "decimal(8,3)", "price of one piece, in the shop's currency", nullable=False),
)
_VERDICT = (
    Column("positive_review", "boolean", "the classifier's verdict", nullable=False),
    Column("probability", "decimal(7,6)", "how probable a positive review is, by the model; null by the baseline"),
    Column("classifier", "varchar(64)", "the name of the classifier", nullable=False),
    Column("classifier_version", "varchar(16)", "the version of the classifier", nullable=False),
    Column("source_file", "varchar(255)", "the vendor file that the review came in", nullable=False),
    Column("line_number", "int", "the line of that file on which the review starts", nullable=False),
)


def _from(upstream: str, *columns: str | Column) -> dict[str, tuple[tuple[str, str], ...]]:
    """The lineage of columns that come from the column of the same name."""
    names = [column if isinstance(column, str) else column.name for column in columns]
    return {name: ((upstream, name),) for name in names}


def _as_read(table: Table) -> tuple[Column, ...]:
    """The columns of an external table but for the batch, which may all be null in a view."""
    return tuple(Column(c.name, c.type, c.description) for c in table.without(BATCH_ID.name).columns)


PURCHASES = Table(
    name="staging.purchases",
    description="One row a staged purchase line of a registered day, as the warehouse reads them from the lake.",
    columns=_as_read(EXTERNAL_TABLES[0]),
    lineage=_from(_PURCHASES, *_as_read(EXTERNAL_TABLES[0])),
)

REVIEWS = Table(
    name="staging.reviews",
    description="One row a classified review of a registered day, as the warehouse reads them from the lake.",
    columns=(Column("customer_id", "int", "the customer"), *_VERDICT),
    key=("source_file", "line_number"),
    lineage={"customer_id": ((_REVIEWS, "cid"),), **_from(_REVIEWS, *_VERDICT)},
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

DIM_CUSTOMER = Table(
    name="marts.dim_customer",
    description="One row a customer who ever bought or reviewed.",
    columns=(
        Column("customer_key", "bigint", "hash of the customer's number; -1: nobody known", nullable=False),
        Column("customer_id", "int", "the customer's number in the shop; null of member -1"),
        Column("country", "varchar(20)", "where the customer bought last; unknown who never did", nullable=False),
        BATCH_ID,
    ),
    key=("customer_key",),
    key_has_day=False,
    partition_column="described_on",
    partition_meaning=_DESCRIBED,
    lineage={
        "customer_id": ((_PURCHASES, "customer_id"), (_REVIEWS, "cid")),
        **_from(_PURCHASES, "country"),
    },
)

DIM_COUNTRY = Table(
    name="marts.dim_country",
    description="One row a country that anybody ever bought from.",
    columns=(
        Column("country_key", "bigint", "hash of the country's name; -1: unknown", nullable=False),
        Column("country", "varchar(20)", "the country, as the shop has it", nullable=False),
        BATCH_ID,
    ),
    key=("country_key",),
    key_has_day=False,
    partition_column="described_on",
    partition_meaning=_DESCRIBED,
    lineage=_from(_PURCHASES, "country"),
)

DIM_PRODUCT = Table(
    name="marts.dim_product",
    description="One row a product that was ever bought.",
    columns=(
        Column("product_key", "bigint", "hash of the product's code; -1: unknown", nullable=False),
        Column("stock_code", "varchar(20)", "the product, or a code such as POST", nullable=False),
        Column(
            "detail", "varchar(1000)", "its text when it was bought last; unknown if it never had any", nullable=False
        ),
        BATCH_ID,
    ),
    key=("product_key",),
    key_has_day=False,
    partition_column="described_on",
    partition_meaning=_DESCRIBED,
    lineage=_from(_PURCHASES, "stock_code", "detail"),
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
        **_from(_PURCHASES, *_LINE),
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
        **_from(_REVIEWS, *_VERDICT),
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
        **_from(_LINES, "country_key"),
        "pieces": ((_LINES, "quantity"),),
        "invoices": ((_LINES, "invoice_number"),),
        "amount_spent": ((_LINES, "amount"),),
        "positive_reviews": ((_VERDICTS, "positive_review"),),
    },
)

_CUSTOMERS = Column("customers", "bigint", "number of known customers who bought")
_AMOUNT = Column("amount_spent", "decimal(28,5)", "what they spent")
_MONTH = "the first day of the month"

SPEND_AND_SENTIMENT_BY_MONTH = Table(
    name="marts.spend_and_sentiment_by_month",
    description="One row a month and country: who bought and reviewed, and how. A review of a day without a purchase "
    "counts in the country where the customer bought last.",
    columns=(
        Column("country", "varchar(20)", "the country; unknown, of reviewers who never bought"),
        _CUSTOMERS,
        Column("amount_spent", "decimal(28,5)", "what was spent, also by nobody known"),
        Column("reviewers", "bigint", "number of customers who reviewed"),
        Column("reviews", "bigint", "number of reviews"),
        Column("positive_reviews", "bigint", "number of positive ones"),
        Column("positive_share", "decimal(7,6)", "share of positive ones; null without reviews"),
    ),
    key=("country",),
    partition_column="month",
    partition_meaning=_MONTH,
    lineage={
        "country": (("marts/dim_country", "country"), ("marts/dim_customer", "country")),
        "customers": ((_DAYS, "customer_key"),),
        "reviewers": ((_DAYS, "customer_key"),),
        **_from(_DAYS, "amount_spent", "reviews", "positive_reviews"),
        "positive_share": ((_DAYS, "positive_reviews"), (_DAYS, "reviews")),
        "month": (("marts/dim_date", "month"),),
    },
)

CUSTOMER_SEGMENTS_BY_MONTH = Table(
    name="marts.customer_segments_by_month",
    description="One row a month, segment and sentiment: the customers who bought in the twelve months up to its end. "
    "Segments are those of RFM: how recently, how often (invoices) and for how much money somebody bought, each in "
    "quintiles 1 to 5 of the month's customers, 5 the best. F and M are averaged, halves up. R5 with FM4–5: champions; "
    "R3–5, FM4–5: loyal customers; R4–5, FM2–3: potential loyalists; R5, FM1: new customers; R4, FM1: promising; "
    "R3, FM3: need attention; R3, FM1–2: about to sleep; R1–2, FM5: cannot lose them; R1–2, FM3–4: at risk; "
    "R1–2, FM1–2: hibernating.",
    columns=(
        Column("segment", "varchar(20)", "the segment by recency, frequency and money"),
        Column("sentiment", "varchar(10)", _SENTIMENT.format("of these months")),
        Column("customers", "bigint", "number of customers"),
        Column("amount_spent", "decimal(28,5)", "what they spent in the twelve months"),
    ),
    key=("segment", "sentiment"),
    partition_column="month",
    partition_meaning=_MONTH,
    lineage={
        "segment": ((_DAYS, "insert_date"), (_DAYS, "invoices"), (_DAYS, "amount_spent")),
        "sentiment": ((_DAYS, "positive_reviews"), (_DAYS, "reviews")),
        "customers": ((_DAYS, "customer_key"),),
        **_from(_DAYS, "amount_spent"),
        "month": (("marts/dim_date", "month"),),
    },
)

SENTIMENT_AND_SPEND = Table(
    name="marts.sentiment_and_spend",
    description="One row a month and sentiment: the known customers who bought in the month, by what they said in it.",
    columns=(
        Column("sentiment", "varchar(10)", _SENTIMENT.format("of the month")),
        _CUSTOMERS,
        _AMOUNT,
        Column("amount_per_customer", "decimal(18,5)", "what one of them spent, on average"),
    ),
    key=("sentiment",),
    partition_column="month",
    partition_meaning=_MONTH,
    lineage={
        "sentiment": ((_DAYS, "positive_reviews"), (_DAYS, "reviews")),
        "customers": ((_DAYS, "customer_key"),),
        **_from(_DAYS, "amount_spent"),
        "amount_per_customer": ((_DAYS, "amount_spent"),),
        "month": (("marts/dim_date", "month"),),
    },
)

PRODUCTS_OF_UNHAPPY_CUSTOMERS = Table(
    name="marts.products_of_unhappy_customers",
    description="One row a product that known customers bought. Unhappy is whose reviews, ever, are mostly not "
    "positive; whoever never reviewed is not.",
    columns=(
        Column("stock_code", "varchar(20)", "the product"),
        Column("detail", "varchar(1000)", "its text"),
        _CUSTOMERS,
        Column("unhappy_customers", "bigint", "number of unhappy ones among them"),
        Column("unhappy_share", "decimal(7,6)", "their share"),
        Column("lines", "bigint", "number of purchase lines"),
        _AMOUNT,
    ),
    key=("stock_code",),
    partition_column="",
    lineage={
        **_from("marts/dim_product", "stock_code", "detail"),
        "customers": ((_LINES, "customer_key"),),
        "unhappy_customers": ((_DAYS, "positive_reviews"), (_DAYS, "reviews")),
        "unhappy_share": ((_DAYS, "positive_reviews"), (_DAYS, "reviews")),
        "amount_spent": ((_LINES, "amount"),),
    },
)

LEFT_OUT_BY_THE_JOIN = Table(
    name="marts.left_out_by_the_join",
    description="One row a day: what is not in the metric, since its join is of customers who did both that day.",
    columns=(
        Column("customers_without_review", "bigint", "number of customers who bought and did not review"),
        Column("money_without_review", "decimal(28,5)", "what they spent"),
        Column("reviews_without_purchase", "bigint", "number of reviews by customers who did not buy"),
        Column("lines_without_customer", "bigint", "number of lines of nobody known"),
        Column("money_without_customer", "decimal(28,5)", "what was spent on them"),
    ),
    key=("insert_date",),
    key_has_day=False,
    lineage={
        "customers_without_review": ((_DAYS, "customer_key"), (_DAYS, "reviews")),
        "money_without_review": ((_DAYS, "amount_spent"), (_DAYS, "reviews")),
        "reviews_without_purchase": ((_DAYS, "reviews"), (_DAYS, "lines")),
        "lines_without_customer": ((_DAYS, "lines"), (_DAYS, "customer_key")),
        "money_without_customer": ((_DAYS, "amount_spent"), (_DAYS, "customer_key")),
    },
)

STAGING_VIEWS = (PURCHASES, REVIEWS)
DIMENSIONS = (DIM_CUSTOMER, DIM_COUNTRY, DIM_PRODUCT)
MARTS = (*DIMENSIONS, FACT_PURCHASE_LINE, FACT_REVIEW, CUSTOMER_DAY)
QUESTIONS = (
    SPEND_AND_SENTIMENT_BY_MONTH,
    CUSTOMER_SEGMENTS_BY_MONTH,
    SENTIMENT_AND_SPEND,
    PRODUCTS_OF_UNHAPPY_CUSTOMERS,
    LEFT_OUT_BY_THE_JOIN,
)
WAREHOUSE_TABLES = (USER_BEHAVIOR_METRIC, *MARTS)
# What analysts read, by `query`, `export` or tools of their own.
READABLE_TABLES = (USER_BEHAVIOR_METRIC, *QUESTIONS, DIM_DATE, *MARTS, *STAGING_VIEWS, *EXTERNAL_TABLES, RESTATEMENT)
