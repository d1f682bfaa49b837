"""Claims that are made of every asset of a kind: each day is published, and each row fits its schema."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from functools import partial
from typing import TypeVar

import dagster as dg
import pyarrow as pa

from user_behaviour.assets.declaration import EVERY_DAY
from user_behaviour.catalog.external_tables import ExternalTables
from user_behaviour.checks.re_execution import make_again
from user_behaviour.checks.result import Offence, days_under_check, fail_run, failed_days
from user_behaviour.lake.conformity import require_footer
from user_behaviour.lake.dataset import Dataset
from user_behaviour.lake.held_back import HeldBackError
from user_behaviour.lake.lake import Lake
from user_behaviour.lake.manifests import Manifest
from user_behaviour.tables.days import DayRange
from user_behaviour.tables.table import Table
from user_behaviour.warehouse.published_days import published_days
from user_behaviour.warehouse.warehouse import Warehouse

Given = TypeVar("Given")
Found = TypeVar("Found")


def every_day_is_published(asset: dg.AssetsDefinition, table: Table, *, kept_in: str) -> dg.AssetChecksDefinition:
    """Every day is where the asset's days are kept: the resource `lake`, `external_tables` or `warehouse`."""

    @dg.asset_check(  # type: ignore[arg-type]
        asset=asset,
        name=EVERY_DAY,
        description="Every day of the run is published, and none was rejected since. Fails the run, but blocks "
        "nothing. Red until all days are that a run ever failed to publish.",
        required_resource_keys={kept_in},
    )
    def check(context: dg.AssetCheckExecutionContext) -> Iterator[dg.AssetCheckResult]:
        role = getattr(context.op_execution_context.resources, kept_in)
        known = role.dataset(table).days if isinstance(role, Lake) else tuple
        under_check = days_under_check(context, known=known, standing=lambda: failed_days(context.instance, asset.key))
        find = partial(_unpublished, role, table)
        made_again = make_again(context, asset, lambda: find(under_check.of_run))
        unpublished = find(under_check.days)
        offences = [Offence(day, unpublished[day]) for day in under_check.days if day in unpublished]
        result = under_check.result(
            offences, looked_at=under_check.days, standing=dg.AssetCheckSeverity.ERROR, metadata=made_again
        )
        yield from fail_run(result, fails=under_check.fails(offences))

    return check


def _unpublished(role: Lake | ExternalTables | Warehouse, table: Table, days: Sequence[date]) -> dict[date, str]:
    """Why a day is not where it should be, or, in the lake, why a newer delivery of it was rejected."""
    if isinstance(role, Lake):
        dataset = role.dataset(table)
        missing = {day: str(error) for day, error in dataset.locations(days).missing.items()}
        rejections = zip(days, role.at_once(dataset.rejection, days), strict=True)
        return missing | {day: "; ".join(rejection.reasons) for day, rejection in rejections if rejection}
    span = DayRange(min(days), max(days))
    if isinstance(role, ExternalTables):
        there, kept = set(role.registered(table, span)), "registered in"
    else:
        there, kept = set(published_days(role, table.name, span)), "written to"
    return {day: f"not {kept} {table.name}" for day in days if day not in there}


def rows_fit_their_schema(
    asset: dg.AssetsDefinition, table: Table, *, in_day: str | None = None
) -> dg.AssetChecksDefinition:
    """Types are the declared ones, nothing is null that may not be, and the timestamp `in_day` lies in its day.

    By the footers of the files, or the values where those are silent. A file that cannot be read offends as well.
    """

    @dg.asset_check(
        asset=asset,
        name="every_row_fits_its_schema",
        description="Types are the declared ones, no null where none may be, every row lies in its day. Blocks.",
        blocking=True,
    )
    def every_row_fits_its_schema(context: dg.AssetCheckExecutionContext, lake: Lake) -> dg.AssetCheckResult:
        dataset = lake.dataset(table)
        under_check = days_under_check(context)
        manifests = dataset.manifests(under_check.days)
        offences = offences_of_each_day(dataset, manifests, partial(_misfits, dataset, in_day=in_day))
        return under_check.result(offences, looked_at=manifests)

    return every_row_fits_its_schema


def of_each_day(dataset: Dataset, by_day: Mapping[date, Given], find: Callable[[Given], Found]) -> dict[date, Found]:
    """What is found for each day, looked for on as many days at once as suits the lake."""
    return dict(zip(by_day, dataset.lake.at_once(find, by_day.values()), strict=True))


def offences_of_each_day(
    dataset: Dataset, by_day: Mapping[date, Given], find: Callable[[Given], Iterable[str]]
) -> list[Offence]:
    """What is found wrong with each day, in sentences."""
    found = of_each_day(dataset, by_day, lambda given: [*find(given)])
    return [Offence(day, sentence) for day, sentences in found.items() for sentence in sentences]


def manifest_of(dataset: Dataset, in_force: Mapping[date, Manifest], day: date, batch_id: str) -> Manifest | None:
    """The manifest of a batch, which is read only if another one is in force; None where the lake does not have it."""
    known = in_force.get(day)
    return known if known and known.batch_id == batch_id else dataset.batch(day, batch_id)


def overtaken(in_force: Mapping[date, Manifest], batches: Mapping[date, str], *, says: str) -> list[Offence]:
    """The days that depend on another batch than the one in force; `says` how they do."""
    found = {day: in_force[day].batch_id if day in in_force else "none" for day in batches}
    return [
        Offence(day, f"{says} batch {batch}, in force is {found[day]}; rerun the day")
        for day, batch in batches.items()
        if found[day] != batch
    ]


def rows_in_files(dataset: Dataset, manifest: Manifest) -> int:
    """The rows that the files of a batch hold, by their footers and not by what the manifest says of them."""
    return sum(footer.rows for footer in dataset.footers(manifest))


def changed_files(dataset: Dataset, manifest: Manifest) -> Iterator[str]:
    """The files of a batch that are not what was written, by their sizes: nothing may change a batch."""
    for file, footer in zip(manifest.files, dataset.footers(manifest), strict=True):
        if footer.size != file.size:
            yield f"{file.name} of batch {manifest.batch_id} has {footer.size} bytes, {file.size} were written"


def columns_of(dataset: Dataset, manifest: Manifest, *names: str) -> Iterator[pa.RecordBatch]:
    """Some columns of the rows of a batch, as its files hold them."""
    for file in dataset.files(manifest):
        yield from file.read(columns=list(names), use_threads=False).to_batches()


def _misfits(dataset: Dataset, manifest: Manifest, *, in_day: str | None) -> Iterator[str]:
    start = datetime.combine(manifest.day, time())
    end = start + timedelta(days=1)
    try:
        for footer in dataset.footers(manifest):
            require_footer(footer, dataset.table, manifest.day)
            least, most = footer.extremes.get(in_day or "", (start, start))
            if least < start or most >= end:
                yield f"{in_day} reaches from {least} to {most}"
    except HeldBackError as error:
        yield str(error)
    except (OSError, pa.ArrowInvalid) as error:
        yield f"a file of batch {manifest.batch_id} cannot be read: {error}"
