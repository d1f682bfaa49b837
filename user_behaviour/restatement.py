"""Why the figures of a day changed: what the metric was made from before, and now, by the manifests of the lake.

Manifests in, sentences out; only `causes` reads the lake, and of the days that changed alone. Lines are compared
themselves: files of the same lines differ in size by their batch's id, and of other lines they need not.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache, partial

import pyarrow as pa

from user_behaviour.classifier.scored_days import version_of
from user_behaviour.lake.lake import Lake
from user_behaviour.lake.manifests import Manifest
from user_behaviour.report.page import counted
from user_behaviour.tables.schemas import (
    CLASSIFIED_REVIEWS,
    MOVIE_REVIEW_CLEAN_STAGE,
    RAW_PURCHASES,
    RAW_REVIEWS,
    STAGED_PURCHASES,
    USER_PURCHASE_STAGING,
)
from user_behaviour.tables.table import Table

Recorded = Callable[[str], str]  # of a rule or version: when, by whom and why it was put into force; "" if unknown
Batches = Mapping[str, str]  # by external table
OfLines = Callable[[Manifest, Manifest], str]  # why, by the lines of two landed batches of as many; "" if not by them

PURGED = "unknown, batches of {} were purged"
UNREADABLE = "unknown, batches of {} cannot be read"
NO_BATCH_CHANGED = "made of the same as before: rows had been changed by hand, or the program makes others of them"
FILES_NAMED = 3
COUNTED = ("quantity", "unit_price", "customer_id")  # of a line, in the metric


@dataclass(frozen=True)
class Made:
    """A batch that the metric read, and the landed batch that it was made from; None: purged, or never known."""

    of: Manifest | None
    landed: Manifest | None


def causes(lake: Lake, recorded: Recorded, changed: Mapping[date, tuple[Batches, Batches]]) -> Mapping[date, str]:
    """Of each day why it changed, given the batches that it was made from before and now."""
    recorded = cache(recorded)  # it looks into the lake

    def made(table: Table, landed: Table, day: date, batch_id: str) -> Made:
        of = lake.dataset(table).batch(day, batch_id)
        return Made(of, lake.dataset(landed).batch(day, of.sources[0].version) if of and of.sources else None)

    def cause(day: date) -> str:
        found: list[str] = []
        for external, table, landed, why in (
            (USER_PURCHASE_STAGING, STAGED_PURCHASES, RAW_PURCHASES, partial(of_purchases, partial(_of_lines, lake))),
            (MOVIE_REVIEW_CLEAN_STAGE, CLASSIFIED_REVIEWS, RAW_REVIEWS, of_reviews),
        ):
            before, after = (batches.get(external.name, "") for batches in changed[day])
            if before != after:
                found += why(made(table, landed, day, before), made(table, landed, day, after), recorded)
        return "; ".join(found) or NO_BATCH_CHANGED

    days = list(changed)
    return dict(zip(days, lake.at_once(cause, days), strict=True))


def of_purchases(of_lines: OfLines, before: Made, after: Made, recorded: Recorded) -> Iterator[str]:
    """What can have changed of the purchases: the rule, and the lines that the shop has."""
    if before.of is None or after.of is None:
        yield PURGED.format(STAGED_PURCHASES.name)
        return
    old, new = (str(made.facts.get("rule", "")) for made in (before.of, after.of))
    if old != new:
        yield f"rule `{old}` → `{new}`{_put_into_force(new, recorded)}"
    if before.landed is None or after.landed is None:
        if before.of.sources != after.of.sources:
            yield PURGED.format(RAW_PURCHASES.name)
    elif more := after.landed.rows - before.landed.rows:
        lines = counted(abs(more), "line")
        yield f"late rows of the shop, {lines} more" if more > 0 else f"{lines} less in the shop"
    elif why := of_lines(before.landed, after.landed):
        yield why


def of_reviews(before: Made, after: Made, recorded: Recorded) -> Iterator[str]:
    """What can have changed of the reviews: the version of the classifier, and the vendor's files."""
    if before.of is None or after.of is None:
        yield PURGED.format(CLASSIFIED_REVIEWS.name)
        return
    old, new = version_of(before.of), version_of(after.of)
    if old != new:
        yield f"classifier version `{old}` → `{new}`{_put_into_force(new, recorded)}"
    if before.landed is None or after.landed is None:
        if before.of.sources != after.of.sources:
            yield PURGED.format(RAW_REVIEWS.name)
        return
    files = {source.name: (source.size, source.version) for source in before.landed.sources}
    now = {source.name: (source.size, source.version) for source in after.landed.sources}
    if late := [name for name in now if name not in files]:
        yield f"late file of the vendor: {_named(late)}"
    if again := [name for name in now if name in files and now[name] != files[name]]:
        yield f"re-delivery: {_named(again)}"


def _put_into_force(name: str, recorded: Recorded) -> str:
    said = " ".join(recorded(name).split())
    return f" ({said})" if said else ""


def _named(files: list[str]) -> str:
    more = len(files) - FILES_NAMED
    return ", ".join(files[:FILES_NAMED]) + (f" and {more} more" if more > 0 else "")


def _of_lines(lake: Lake, before: Manifest, after: Manifest) -> str:
    """A day is published, too, of whose past a file is gone, by a purge that was killed, or is damaged."""

    def lines(landed: Manifest) -> pa.Table:
        batches = (batch.select(COUNTED) for batch in lake.dataset(RAW_PURCHASES).read(landed))
        return pa.Table.from_batches(batches).sort_by([(name, "ascending") for name in COUNTED])

    if before.batch_id == after.batch_id or not before.rows:
        return ""
    try:
        return "" if lines(before).equals(lines(after)) else "lines corrected in the shop"
    except (FileNotFoundError, pa.ArrowInvalid):
        return UNREADABLE.format(RAW_PURCHASES.name)
