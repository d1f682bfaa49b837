"""The views that answer what people ask of the star; see `marts`."""

from typing import Any

from user_behaviour.tables.table import Column, Lineage, Table, same_columns

_LINES, _DAYS = "marts/fact_purchase_line", "intermediate/customer_day"
_WHO = ((_DAYS, "customer_key"),)
_OPINION = ((_DAYS, "positive_reviews"), (_DAYS, "reviews"))
_SENTIMENT = "positive, negative or mixed, as most of their reviews {} are; or no review"
_CUSTOMERS = Column("customers", "bigint", "number of known customers who bought")
_AMOUNT = Column("amount_spent", "decimal(28,5)", "what they spent")


def _by_month(*, lineage: Lineage, **declared: Any) -> Table:
    return Table(
        partition_column="month",
        partition_meaning="the first day of the month",
        lineage={**lineage, "month": (("marts/dim_date", "month"),)},
        **declared,
    )


SPEND_AND_SENTIMENT_BY_MONTH = _by_month(
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
    lineage={
        "country": (("marts/dim_country", "country"), ("marts/dim_customer", "country")),
        "customers": _WHO,
        "reviewers": _WHO,
        **same_columns(_DAYS, "amount_spent", "reviews", "positive_reviews"),
        "positive_share": _OPINION,
    },
)

CUSTOMER_SEGMENTS_BY_MONTH = _by_month(
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
    lineage={
        "segment": ((_DAYS, "insert_date"), (_DAYS, "invoices"), (_DAYS, "amount_spent")),
        "sentiment": _OPINION,
        "customers": _WHO,
        **same_columns(_DAYS, "amount_spent"),
    },
)

SENTIMENT_AND_SPEND = _by_month(
    name="marts.sentiment_and_spend",
    description="One row a month and sentiment: the known customers who bought in the month, by what they said in it.",
    columns=(
        Column("sentiment", "varchar(10)", _SENTIMENT.format("of the month")),
        _CUSTOMERS,
        _AMOUNT,
        Column("amount_per_customer", "decimal(18,5)", "what one of them spent, on average"),
    ),
    key=("sentiment",),
    lineage={
        "sentiment": _OPINION,
        "customers": _WHO,
        **same_columns(_DAYS, "amount_spent"),
        "amount_per_customer": ((_DAYS, "amount_spent"),),
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
        **same_columns("marts/dim_product", "stock_code", "detail"),
        "customers": ((_LINES, "customer_key"),),
        "unhappy_customers": _OPINION,
        "unhappy_share": _OPINION,
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

QUESTIONS = (
    SPEND_AND_SENTIMENT_BY_MONTH,
    CUSTOMER_SEGMENTS_BY_MONTH,
    SENTIMENT_AND_SPEND,
    PRODUCTS_OF_UNHAPPY_CUSTOMERS,
    LEFT_OUT_BY_THE_JOIN,
)
