"""Bad days in the lake IO manager: held back alone, with the reason; days that cannot be trusted publish nothing."""

import inspect
from collections.abc import Callable, Iterator
from datetime import date
from typing import Any

import dagster as dg
import pandas as pd
import pyarrow as pa
import pytest

from user_behaviour.io_managers.frames import PartitionColumnError
from user_behaviour.io_managers.partition_keys import WrongDaysError
from user_behaviour.io_managers.publishing import UnknownDagsterError
from user_behaviour.lake.dataset import CURRENT
from user_behaviour.lake.held_back import HeldBackError, MissingPartitionError
from user_behaviour.recipes import Closing, DayBatch, PerDay, Quarantined
from user_behaviour_tests.io_managers.greenhouse import MON, READINGS, THU, TUE, WED, Greenhouse, metadata_by_day, rows
from user_behaviour_tests.io_managers.sensor_values import (
    BY_DAY,
    KINDS,
    MONDAY,
    TUESDAY,
    WEDNESDAY,
    as_stream,
    readings,
    recipe,
    week,
)

AS_OF = "2024-04-01T00:00:00.000000Z"
OLD = ("old", None, None)


def reasons(greenhouse: Greenhouse, day: date) -> tuple[str, ...] | None:
    """Why the newest attempt at a day was rejected, where that is on record."""
    rejection = greenhouse.lake.dataset(READINGS).rejection(day)
    return rejection.reasons if rejection else None


def test_days_that_are_held_back_do_not_take_the_good_days_with_them(greenhouse: Greenhouse) -> None:
    """Guards the private API by which the IO manager tells Dagster which days of the run it did not write."""
    greenhouse.run([readings(rows(OLD))], TUE)
    before = greenhouse.instance.get_latest_materialization_event(dg.AssetKey("readings"))
    bad, missing = HeldBackError("sensor b is upside down", "and wet"), MissingPartitionError("not there")

    result = greenhouse.run(
        [readings(recipe({MON: rows(MONDAY), TUE: bad, WED: missing, THU: rows(WEDNESDAY)}))], MON, THU
    )

    assert set(metadata_by_day(result, "readings")) == {"2024-03-04", "2024-03-07"}
    assert [greenhouse.stored(day) for day in (MON, TUE, THU)] == [[MONDAY], [OLD], [WEDNESDAY]]
    record = greenhouse.instance.get_latest_data_version_record(dg.AssetKey("readings"), partition_key="2024-03-05")
    assert before is not None
    assert record is not None
    assert record.event_log_entry.run_id == before.run_id
    assert reasons(greenhouse, TUE) == ("sensor b is upside down", "and wet")
    assert reasons(greenhouse, WED) is None  # what is upstream has something to say of the day


def test_a_day_whose_pointer_is_cut_off_is_held_back_alone(greenhouse: Greenhouse) -> None:
    greenhouse.run([readings(rows(OLD))], TUE)
    dataset = greenhouse.lake.dataset(READINGS)
    greenhouse.lake.write(f"{dataset.directory(TUE)}/{CURRENT}", b'{"dataset":"rea')

    result = greenhouse.run([readings(week)], MON, WED)

    assert set(metadata_by_day(result, "readings")) == {"2024-03-04", "2024-03-06"}
    assert dataset.batches(TUE) == [greenhouse.instance.get_runs()[-1].run_id]


def in_a_recipe(table: pa.Table) -> PerDay:
    return recipe({MON: rows(MONDAY), TUE: table.slice(1).drop_columns(["measured_on"]), WED: rows(WEDNESDAY)})


@pytest.mark.parametrize(
    ("bad_row", "reason"),
    [
        (
            ("ééééé", None, None),
            "sensor holds 10 bytes, varchar(6) takes 6: 'ééééé'; "
            "shorten it where it comes from, or declare more bytes, and run the day again.",
        ),
        ((None, "1.00", None), "sensor is null in 1 rows, and may not be."),
    ],
    ids=["too long", "null"],
)
@pytest.mark.parametrize("kind", [*KINDS, "recipe"])
def test_a_day_whose_rows_turn_out_bad_half_way_does_not_take_the_good_days_with_it(
    greenhouse: Greenhouse, kind: str, bad_row: Any, reason: str
) -> None:
    table = pa.concat_tables([BY_DAY[MON], rows(TUESDAY, bad_row, day=TUE)])

    wrap = {**KINDS, "recipe": in_a_recipe}[kind]
    result = greenhouse.run([readings(lambda _: wrap(table))], MON, WED)

    assert set(metadata_by_day(result, "readings")) == {"2024-03-04", "2024-03-06"}
    assert reasons(greenhouse, TUE) == (f"readings, 2024-03-05: {reason}",)


