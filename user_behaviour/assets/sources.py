"""Stage sources: what others own and we only read. External assets; Dagster shows them and does not run them."""

import dagster as dg

from user_behaviour.assets.declaration import OWNERS
from user_behaviour.partitions import DAILY
from user_behaviour.tables.schemas import RAW_PURCHASES, RAW_REVIEWS

GROUP = "sources"


user_purchase = dg.AssetSpec(
    ["shop", "user_purchase"],
    description="A row is a purchase line of the shop, in its PostgreSQL; the shop's system writes it.",
    group_name=GROUP,
    kinds={"postgres"},
    owners=OWNERS,
    metadata={
        "dagster/table_name": "shop.retail.user_purchase",
        "dagster/column_schema": RAW_PURCHASES.without("batch_id").dagster_schema(),
    },
)

movie_review_file = dg.AssetSpec(
    ["vendor", "movie_review_file"],
    description=(
        "A row is a customer's review of a film, in the files `movie_review_YYYY-MM-DD*.csv[.gz]` that the vendor "
        "drops; a partition is the files of a day."
    ),
    group_name=GROUP,
    kinds={"csv"},
    owners=OWNERS,
    partitions_def=DAILY,
    metadata={"dagster/column_schema": RAW_REVIEWS.without("source_file", "line_number", "batch_id").dagster_schema()},
)
