"""How partitions are registered in a catalog that has neither transactions nor locks: AWS Glue, or Redshift's own.

Read the batch in force, write the partition, read the batch in force again, and write once more where it changed
meanwhile. Whoever writes last has read the pointer after writing, so what stays registered is the batch in force. A
twin adds a few methods.
"""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from datetime import date
from functools import partial

from user_behaviour.catalog.external_tables import CatalogError, ExternalTables, Registration, misfit, registration
from user_behaviour.catalog.seen_partitions import seen_partitions
from user_behaviour.lake.dataset import Dataset
from user_behaviour.lake.manifests import Manifest
from user_behaviour.tables.days import DayRange
from user_behaviour.tables.table import Table
from user_behaviour.warehouse.warehouse import Warehouse

AT_ONCE = 100
"""As many partitions as one call of Glue, or one ALTER TABLE, may add."""
ROUNDS = 20


class PartitionCatalog(ExternalTables):
    """Partitions that are written one call at a time, by several runs at once."""

    warehouse: Warehouse

    def register(self, table: Table, dataset: Dataset, days: Sequence[date]) -> dict[date, Registration]:
        """As the role says, a hundred days at a time: a failure leaves the hundreds before it registered.

        Batches that are not registered yet are read once before they are: the warehouse would cut a text that is too
        long, and misread a type that is not the declared one, without a word. `CatalogError` names days refused.
        """
        days = sorted(set(days))
        done: dict[date, Registration] = {}
        refused: dict[date, str] = {}
        for start in range(0, len(days), AT_ONCE):
            self._register(table, dataset, days[start : start + AT_ONCE], done, refused)
        if refused:
            raise CatalogError(_refusal(table, refused))
        return done

    def _register(
        self,
        table: Table,
        dataset: Dataset,
        days: Sequence[date],
        done: dict[date, Registration],
        refused: dict[date, str],
    ) -> None:
        for _ in range(ROUNDS):
            manifests = {manifest.day: manifest for manifest in dataset.in_force(days)}
            wanted = [registration(dataset, manifest) for manifest in manifests.values()]
            outdated = self._outdated(table, wanted)
            _require_fit(table, dataset, [manifests[r.day] for r in outdated])
            refused.update(self._point(table, outdated) if outdated else {})
            done.update({r.day: r for r in wanted})
            written = {r.day: r.batch_id for r in outdated if r.day not in refused}
            now = dataset.manifests(list(written))
            days = [day for day, batch_id in written.items() if day not in now or now[day].batch_id != batch_id]
            if not days:
                return
        raise CatalogError(
            f"{table.name}, {days[0]}: the batch in force changed {ROUNDS} times while it was being registered; "
            "something publishes this day without end. Find it, then register the day again."
        )

    def seen(self, table: Table, span: DayRange) -> dict[date, str]:
        return seen_partitions(self.warehouse, table, span)

    @abstractmethod
    def _outdated(self, table: Table, wanted: Sequence[Registration]) -> list[Registration]:
        """Those of the registrations, at most `AT_ONCE`, that the catalog does not have exactly so."""

    @abstractmethod
    def _point(self, table: Table, registrations: Sequence[Registration]) -> Mapping[date, str]:
        """Creates the partitions, or points them elsewhere; gives the reason of each day that was refused for good."""


def _require_fit(table: Table, dataset: Dataset, manifests: Sequence[Manifest]) -> None:
    found = dataset.lake.at_once(partial(misfit, table, dataset), manifests)
    if error := next(filter(None, found), None):
        raise error


def _refusal(table: Table, refused: Mapping[date, str]) -> str:
    said = "; ".join(f"{day}: {reason}" for day, reason in sorted(refused.items())[:5])
    more = f"; and {len(refused) - 5} more days" if len(refused) > 5 else ""
    return (
        f"{len(refused)} partitions of {table.name} could not be registered ({said}{more}). The days not named are "
        "registered; remove the cause and run these again."
    )
