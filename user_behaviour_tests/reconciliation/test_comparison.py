"""The comparison of the places: each way of being out of place, what is said of it, and what mends it."""

from dataclasses import replace
from datetime import date

import pytest

from user_behaviour.catalog.external_tables import Registration
from user_behaviour.commands.runs import select
from user_behaviour.reconciliation.comparison import Difference, DifferenceKind, Remedy, TableState, compare
from user_behaviour.tables.schemas import USER_PURCHASE_STAGING

D1, D2 = (date(2010, 12, day) for day in (1, 2))
TABLE = USER_PURCHASE_STAGING
PREFIX = "s3://lake/staged_purchases/insert_date="


def at(batch: str, location: str | None = None) -> Registration:
    return Registration(D1, location or f"{PREFIX}{D1}/{batch}/", batch, 1)


HEALTHY = TableState(
    table=TABLE.name,
    lake_table="staged_purchases",
    metric_asset="public/user_behavior_metric",
    prefix=PREFIX,
    in_force={D1: "a"},
    catalog={D1: at("a")},
    holes={},
    seen={D1: f"{PREFIX}{D1}/a/"},
    metric={D1: "a"},
    recorded={D1: "a"},
)
NOWHERE = {"in_force": {}, "catalog": {}, "seen": {}, "metric": {}}


def found(kind: DifferenceKind, says: str, remedy: Remedy, rerun: str = "") -> Difference:
    return Difference(TABLE.name, D1, kind, says, remedy, rerun)


CASES: dict[str, tuple[TableState, list[Difference]]] = {
    "everything agrees": (HEALTHY, []),
    "nobody asked Dagster": (replace(HEALTHY, recorded=None), []),
    "the metric is yet to be made": (replace(HEALTHY, metric={}), []),
    "missing": (
        replace(HEALTHY, catalog={}, seen={}),
        [found(DifferenceKind.MISSING, "the lake has batch a, the catalog has no partition", Remedy.REGISTER)],
    ),
    "stale": (
        replace(HEALTHY, in_force={D1: "b"}, metric={}),
        [found(DifferenceKind.STALE, "points at batch a, in force is b", Remedy.REGISTER)],
    ),
    "left over": (
        replace(HEALTHY, in_force={}),
        [found(DifferenceKind.LEFT_OVER, "points at batch a, the lake has none in force", Remedy.DEREGISTER)],
    ),
    "elsewhere": (
        replace(HEALTHY, catalog={D1: at("a", "s3://other/a/")}, seen={D1: "s3://other/a/"}),
        [found(DifferenceKind.ELSEWHERE, f"points at s3://other/a/, expected is {PREFIX}{D1}/a/", Remedy.REGISTER)],
    ),
    "at another day": (
        replace(HEALTHY, catalog={D1: at("a", f"{PREFIX}{D2}/a/")}, seen={D1: f"{PREFIX}{D2}/a/"}),
        [found(DifferenceKind.ELSEWHERE, f"points at {PREFIX}{D2}/a/, expected is {PREFIX}{D1}/a/", Remedy.REGISTER)],
    ),
    "without the slash at its end": (
        replace(HEALTHY, catalog={D1: at("a", f"{PREFIX}{D1}/a")}, seen={D1: f"{PREFIX}{D1}/a"}),
        [found(DifferenceKind.ELSEWHERE, f"points at {PREFIX}{D1}/a, expected is {PREFIX}{D1}/a/", Remedy.REGISTER)],
    ),
    "files of the batch in force are lost": (
        replace(HEALTHY, holes={D1: "1 of its 2 files"}),
        [found(DifferenceKind.EMPTY, "batch a: 1 of its 2 files", Remedy.RERUN, "key:staged_purchases+")],
    ),
    "the superseded batch was purged": (
        replace(HEALTHY, in_force={D1: "b"}, holes={D1: "purged"}, metric={}),
        [
            found(DifferenceKind.STALE, "points at batch a, in force is b", Remedy.REGISTER),
            found(DifferenceKind.EMPTY, "batch a: purged", Remedy.REGISTER),
        ],
    ),
    "the warehouse does not see it": (
        replace(HEALTHY, seen={}),
        [
            found(
                DifferenceKind.UNKNOWN,
                f"the catalog points at {PREFIX}{D1}/a/, the warehouse sees nothing",
                Remedy.BY_HAND,
            )
        ],
    ),
    "the warehouse sees another catalog": (
        replace(HEALTHY, seen={D1: "s3://other/"}),
        [
            found(
                DifferenceKind.UNKNOWN,
                f"the catalog points at {PREFIX}{D1}/a/, the warehouse sees s3://other/",
                Remedy.BY_HAND,
            )
        ],
    ),
    "a run is registering it": (replace(HEALTHY, seen={}, recorded={}, moving={D1}), []),
    "the metric is of an older batch": (
        replace(HEALTHY, metric={D1: "z"}),
        [found(DifferenceKind.METRIC, "made from batch z, in force is a", Remedy.RERUN, "public/user_behavior_metric")],
    ),
    "Dagster has recorded nothing": (
        replace(HEALTHY, recorded={}),
        [found(DifferenceKind.UNRECORDED, "registered is batch a, recorded was nothing", Remedy.RECORD)],
    ),
    "Dagster has recorded no batch": (
        replace(HEALTHY, recorded={D1: ""}),
        [found(DifferenceKind.UNRECORDED, "registered is batch a, recorded was no batch", Remedy.RECORD)],
    ),
    "Dagster has recorded another batch": (
        replace(HEALTHY, recorded={D1: "z"}),
        [found(DifferenceKind.UNRECORDED, "registered is batch a, recorded was batch z", Remedy.RECORD)],
    ),
    "only Dagster knows of it": (
        replace(HEALTHY, **NOWHERE),  # type: ignore[arg-type]
        [
            found(
                DifferenceKind.ONLY_RECORDED,
                "recorded was batch a, neither lake nor catalog have the day",
                Remedy.RERUN,
                "+key:spectrum/user_purchase_staging",
            )
        ],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_what_is_out_of_place_is_found_and_nothing_else(name: str) -> None:
    state, differences = CASES[name]
    assert compare(state) == differences


def test_a_location_that_the_warehouse_cuts_off_is_not_out_of_place() -> None:
    prefix = f"s3://{'a' * 60}/staged_purchases/insert_date="
    location = f"{prefix}{D1}/{'b' * 36}/"
    catalog = {D1: Registration(D1, location, "b" * 36, 1)}
    state = replace(HEALTHY, prefix=prefix, in_force={D1: "b" * 36}, catalog=catalog, metric={}, recorded=None)

    assert len(location) > 128
    assert compare(replace(state, seen={D1: location[:128]})) == []
    assert [one.kind for one in compare(replace(state, seen={D1: location[:127]}))] == [DifferenceKind.UNKNOWN]


def test_every_rerun_that_is_advised_selects_assets() -> None:
    advised = {difference.rerun for _, differences in CASES.values() for difference in differences if difference.rerun}
    assert {query: len(select([query])) for query in advised} == {
        "key:staged_purchases+": 3,
        "public/user_behavior_metric": 1,
        "+key:spectrum/user_purchase_staging": 3,
    }
