"""The restatement of days that were published before, inside the transaction that replaces them.

The rows as they were before are kept, and what changed is recorded with its cause. Days whose figures are the same
leave nothing behind, and the causes are asked of the others only.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from psycopg2.extensions import cursor as Cursor  # noqa: N812
from psycopg2.extras import execute_values

from user_behaviour.io_managers.publishing import plottable
from user_behaviour.recipes import RestatementRecord
from user_behaviour.tables.days import DayRange
from user_behaviour.tables.identifiers import listed, qualified, quoted
from user_behaviour.tables.table import Table
from user_behaviour.warehouse.published_days import PublishedDay
from user_behaviour.warehouse.warehouse import fetch

RESTATED = "restated"
CAUSE = "restated_because"
_BEFORE, _AFTER = "_before", "_after"


@dataclass(frozen=True)
class Restatement:
    """What becomes of the days of a table that were published `before`."""

    recipe: RestatementRecord
    table: Table
    before: Mapping[date, PublishedDay]

    def keep_rows(self, cursor: Cursor, span: DayRange) -> None:
        """Takes the rows of the range aside, before they are replaced; they go with the session."""
        day = quoted(self.table.partition_column)
        cursor.execute(
            f"create temporary table rows_before as select {self._columns} from {qualified(self.table.name)} "
            f"where {day} >= %(first_day)s and {day} < %(end_day)s",
            span.parameters(),
        )

    def record(
        self,
        cursor: Cursor,
        batch_id: str,
        *,
        moment: datetime,
        span: DayRange,
        sources: Mapping[date, Mapping[str, str]],
    ) -> Iterator[tuple[date, dict[str, Any]]]:
        """Keeps and records what the batch changed of the range; gives the metadata of each day that it changed."""
        cursor.execute(self.recipe.changes, span.parameters())
        changed = {row[self.table.partition_column]: row for row in fetch(cursor)}
        changed = {day: row for day, row in changed.items() if day in self.before}
        if not changed:
            return
        causes = self.recipe.causes({day: (self.before[day].sources, sources[day]) for day in changed})
        cursor.execute(
            f"insert into {qualified(self.recipe.archive)} ({self._columns}, superseded_at) "
            f"select {self._columns}, %(moment)s from rows_before "
            f"where {quoted(self.table.partition_column)} in %(days)s",
            {"moment": moment, "days": tuple(changed)},
        )
        rows = [{**row, "moment": moment, "batch_id": batch_id, "cause": causes[day]} for day, row in changed.items()]
        into = f"insert into {qualified(self.recipe.record)} ({listed(*rows[0])}) values %s"
        execute_values(cursor, into, [tuple(row.values()) for row in rows], page_size=1000)
        for day, row in changed.items():
            before = {name: value for name, value in row.items() if name.endswith(_BEFORE)}
            yield day, {RESTATED: f"{in_words(row)}: {causes[day]}", CAUSE: causes[day], **plottable(before)}

    @property
    def _columns(self) -> str:
        return listed(*self.table.column_names, self.table.partition_column)


def in_words(changes: Mapping[str, Any]) -> str:
    """The figures that changed, as `customers 1 → 2, amount spent 10.50 → 1,012.00`."""
    names = [name.removesuffix(_BEFORE) for name in changes if name.endswith(_BEFORE)]
    pairs = {name: (changes[name + _BEFORE], changes[name + _AFTER]) for name in names}
    texts = [
        f"{name.replace('_', ' ')} {_apart(before, after)}"
        for name, (before, after) in pairs.items()
        if before != after
    ]
    return ", ".join(texts) or "the same sums, of other rows"


def _apart(before: Any, after: Any) -> str:
    """Two figures, an amount with two decimals, or with all where those are the same."""
    texts = [f"{value:,.2f}" if isinstance(value, Decimal) else f"{value:,}" for value in (before, after)]
    return " → ".join(texts if texts[0] != texts[1] else [f"{value:,}" for value in (before, after)])
