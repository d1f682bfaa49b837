"""One schema per data set: the single source for Parquet files, DDL checks, UI column metadata and the data dictionary.

`user_purchase`, `movie_review_clean_stage` and `user_behavior_metric` keep the names, types and order of the columns of
the tutorial pipeline that this project reimplements.
"""

from user_behaviour.tables.table import Column, Table, same_columns

BATCH_ID = Column("batch_id", "varchar(64)", "the batch that wrote the row: run id, and the attempt", nullable=False)

_PURCHASE_COLUMNS = (
    Column("invoice_number", "varchar(10)", "the invoice; a leading C marks a return", nullable=False),
    Column("stock_code", "varchar(20)", "the article, or a code such as POST", nullable=False),
    Column("detail", "varchar(1000)", "the article's text, as the source has it"),
    Column("quantity", "int", "pieces; zero or less for returns and write-offs", nullable=False),
    Column("invoice_date", "timestamp", "when the line was invoiced, UTC", nullable=False),
    Column("unit_price", "decimal(8,3)", "price of one piece, in the shop's currency", nullable=False),
    Column("customer_id", "int", "the customer; null where the shop does not know"),
    Column("country", "varchar(20)", "the customer's country", nullable=False),
)

_CUSTOMER = Column("cid", "varchar(10)", "the customer, as the vendor writes it: digits only", nullable=False)
_REVIEW_ORIGIN = (
    Column("source_file", "varchar(255)", "the vendor file that the review came in", nullable=False),
    Column(
        "line_number", "int", "the line of that file on which the review starts; the header is line 1", nullable=False
    ),
)

RAW_PURCHASES = Table(
    name="raw_purchases",
    description="Every purchase line of the day, as the source has it.",
    columns=(*_PURCHASE_COLUMNS, BATCH_ID),
    lineage=same_columns("shop/user_purchase", *_PURCHASE_COLUMNS),
)

RAW_REVIEWS = Table(
    name="raw_reviews",
    description="Every review of the day's vendor files, parsed and typed.",
    columns=(
        _CUSTOMER,
        Column("review_str", "varchar(65535)", "the review's text", nullable=False),
        *_REVIEW_ORIGIN,
        BATCH_ID,
    ),
    key=("source_file", "line_number"),
    lineage={
        "cid": (("vendor/movie_review_file", "cid"),),
        "review_str": (("vendor/movie_review_file", "review_str"),),
    },
)

QUARANTINED_REVIEWS = Table(
    name="quarantined_reviews",
    description="Every row of the day's vendor files that cannot be used, with the reason and its raw bytes.",
    columns=(
        *_REVIEW_ORIGIN,
        Column("reason", "varchar(255)", "why the row cannot be used", nullable=False),
        Column("raw", "binary", "the row's bytes, unchanged", nullable=False),
    ),
    key=("source_file", "line_number"),
)

STAGED_PURCHASES = Table(
    name="staged_purchases",
    description="The purchase lines that the business rule of their day lets in.",
    columns=(*_PURCHASE_COLUMNS, BATCH_ID),
    lineage=same_columns("raw_purchases", *_PURCHASE_COLUMNS),
)

CLASSIFIED_REVIEWS = Table(
    name="classified_reviews",
    description="One row a review: was it positive, and which classifier said so.",
    columns=(
        _CUSTOMER,
        Column("positive_review", "boolean", "the classifier's verdict", nullable=False),
        Column("classifier", "varchar(64)", "the name of the classifier", nullable=False),
        Column("classifier_version", "varchar(16)", "the version of the classifier", nullable=False),
        *_REVIEW_ORIGIN,
        BATCH_ID,
        # Last, where an external table can take a column more; the batches of release 0.3.0 and before have none.
        Column("probability", "decimal(7,6)", "how probable a positive review is, by the model; null by the baseline"),
    ),
    key=("source_file", "line_number"),
    lineage={
        "cid": (("raw_reviews", "cid"),),
        "probability": (("raw_reviews", "review_str"),),
        "positive_review": (("raw_reviews", "review_str"),),
        **same_columns("raw_reviews", *_REVIEW_ORIGIN),
    },
)