def test_the_columns_of_a_data_frame_are_the_declared_ones_in_any_order(greenhouse: Greenhouse) -> None:
    """Those that nobody had declared were left out without a word."""
    frame = rows(MONDAY).to_pandas()

    greenhouse.run([readings(frame[["watered", "sensor", "celsius"]])], MON)
    greenhouse.run([readings(frame.assign(colour="red"))], TUE, raise_on_error=False)
    greenhouse.run([readings(frame.drop(columns="celsius"))], WED, raise_on_error=False)
    greenhouse.run([readings(frame.rename(columns={"celsius": 1}))], THU, raise_on_error=False)

    declared = "declared are (sensor, celsius, watered, batch_id)."
    of_the_frame = "the columns of the data frame are"
    assert greenhouse.stored(MON) == [MONDAY]
    assert reasons(greenhouse, TUE) == (
        f"readings, 2024-03-05: {of_the_frame} (sensor, celsius, watered, colour), {declared}",
    )
    assert reasons(greenhouse, WED) == (f"readings, 2024-03-06: {of_the_frame} (sensor, watered), {declared}",)
    assert reasons(greenhouse, THU) == (f"readings, 2024-03-07: {of_the_frame} (sensor, 1, watered), {declared}",)


def test_a_bad_day_in_the_middle_of_a_stream_does_not_empty_the_days_after_it(greenhouse: Greenhouse) -> None:
    """Rows that the bad day left unread once hid all later days of the stream, which were published as empty."""
    over_long = ("over-long", None, None)
    table = pa.concat_tables([rows(MONDAY, over_long, MONDAY, day=MON), rows(TUESDAY, day=TUE)])
    batches = [batch for n in range(table.num_rows) for batch in table.slice(n, 1).to_batches()]
    stream = pa.RecordBatchReader.from_batches(table.schema, iter(batches))

    result = greenhouse.run([readings(lambda _: stream)], MON, TUE)

    assert set(metadata_by_day(result, "readings")) == {"2024-03-05"}
    assert greenhouse.stored(TUE) == [TUESDAY]


MISFITS: dict[str, tuple[Callable[[], Any], str]] = {
    "unsorted": (lambda: as_stream(pa.concat_tables([BY_DAY[d] for d in (MON, TUE, MON)])), "came after rows of"),
    "foreign day": (lambda: BY_DAY[WED], "rows of 2024-03-06 came in a run of 2024-03-04 to 2024-03-05; filter them"),
    "foreign day at the end": (lambda: as_stream(week([MON, TUE, WED])), "rows of 2024-03-06 came in a run of"),
    "no day": (lambda: rows(MONDAY), "rows for 2 days have no column measured_on; add it, as a date"),
    "no day in a stream": (lambda: as_stream(rows(MONDAY)), "rows for 2 days have no column measured_on"),
    "day as text": (
        lambda: rows(MONDAY).append_column("measured_on", pa.array(["2024-03-04"])),
        "measured_on is string; make it a date",
    ),
    "day as text in pandas": (
        lambda: rows(MONDAY).to_pandas().assign(measured_on="2024-03-04"),
        "measured_on is '2024-03-04', which date does not hold; make it a date",
    ),
    "two columns of days in pandas": (
        lambda: pd.concat([(frame := BY_DAY[MON].to_pandas()), frame[["measured_on"]]], axis=1),
        "more than one column measured_on; drop the others",
    ),
    "null day": (
        lambda: pa.concat_tables([BY_DAY[MON], rows(TUESDAY).append_column("measured_on", pa.nulls(1, pa.date32()))]),
        "1 rows have no measured_on",
    ),
    "days of a recipe out of order": (lambda: recipe({TUE: BY_DAY[TUE], MON: BY_DAY[MON]}), "gave 2024-03-05 where"),
    "a day of a recipe too few": (lambda: recipe({MON: rows(MONDAY)}), "gave no day where the run has 2024-03-05"),
    "a day of a recipe too many": (
        lambda: recipe({MON: rows(MONDAY), TUE: rows(TUESDAY), WED: rows(WEDNESDAY)}),
        "gave 2024-03-06 where the run has no more days",
    ),
}


