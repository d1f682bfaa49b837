"""Which days an input is given: by partition mappings, of the asset itself, and outside of a run."""

from collections.abc import Callable
from datetime import date
from typing import Any

import dagster as dg
import pandas as pd
import pyarrow as pa
import pytest

from user_behaviour.io_managers.lake import LakeIOManager
from user_behaviour.io_managers.partition_keys import NotWholeDaysError, WrongDaysError
from user_behaviour.lake.held_back import MissingPartitionError
from user_behaviour_tests.io_managers.greenhouse import DAYS, MON, READINGS, TUE, WED, Greenhouse, declared
from user_behaviour_tests.io_managers.sensor_values import readings as daily
from user_behaviour_tests.io_managers.sensor_values import week
from user_behaviour_tests.io_managers.windows import WEEK, WEEKS, asset, one_each, reader, run

ROWS = one_each([MON])


def test_a_week_is_given_its_days_and_a_day_the_week_that_it_is_in(greenhouse: Greenhouse) -> None:
    of_days: list[date] = []
    of_weeks: list[date] = []
    run(greenhouse, [asset(DAYS, one_each(WEEK))], str(WEEK[0]), str(WEEK[-1]))
    run(greenhouse, [asset(DAYS, one_each(WEEK)), reader("weekly", WEEKS, of_days)], "2024-03-03", select="weekly")

    run(greenhouse, [asset(WEEKS, one_each(WEEK)), reader("report", DAYS, of_weeks)], "2024-03-06", select="report")

    assert (of_days, of_weeks) == (WEEK, WEEK)


def test_a_week_with_a_day_that_is_not_there_is_not_given(greenhouse: Greenhouse) -> None:
    run(greenhouse, [asset(DAYS, one_each(WEEK[:-1]))], str(WEEK[0]), str(WEEK[-2]))

    with pytest.raises(MissingPartitionError, match="Partition 2024-03-09 of readings is not in the lake"):
        run(greenhouse, [asset(DAYS, ROWS), reader("weekly", WEEKS, [])], "2024-03-03", select="weekly")


YESTERDAY = dg.TimeWindowPartitionMapping(start_offset=-1, end_offset=-1)


def diary(seen: list[list[date]]) -> dg.AssetsDefinition:
    """An asset that reads the day before of itself."""

    @dg.asset(
        name="readings", ins={"before": dg.AssetIn("readings", partition_mapping=YESTERDAY)}, **declared(READINGS)
    )
    def made(context: dg.AssetExecutionContext, before: pa.Table) -> pa.Table:
        seen.append(before["measured_on"].to_pylist())
        return one_each([date.fromisoformat(key) for key in context.partition_keys])

    found: dg.AssetsDefinition = made
    return found


def test_an_asset_reads_what_it_wrote_the_day_before_and_nothing_on_its_first_day(greenhouse: Greenhouse) -> None:
    seen: list[list[date]] = []

    for key in ("2024-02-27", "2024-02-28"):
        run(greenhouse, [diary(seen)], key)

    assert seen == [[], [date(2024, 2, 27)]]


def test_an_asset_that_reads_itself_is_not_given_days_that_the_run_replaces(greenhouse: Greenhouse) -> None:
    """In one run over a range, each day was made from what an earlier run had left of the day before."""
    run(greenhouse, [daily(week)], "2024-03-04", "2024-03-06")
    before = greenhouse.lake.dataset(READINGS).manifests([TUE, WED])
    seen: list[list[date]] = []

    with pytest.raises(WrongDaysError, match=r"readings reads 2024-03-05 of itself.* run its partitions one after"):
        run(greenhouse, [diary(seen)], "2024-03-05", "2024-03-06")

    assert seen == []
    assert greenhouse.lake.dataset(READINGS).manifests([TUE, WED]) == before


