"""Stage marts: a star of dimensions and facts, what is computed from it once, and the views that people look at.

A view is made by a migration and never run: an external asset, which shows its columns and where they come from.
"""

from typing import Any

import dagster as dg

from user_behaviour.assets.declaration import OWNERS, declared, lineage
from user_behaviour.recipes import Extract, MergeMembers, PublishedPartitions, RegisteredPartitions, ReplaceDays
from user_behaviour.tables import marts
from user_behaviour.tables.statements import statement
from user_behaviour.tables.table import Table

GROUP = "marts"
_PURCHASES = dg.AssetIn(key=["spectrum", "user_purchase_staging"])
_REVIEWS = dg.AssetIn(key=["spectrum", "movie_review_clean_stage"])
_METRIC = dg.AssetIn(key=["public", "user_behavior_metric"])


def _sql(name: str) -> str:
    return statement(f"marts/{name}.sql")


def _mart(table: Table, *made_by: str, **ins: dg.AssetIn) -> dict[str, Any]:
    """Keyword arguments of `@asset` for a mart; `made_by` are the files of `sql/marts` that make its rows."""
    schema, _, name = table.name.partition(".")
    return {
        "key_prefix": schema,
        "name": name,
        "ins": ins,
        "group_name": GROUP,
        "kinds": {"table", "sql"},
        "io_manager_key": "warehouse_io_manager",
        "pool": "warehouse",
        **declared(table, made_by="\n".join(map(_sql, made_by)), in_database=True),
    }


def _star(*tables: Table) -> dict[str, dg.AssetIn]:
    return {table.identity["table"]: dg.AssetIn(key=table.name.split(".")) for table in tables}


@dg.asset(**_mart(marts.DIM_DATE, "dim_date", metric=_METRIC))
def dim_date(metric: PublishedPartitions) -> ReplaceDays:
    """A row is a day of which the metric is published."""
    return ReplaceDays(_sql("dim_date"), reads=(metric,))


@dg.asset(
    **_mart(
        marts.DIM_CUSTOMER,
        "dim_customer",
        "customers_who_bought",
        "customers_who_reviewed",
        purchases=_PURCHASES,
        reviews=_REVIEWS,
    )
)
def dim_customer(purchases: RegisteredPartitions, reviews: RegisteredPartitions) -> MergeMembers:
    """A row is a customer who ever bought or reviewed."""
    bought = Extract("customers_who_bought", purchases, _sql("customers_who_bought"))
    reviewed = Extract("customers_who_reviewed", reviews, _sql("customers_who_reviewed"))
    return MergeMembers(_sql("dim_customer"), reads=(bought, reviewed), key="customer_key", name="customer_id")


@dg.asset(**_mart(marts.DIM_COUNTRY, "dim_country", "countries_seen", purchases=_PURCHASES))
def dim_country(purchases: RegisteredPartitions) -> MergeMembers:
    """A row is a country that anybody ever bought from."""
    seen = Extract("countries_seen", purchases, _sql("countries_seen"))
    return MergeMembers(_sql("dim_country"), reads=(seen,), key="country_key", name="country")


@dg.asset(**_mart(marts.DIM_PRODUCT, "dim_product", "products_seen", purchases=_PURCHASES))
def dim_product(purchases: RegisteredPartitions) -> MergeMembers:
    """A row is a product that was ever bought."""
    seen = Extract("products_seen", purchases, _sql("products_seen"))
    return MergeMembers(_sql("dim_product"), reads=(seen,), key="product_key", name="stock_code")


@dg.asset(
    **_mart(
        marts.FACT_PURCHASE_LINE,
        "fact_purchase_line",
        "lines_bought",
        purchases=_PURCHASES,
        metric=_METRIC,
        **_star(*marts.DIMENSIONS),
    )
)
def fact_purchase_line(
    purchases: RegisteredPartitions,
    metric: PublishedPartitions,
    dim_date: PublishedPartitions,
    dim_customer: PublishedPartitions,
    dim_country: PublishedPartitions,
    dim_product: PublishedPartitions,
) -> ReplaceDays:
    """A row is a staged purchase line."""
    return ReplaceDays(
        _sql("fact_purchase_line"),
        audit=(_sql("fact_purchase_line_laws"),),
        reads=(
            Extract("lines_bought", purchases, _sql("lines_bought")),
            dim_date,
            dim_customer,
            dim_country,
            dim_product,
            metric,
        ),
    )


@dg.asset(
    **_mart(
        marts.FACT_REVIEW,
        "fact_review",
        "reviews_classified",
        reviews=_REVIEWS,
        metric=_METRIC,
        **_star(marts.DIM_DATE, marts.DIM_CUSTOMER),
    )
)
def fact_review(
    reviews: RegisteredPartitions,
    metric: PublishedPartitions,
    dim_date: PublishedPartitions,
    dim_customer: PublishedPartitions,
) -> ReplaceDays:
    """A row is a classified review."""
    return ReplaceDays(
        _sql("fact_review"),
        audit=(_sql("fact_review_laws"),),
        reads=(
            Extract("reviews_classified", reviews, _sql("reviews_classified")),
            dim_date,
            dim_customer,
            metric,
        ),
    )


@dg.asset(
    **_mart(
        marts.CUSTOMER_DAY,
        "customer_day",
        metric=_METRIC,
        **_star(marts.FACT_PURCHASE_LINE, marts.FACT_REVIEW),
    )
)
def customer_day(
    metric: PublishedPartitions, fact_purchase_line: PublishedPartitions, fact_review: PublishedPartitions
) -> ReplaceDays:
    """A row is a customer and day who bought or reviewed; the lines of nobody known are one a country and day."""
    return ReplaceDays(
        _sql("customer_day"),
        audit=(_sql("customer_day_laws"),),
        facts=_sql("customer_day_totals"),
        reads=(fact_purchase_line, fact_review, metric),
    )


def _view(view: Table) -> dg.AssetSpec:
    schema, _, name = view.name.partition(".")
    origins = {asset for of_column in view.lineage.values() for asset, _ in of_column}
    return dg.AssetSpec(
        [schema, name],
        deps=[dg.AssetKey(asset.split("/")) for asset in sorted(origins)],
        description=view.description,
        group_name=GROUP,
        kinds={"view", "sql"},
        owners=OWNERS,
        metadata={
            "dagster/table_name": view.name,
            "dagster/column_schema": view.dagster_schema(with_partition_column=True),
            "dagster/column_lineage": lineage(view),
        },
    )


MARTS = [dim_date, dim_customer, dim_country, dim_product, fact_purchase_line, fact_review, customer_day]
VIEWS = [_view(view) for view in (*marts.STAGING_VIEWS, *marts.QUESTIONS)]