@pytest.mark.parametrize("misfit", MISFITS)
def test_rows_that_cannot_be_told_apart_by_day_publish_nothing(greenhouse: Greenhouse, misfit: str) -> None:
    """A stream out of order once published its first day without the rows that came later."""
    value, sentence = MISFITS[misfit]

    with pytest.raises((PartitionColumnError, WrongDaysError), match=sentence):
        greenhouse.run([readings(lambda _: value())], MON, TUE)

    assert greenhouse.lake.dataset(READINGS).manifests([MON, TUE, WED]) == {}


def test_a_recipe_that_breaks_half_way_publishes_nothing_and_is_closed(greenhouse: Greenhouse) -> None:
    def broken() -> Iterator[pa.RecordBatch]:
        yield from rows(TUESDAY).to_batches()
        raise ConnectionError("the sensors are gone")

    days = (DayBatch(day, AS_OF, broken() if day == TUE else rows(MONDAY).to_batches()) for day in (MON, TUE, WED))
    with pytest.raises(ConnectionError, match="the sensors are gone"):
        greenhouse.run([readings(PerDay(days))], MON, WED)

    assert greenhouse.lake.dataset(READINGS).manifests([MON, TUE, WED]) == {}
    assert inspect.getgeneratorstate(days) == inspect.GEN_CLOSED


def test_a_run_whose_days_are_all_bad_fails_with_the_sentence_and_is_not_retried(greenhouse: Greenhouse) -> None:
    bad = recipe({MON: HeldBackError("the sensors are off"), TUE: HeldBackError("still off")})

    result = greenhouse.run([readings(bad)], MON, TUE, raise_on_error=False)

    (failure,) = result.get_step_failure_events()
    data = failure.step_failure_data
    assert data.user_failure_data is not None
    assert data.user_failure_data.description == "2024-03-04: the sensors are off (1 more days likewise)"
    assert greenhouse.materialized("readings") == set()


@pytest.mark.parametrize("verdict", ["good", "bad"])
def test_what_is_known_after_the_last_row_closes_the_day_and_its_quarantine_is_kept(
    greenhouse: Greenhouse, verdict: str
) -> None:
    quarantine = pa.record_batch({"raw": pa.array([b"\x00\xff"])})

    def rows_and_verdict() -> Iterator[pa.RecordBatch | Quarantined | Closing]:
        yield Quarantined(quarantine)
        yield from rows(MONDAY).to_batches()
        if verdict == "bad":
            raise HeldBackError("too much dirt")
        yield Closing(facts={"dirt": 1})

    greenhouse.run([readings(PerDay([DayBatch(MON, AS_OF, rows_and_verdict())]))], MON, raise_on_error=False)

    dataset = greenhouse.lake.dataset(READINGS)
    record = dataset.rejection(MON) if verdict == "bad" else dataset.current(MON)
    assert record is not None
    assert list(dataset.quarantine(record)) == [quarantine]
    facts = {day: manifest.facts for day, manifest in dataset.manifests([MON]).items()}
    assert facts == ({} if verdict == "bad" else {MON: {"dirt": 1}})


def test_a_dagster_in_which_no_day_could_be_held_back_fails_the_step_before_anything_is_written(
    greenhouse: Greenhouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Set on an output that has no such attribute any more, the days that were written would do nothing, unsaid."""
    init = dg.OutputContext.__init__

    def renamed(self: Any, *arguments: Any, **named: Any) -> None:
        init(self, *arguments, **named)
        self._renamed = self.__dict__.pop("_asset_partitions_subset")

    monkeypatch.setattr(dg.OutputContext, "__init__", renamed)
    keys = property(lambda self: list(self._renamed.get_partition_keys()))
    monkeypatch.setattr(dg.OutputContext, "asset_partition_keys", keys)

    with pytest.raises(UnknownDagsterError, match="has no attribute _asset_partitions_subset"):
        greenhouse.run([readings(recipe({MON: rows(MONDAY), TUE: HeldBackError("the sensors are off")}))], MON, TUE)

    assert list(greenhouse.root.rglob("*")) == []