USER_PURCHASE_STAGING = Table(
    name="spectrum.user_purchase_staging",
    description="The staged purchase lines of every registered day, as the warehouse reads them from the lake.",
    columns=STAGED_PURCHASES.columns,
    lineage=same_columns("staged_purchases", *STAGED_PURCHASES.columns),
)

MOVIE_REVIEW_CLEAN_STAGE = Table(
    name="spectrum.movie_review_clean_stage",
    description="The classified reviews of every registered day, as the warehouse reads them from the lake.",
    columns=CLASSIFIED_REVIEWS.columns,
    key=CLASSIFIED_REVIEWS.key,
    lineage=same_columns("classified_reviews", *CLASSIFIED_REVIEWS.columns),
)

USER_BEHAVIOR_METRIC = Table(
    name="public.user_behavior_metric",
    description="One row a customer and day: what they spent, and how they reviewed.",
    columns=(
        Column("customerid", "int", "a customer who bought and reviewed on the day", nullable=False),
        Column(
            "amount_spent", "decimal(18,5)", "sum of quantity × unit price of the day's staged lines", nullable=False
        ),
        Column("review_score", "int", "number of the day's positive reviews", nullable=False),
        Column("review_count", "int", "number of the day's reviews", nullable=False),
        BATCH_ID,
    ),
    key=("customerid",),
    lineage={
        "customerid": (
            ("spectrum/user_purchase_staging", "customer_id"),
            ("spectrum/movie_review_clean_stage", "cid"),
        ),
        "amount_spent": (
            ("spectrum/user_purchase_staging", "quantity"),
            ("spectrum/user_purchase_staging", "unit_price"),
        ),
        "review_score": (("spectrum/movie_review_clean_stage", "positive_review"),),
        "review_count": (("spectrum/movie_review_clean_stage", "cid"),),
    },
)

RESTATEMENT = Table(
    name="audit.restatement",
    description="One row a day and time that its published figures in the metric changed: what they came to, and why.",
    columns=(
        Column("moment", "timestamp", "when the new figures were published, UTC", nullable=False),
        Column("batch_id", "varchar(64)", "the batch that published them: run id, and the attempt", nullable=False),
        Column("customers_before", "int", "the day's customers before", nullable=False),
        Column("customers_after", "int", "the day's customers since", nullable=False),
        Column("amount_spent_before", "decimal(28,5)", "what they spent, before", nullable=False),
        Column("amount_spent_after", "decimal(28,5)", "what they spent, since", nullable=False),
        Column("review_count_before", "int", "their reviews before", nullable=False),
        Column("review_count_after", "int", "their reviews since", nullable=False),
        Column("review_score_before", "int", "how many of those were positive, before", nullable=False),
        Column("review_score_after", "int", "how many of those were positive, since", nullable=False),
        Column("rows_changed", "int", "how many customers have other figures, are new or are gone", nullable=False),
        Column("cause", "varchar(65535)", "late rows, files, rule or version of the classifier", nullable=False),
    ),
    key=("moment",),
)

SUPERSEDED_METRIC = Table(
    name="audit.superseded_metric",
    description="The rows of the metric as they were until a restatement; the purge removes them when they are old.",
    columns=(
        *USER_BEHAVIOR_METRIC.columns,
        Column("superseded_at", "timestamp", "the moment of the restatement, UTC", nullable=False),
    ),
    key=("customerid", "superseded_at"),
)

# The data sets of the lake; quarantined reviews are none, but a file in the batches of the raw ones.
LAKE_TABLES = (RAW_PURCHASES, RAW_REVIEWS, STAGED_PURCHASES, CLASSIFIED_REVIEWS)
EXTERNAL_TABLES = (USER_PURCHASE_STAGING, MOVIE_REVIEW_CLEAN_STAGE)
LAKE_TABLE_OF = {USER_PURCHASE_STAGING.name: STAGED_PURCHASES, MOVIE_REVIEW_CLEAN_STAGE.name: CLASSIFIED_REVIEWS}
AUDIT_TABLES = (RESTATEMENT, SUPERSEDED_METRIC)