def test_a_step_reads_days_of_another_step_of_the_same_graph(greenhouse: Greenhouse) -> None:
    """Not its own asset, though Dagster defines both as one: they were written a moment ago."""
    stored = dg.Out(io_manager_key="files", metadata=declared(READINGS)["metadata"])
    seen: list[date] = []

    @dg.op(out=stored)
    def first() -> pa.Table:
        return one_each([MON, TUE])

    @dg.op(out=stored)
    def second(given: pa.Table) -> pa.Table:
        seen.extend(given["measured_on"].to_pylist())
        return one_each([MON, TUE])

    @dg.graph_multi_asset(outs={"readings": dg.AssetOut(), "copies": dg.AssetOut()}, partitions_def=DAYS)
    def both() -> dict[str, Any]:
        readings = first()
        return {"readings": readings, "copies": second(readings)}

    run(greenhouse, [both], "2024-03-04", "2024-03-05")

    assert seen == [MON, TUE]


def written_by_hand(greenhouse: Greenhouse, days: list[date], **given: Any) -> None:
    metadata = {"definition_metadata": declared(READINGS)["metadata"], "asset_key": "readings"}
    context = dg.build_output_context(**{**metadata, "asset_partitions_def": WEEKS, **given})
    LakeIOManager(lake=greenhouse.lake).handle_output(context, one_each(days))


def read_by_hand(greenhouse: Greenhouse, kind: Any, **given: Any) -> Any:
    metadata = {"definition_metadata": declared(READINGS)["metadata"], "asset_key": "readings"}
    wanted = {"dagster_type": dg.PythonObjectDagsterType(kind)} if kind else {}
    context = dg.build_input_context(**{**metadata, **wanted, "asset_partitions_def": WEEKS, **given})
    return LakeIOManager(lake=greenhouse.lake).load_input(context)


def test_contexts_that_are_built_by_hand_write_and_read_as_those_of_a_run(greenhouse: Greenhouse) -> None:
    written_by_hand(greenhouse, WEEK, partition_key="2024-03-03")
    written_by_hand(greenhouse, WEEK[:3], partition_key="2024-03-03")

    found = read_by_hand(greenhouse, pd.DataFrame, partition_key="2024-03-03")
    assert found["measured_on"].tolist() == WEEK[:3]


BY_HAND: dict[str, tuple[Callable[[Greenhouse], Any], type[Exception], str]] = {
    "a key alone": (
        lambda g: written_by_hand(g, WEEK, partition_key="2024-03-03", asset_partitions_def=None),
        NotWholeDaysError,
        "give the context asset_partitions_def",
    ),
    "no key": (lambda g: written_by_hand(g, WEEK), NotWholeDaysError, "the run has no partition"),
    "no key to read": (lambda g: read_by_hand(g, pa.Table), NotWholeDaysError, "the run has no partition"),
    "no asset": (
        lambda g: written_by_hand(g, WEEK, partition_key="2024-03-03", asset_key=None),
        TypeError,
        "LakeIOManager stores assets, and this output is none; give it another io_manager_key",
    ),
    "no type": (
        lambda g: read_by_hand(g, None, partition_key="2024-03-03"),
        TypeError,
        "cannot give readings as None; annotate",
    ),
}


@pytest.mark.parametrize("case", BY_HAND)
def test_contexts_that_are_built_by_hand_without_what_is_needed_are_refused(greenhouse: Greenhouse, case: str) -> None:
    call, error, sentence = BY_HAND[case]

    with pytest.raises(error, match=sentence):
        call(greenhouse)

    assert list(greenhouse.root.rglob("*")) == []


def test_a_value_is_loaded_outside_of_a_run(greenhouse: Greenhouse) -> None:
    weekly = asset(WEEKS, one_each(WEEK))
    run(greenhouse, [weekly], "2024-03-03")
    defs = dg.Definitions([weekly], resources={"files": LakeIOManager(lake=greenhouse.lake)})

    found: Any = defs.load_asset_value(
        "readings", python_type=pa.Table, partition_key="2024-03-03", instance=greenhouse.instance
    )

    assert found["measured_on"].to_pylist() == WEEK
