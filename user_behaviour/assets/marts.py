"""Stage marts: a star of dimensions and facts, what is computed from it once, and the views that people look at.

A view is made by a migration and never run: an external asset, which shows its columns and where they come from.
"""

from collections.abc import Sequence
from typing import Any

import dagster as dg

from user_behaviour.assets.declaration import OWNERS, declared, lineage
from user_behaviour.recipes import Extract, PublishedPartitions, RegisteredPartitions, ReplaceDays
from user_behaviour.tables import marts
from user_behaviour.tables.members import law_of_keys, merge
from user_behaviour.tables.statements import statement
from user_behaviour.tables.table import Table

GROUP = "marts"
_PURCHASES = dg.AssetIn(key=["spectrum", "user_purchase_staging"])
_REVIEWS = dg.AssetIn(key=["spectrum", "movie_review_clean_stage"])
_METRIC = dg.AssetIn(key=["public", "user_behavior_metric"])


def _sql(name: str) -> str:
    return statement(f"marts/{name}.sql")


def _key(table: Table) -> dg.AssetKey:
    return dg.AssetKey(table.name.split("."))


def _mart(table: Table, *made_by: str, after: Sequence[Table] = (), **ins: dg.AssetIn) -> dict[str, Any]:
    """Keyword arguments of `@asset` for a mart; `made_by` are the files of `sql/marts` that make its rows.

    All marts come after the metric, so that whoever selects what follows it has them whole.
    """
    schema, _, name = table.name.partition(".")
    return {
        "key_prefix": schema,
        "name": name,
        "ins": ins,
        "deps": [*map(_key, after), *([] if "metric" in ins else [_METRIC.key])],
        "group_name": GROUP,
        "kinds": {"table", "sql"},
        "io_manager_key": "warehouse_io_manager",
        "pool": "warehouse",
        **declared(table, made_by="\n".join(map(_sql, made_by)), in_database=True),
    }


def _members(dimension: Table, *reads: Extract) -> ReplaceDays:
    select = _sql(dimension.name.rpartition(".")[2])
    return ReplaceDays(merge(dimension, select), audit=(law_of_keys(dimension),), reads=reads, keeps_rows=True)


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
def dim_customer(purchases: RegisteredPartitions, reviews: RegisteredPartitions) -> ReplaceDays:
    """A row is a customer who ever bought or reviewed."""
    bought = Extract("customers_who_bought", purchases, _sql("customers_who_bought"))
    reviewed = Extract("customers_who_reviewed", reviews, _sql("customers_who_reviewed"))
    return _members(marts.DIM_CUSTOMER, bought, reviewed)


@dg.asset(**_mart(marts.DIM_COUNTRY, "dim_country", "countries_seen", purchases=_PURCHASES))
def dim_country(purchases: RegisteredPartitions) -> ReplaceDays:
    """A row is a country that anybody ever bought from."""
    seen = Extract("countries_seen", purchases, _sql("countries_seen"))
    return _members(marts.DIM_COUNTRY, seen)


@dg.asset(**_mart(marts.DIM_PRODUCT, "dim_product", "products_seen", purchases=_PURCHASES))
def dim_product(purchases: RegisteredPartitions) -> ReplaceDays:
    """A row is a product that was ever bought."""
    seen = Extract("products_seen", purchases, _sql("products_seen"))
    return _members(marts.DIM_PRODUCT, seen)


@dg.asset(
    **_mart(
        marts.FACT_PURCHASE_LINE,
        "fact_purchase_line",
        "lines_bought",
        after=marts.DIMENSIONS,
        purchases=_PURCHASES,
        metric=_METRIC,
    )
)
def fact_purchase_line(purchases: RegisteredPartitions, metric: PublishedPartitions) -> ReplaceDays:
    """A row is a staged purchase line."""
    bought = Extract("lines_bought", purchases, _sql("lines_bought"))
    return ReplaceDays(_sql("fact_purchase_line"), audit=(_sql("fact_purchase_line_laws"),), reads=(bought, metric))


@dg.asset(
    **_mart(
        marts.FACT_REVIEW,
        "fact_review",
        "reviews_classified",
        after=(marts.DIM_CUSTOMER,),
        reviews=_REVIEWS,
        metric=_METRIC,
    )
)
def fact_review(reviews: RegisteredPartitions, metric: PublishedPartitions) -> ReplaceDays:
    """A row is a classified review."""
    classified = Extract("reviews_classified", reviews, _sql("reviews_classified"))
    return ReplaceDays(_sql("fact_review"), audit=(_sql("fact_review_laws"),), reads=(classified, metric))


@dg.asset(
    **_mart(
        marts.CUSTOMER_DAY,
        "customer_day",
        lines=dg.AssetIn(key=_key(marts.FACT_PURCHASE_LINE)),
        reviews=dg.AssetIn(key=_key(marts.FACT_REVIEW)),
        metric=_METRIC,
    )
)
def customer_day(lines: PublishedPartitions, reviews: PublishedPartitions, metric: PublishedPartitions) -> ReplaceDays:
    """A row is a customer and day who bought or reviewed; the lines of nobody known are one a country and day."""
    return ReplaceDays(
        _sql("customer_day"),
        audit=(_sql("customer_day_laws"),),
        facts=_sql("customer_day_totals"),
        reads=(lines, reviews, metric),
    )


def _view(view: Table) -> dg.AssetSpec:
    origins = {asset for of_column in view.lineage.values() for asset, _ in of_column}
    return dg.AssetSpec(
        _key(view),
        deps=[dg.AssetKey(asset.split("/")) for asset in sorted(origins)],
        description=view.description.replace("One row a", "A row is a", 1),
        group_name=GROUP,
        kinds={"view", "sql"},
        owners=OWNERS,
        metadata={
            "dagster/table_name": view.name,
            "dagster/column_schema": view.dagster_schema(with_partition_column=True),
            "dagster/column_lineage": lineage(view),
        },
    )


MARTS = [dim_customer, dim_country, dim_product, fact_purchase_line, fact_review, customer_day]
QUESTIONS = [_view(view) for view in marts.QUESTIONS]
VIEWS = [_view(view) for view in (*marts.STAGING_VIEWS, marts.DIM_DATE)] + QUESTIONS
