"""What every asset declares alike: partitions, backfill policy, owner, code version, columns and their origin."""

import hashlib
import warnings
from typing import Any

import dagster as dg

from user_behaviour.partitions import BACKFILL, DAILY
from user_behaviour.tables.table import Table

# Dagster warns at each use that backfill policies and code references are in beta; both are meant, and pinned.
warnings.filterwarnings(
    "ignore", message=r".*(`backfill_policy`|code_references|CodeReference)", category=dg.BetaWarning
)

OWNERS = ["team:data-engineering"]
EVERY_DAY = "every_day_is_published"  # the check that every asset has


def declared(table: Table, *, made_by: str, in_database: bool = False) -> dict[str, Any]:
    """Keyword arguments of `@asset` for an asset that is `table`; a table in a database has the day as a column.

    `made_by` is the text that makes the rows: a statement, a rule, a program. Where it has changed, Dagster's UI marks
    the days that were made by the former one.
    """
    metadata: dict[str, Any] = {
        "dagster/column_schema": table.dagster_schema(with_partition_column=in_database),
        "dagster/column_lineage": lineage(table),
        "partition_expr": table.partition_column,
    }
    if in_database:
        metadata["dagster/table_name"] = table.name
    return {
        "partitions_def": DAILY,
        "backfill_policy": BACKFILL,
        "owners": OWNERS,
        "code_version": hashlib.sha256(made_by.encode()).hexdigest()[:16],
        "metadata": metadata,
        "hooks": {_result_for_no_day(dg.AssetKey(table.name.split(".")))},
    }


def _result_for_no_day(asset: dg.AssetKey) -> dg.HookDefinition:
    """Where no day of a run was published, the asset's step fails and its checks do not begin: the result of the one.

    Without it the check would say "Execution failed" and no reason, or what it last said of other days.
    """

    @dg.failure_hook(name="no_day_is_published")
    def no_day_is_published(context: dg.HookContext) -> None:
        if not isinstance(failure := context.op_exception, dg.Failure):
            return
        result = dg.AssetCheckEvaluation(
            asset_key=asset,
            check_name=EVERY_DAY,
            passed=False,
            severity=dg.AssetCheckSeverity.ERROR,
            description=failure.description,
        )
        event = dg.DagsterEvent(
            dg.DagsterEventType.ASSET_CHECK_EVALUATION.value,
            job_name=context.job_name,
            step_key=context.step_key,
            event_specific_data=result,
        )
        context.instance.report_dagster_event(event, context.run_id)

    return no_day_is_published


def columns_text(table: Table) -> str:
    """The names and types of a table's columns, as the text that makes an external table's rows."""
    return ", ".join(f"{column.name} {column.type}" for column in table.columns)


def lineage(table: Table) -> dg.TableColumnLineage:
    """The columns of other assets that each column comes from."""
    return dg.TableColumnLineage(
        {
            column: [dg.TableColumnDep(dg.AssetKey(asset.split("/")), name) for asset, name in origins]
            for column, origins in table.lineage.items()
        }
    )
