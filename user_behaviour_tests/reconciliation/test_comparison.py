"""The comparison of the places: each way of being out of place, what is said of it, and what mends it."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from user_behaviour.catalog.external_tables import Registration
from user_behaviour.commands.runs import select
from user_behaviour.reconciliation.comparison import Difference, DifferenceKind, Remedy, TableState, compare
from user_behaviour.tables.schemas import USER_PURCHASE_STAGING

D1, D2 = (date(2010, 12, day) for day in (1, 2))
TABLE = USER_PURCHASE_STAGING
PREFIX = "s3://lake/staged_purchases/insert_date="
THERE = f"{PREFIX}{D1}/a/"


def at(batch: str, location: str | None = None) -> Registration:
    return Registration(D1, location or f"{PREFIX}{D1}/{batch}/", batch, 1)


HEALTHY = TableState(
    table=TABLE.name,
    lake_table="staged_purchases",
    metric_and_later="key:public/user_behavior_metric+",
    prefix=PREFIX,
    in_force={D1: "a"},
    catalog={D1: at("a")},
    holes={},
    seen={D1: THERE},
    moving=set(),
    unreadable=set(),
    metric={D1: "a"},
    recorded={D1: "a"},
)
WITHOUT_SLASH, ELSEWHERE, NEXT_DAY = f"{PREFIX}{D1}/a", "s3://other/a/", f"{PREFIX}{D2}/a/"


def located(location: str) -> dict[str, Any]:
    """What the catalog has, and the warehouse sees, where a partition lies there."""
    return {"catalog": {D1: at("a", location)}, "seen": {D1: location}}


CASES: dict[str, tuple[dict[str, Any], list[tuple[DifferenceKind, str, Remedy, str]]]] = {
    "everything agrees": ({}, []),
    "the metric is yet to be made": ({"metric": {}}, []),
    "missing": (
        {"catalog": {}, "seen": {}},
        [(DifferenceKind.MISSING, "the lake has batch a, the catalog has no partition", Remedy.REGISTER, "")],
    ),
    "stale": (
        {"in_force": {D1: "b"}, "metric": {}},
        [(DifferenceKind.STALE, "points at batch a, in force is b", Remedy.REGISTER, "")],
    ),
    "left over": (
        {"in_force": {}},
        [(DifferenceKind.LEFT_OVER, "points at batch a, the lake has none in force", Remedy.DEREGISTER, "")],
    ),
    **{
        f"elsewhere: {location}": (
            located(location),
            [(DifferenceKind.ELSEWHERE, f"points at {location}, expected is {THERE}", Remedy.REGISTER, "")],
        )
        for location in (ELSEWHERE, NEXT_DAY, WITHOUT_SLASH)
    },
    "files of the batch in force are lost": (
        {"holes": {D1: "1 of its 2 files"}},
        [(DifferenceKind.FILES_LOST, "batch a: 1 of its 2 files", Remedy.RERUN, "key:staged_purchases+")],
    ),
    "the superseded batch was purged": (
        {"in_force": {D1: "b"}, "holes": {D1: "purged"}, "metric": {}},
        [
            (DifferenceKind.STALE, "points at batch a, in force is b", Remedy.REGISTER, ""),
            (DifferenceKind.FILES_LOST, "batch a: purged", Remedy.REGISTER, ""),
        ],
    ),
    **{
        f"the warehouse sees {sees}": (
            {"seen": seen},
            [
                (
                    DifferenceKind.NOT_SEEN,
                    f"the catalog points at {THERE}, the warehouse sees {sees}",
                    Remedy.BY_HAND,
                    "",
                )
            ],
        )
        for sees, seen in (("nothing", {}), ("s3://other/", {D1: "s3://other/"}))
    },
    "a run is registering it": ({"seen": {}, "recorded": {}, "moving": {D1}}, []),
    "the metric is of an older batch": (
        {"metric": {D1: "z"}},
        [(DifferenceKind.METRIC, "made from batch z, in force is a", Remedy.RERUN, "key:public/user_behavior_metric+")],
    ),
    **{
        f"Dagster has recorded {last}": (
            {"recorded": recorded},
            [(DifferenceKind.UNRECORDED, f"registered is batch a, recorded was {last}", Remedy.RECORD, "")],
        )
        for last, recorded in (("nothing", {}), ("no batch", {D1: ""}), ("batch z", {D1: "z"}))
    },
    "only Dagster knows of it": (
        {"in_force": {}, "catalog": {}, "seen": {}, "metric": {}},
        [
            (
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
    changed, differences = CASES[name]
    assert compare(replace(HEALTHY, **changed)) == [Difference(TABLE.name, D1, *found) for found in differences]


def test_a_location_that_the_warehouse_cuts_off_is_not_out_of_place() -> None:
    prefix = f"s3://{'a' * 60}/staged_purchases/insert_date="
    location = f"{prefix}{D1}/{'b' * 36}/"
    catalog = {D1: Registration(D1, location, "b" * 36, 1)}
    state = replace(
        HEALTHY, prefix=prefix, in_force={D1: "b" * 36}, catalog=catalog, metric={}, recorded={D1: "b" * 36}
    )

    assert len(location) > 128
    assert compare(replace(state, seen={D1: location[:128]})) == []
    assert [one.kind for one in compare(replace(state, seen={D1: location[:127]}))] == [DifferenceKind.NOT_SEEN]


def test_every_rerun_that_is_advised_selects_assets() -> None:
    advised = {rerun for _, differences in CASES.values() for *_, rerun in differences if rerun}
    assert {query: len(select([query])) for query in advised} == {
        "key:staged_purchases+": 10,
        "key:public/user_behavior_metric+": 8,
        "+key:spectrum/user_purchase_staging": 3,
    }
