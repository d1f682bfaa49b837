"""What is missing, held back or quarantined in the weeks before a day, by the lake's own records."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from datetime import date
from typing import TYPE_CHECKING

from user_behaviour.lake.held_back import UnreadableRecordError
from user_behaviour.tables.schemas import LAKE_TABLES, USER_BEHAVIOR_METRIC

if TYPE_CHECKING:
    from user_behaviour.lake.dataset import Dataset
    from user_behaviour.lake.lake import Lake

Trouble = tuple[date, str, str]  # the day, the data set, what there is to say


def troubles(lake: Lake, days: Sequence[date], *, published: Collection[date]) -> list[Trouble]:
    """Of the days those that the metric does not have, that were held back, or of which rows are in quarantine."""
    found = [(day, USER_BEHAVIOR_METRIC.name, "not published") for day in days if day not in published]
    for dataset in map(lake.dataset, LAKE_TABLES):
        rejections = lake.at_once(lambda day, of=dataset: _rejection(of, day), days)  # type: ignore[misc]
        found += [(day, dataset.table.name, said) for day, said in zip(days, rejections, strict=True) if said]
        found += _quarantined(dataset, days)
    return sorted(found)


def _rejection(dataset: Dataset, day: date) -> str:
    try:
        rejection = dataset.rejection(day)
    except UnreadableRecordError as error:
        return str(error)
    return f"held back: {'; '.join(rejection.reasons)}" if rejection else ""


def _quarantined(dataset: Dataset, days: Sequence[date]) -> Iterator[Trouble]:
    for day, manifest in dataset.manifests(days).items():
        if rows := int(manifest.facts.get("rows_quarantined", 0)):
            yield day, dataset.table.name, f"{rows:,} of {manifest.facts['rows_in_files']:,} rows in quarantine"
