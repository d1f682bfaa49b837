"""Bad days in the lake IO manager: held back alone, with the reason; rows that have no day publish nothing."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from typing import Any

import dagster as dg
import pyarrow as pa
import pytest

from user_behaviour.io_managers.frames import PartitionColumnError
from user_behaviour.lake.held_back import HeldBackError
from user_behaviour.recipes import Closing, DayBatch, PerDay
from user_behaviour_tests.io_managers.greenhouse import (
    MON,
    READINGS,
    TUE,
    WED,
    Greenhouse,
    metadata_by_day,
    rows,
)
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


def test_a_day_that_is_held_back_does_not_take_the_good_days_with_it(greenhouse: Greenhouse) -> None:
    """Guards the private API by which the IO manager tells Dagster which days of the run it did not write."""
    greenhouse.run([readings(rows(("old", None, None)))], TUE)
    before = greenhouse.instance.get_latest_materialization_event(dg.AssetKey("readings"))
    bad = HeldBackError("sensor b is upside down", "and wet")

    result = greenhouse.run([readings(recipe({MON: rows(MONDAY), TUE: bad, WED: rows(WEDNESDAY)}))], MON, WED)

    assert set(metadata_by_day(result, "readings")) == {"2024-03-04", "2024-03-06"}
    assert [greenhouse.stored(day) for day in (MON, TUE, WED)] == [[MONDAY], [("old", None, None)], [WEDNESDAY]]
    record = greenhouse.instance.get_latest_data_version_record(dg.AssetKey("readings"), partition_key="2024-03-05")
    assert before is not None
    assert record is not None
    assert record.event_log_entry.run_id == before.run_id
    rejection = greenhouse.lake.dataset(READINGS).rejection(TUE)
    assert rejection is not None
    assert rejection.reasons == ("sensor b is upside down", "and wet")


def test_a_day_whose_rows_turn_out_bad_half_way_does_not_take_the_good_days_with_it(greenhouse: Greenhouse) -> None:
    over_long = rows(("a", None, None), ("ééééé", None, None))  # five characters, ten bytes; six may be

    result = greenhouse.run([readings(recipe({MON: rows(MONDAY), TUE: over_long, WED: rows(WEDNESDAY)}))], MON, WED)

    assert set(metadata_by_day(result, "readings")) == {"2024-03-04", "2024-03-06"}
    rejection = greenhouse.lake.dataset(READINGS).rejection(TUE)
    assert rejection is not None
    assert rejection.reasons == ("readings: sensor holds 10 bytes, varchar(6) takes 6.",)


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
    "no day in a stream": (lambda: as_stream(rows(MONDAY)), "the stream has no column measured_on"),
    "day as text": (
        lambda: rows(MONDAY).append_column("measured_on", pa.array(["2024-03-04"])),
        "measured_on is string; make it a date",
    ),
    "null day": (
        lambda: pa.concat_tables([BY_DAY[MON], rows(TUESDAY).append_column("measured_on", pa.nulls(1, pa.date32()))]),
        "1 rows have no measured_on",
    ),
}


@pytest.mark.parametrize("misfit", MISFITS)
def test_rows_that_cannot_be_told_apart_by_day_publish_nothing(greenhouse: Greenhouse, misfit: str) -> None:
    """A stream out of order once published its first day without the rows that came later."""
    value, sentence = MISFITS[misfit]

    with pytest.raises(PartitionColumnError, match=sentence):
        greenhouse.run([readings(lambda _: value())], MON, TUE)

    assert greenhouse.lake.dataset(READINGS).manifests([MON, TUE, WED]) == {}


@pytest.mark.parametrize("kind", KINDS)
def test_a_null_where_none_may_be_holds_back_its_day_alone(greenhouse: Greenhouse, kind: str) -> None:
    nameless = rows((None, "1.00", None), day=TUE)  # type: ignore[arg-type]
    table = pa.concat_tables([BY_DAY[MON], nameless])

    result = greenhouse.run([readings(lambda _: KINDS[kind](table))], MON, TUE)

    assert set(metadata_by_day(result, "readings")) == {"2024-03-04"}
    rejection = greenhouse.lake.dataset(READINGS).rejection(TUE)
    assert rejection is not None
    assert rejection.reasons == ("readings: sensor is null in 1 rows, and may not be.",)


def test_a_run_whose_days_are_all_bad_fails_with_the_sentence_and_is_not_retried(greenhouse: Greenhouse) -> None:
    bad = recipe({MON: HeldBackError("the sensors are off"), TUE: HeldBackError("still off")})

    result = greenhouse.run([readings(bad)], MON, TUE, raise_on_error=False)

    (failure,) = result.get_step_failure_events()
    data = failure.step_failure_data
    assert data.user_failure_data is not None
    assert data.user_failure_data.description == "2024-03-04: the sensors are off (1 more days likewise)"
    assert greenhouse.materialized("readings") == set()


def test_a_day_that_is_closed_as_bad_keeps_its_quarantine_beside_the_batch(greenhouse: Greenhouse) -> None:
    quarantine = pa.table({"raw": pa.array([b"\x00\xff"])})

    def close() -> Closing:
        raise HeldBackError("too much dirt", quarantine=quarantine)

    @contextmanager
    def opened() -> Iterator[Callable[[date], DayBatch]]:
        yield lambda day: DayBatch("2024-04-01T00:00:00.000000Z", rows(MONDAY).to_batches(), close)

    greenhouse.run([readings(PerDay(opened))], MON, raise_on_error=False)

    dataset = greenhouse.lake.dataset(READINGS)
    rejection = dataset.rejection(MON)
    assert rejection is not None
    assert dataset.quarantine(rejection).equals(quarantine)  # type: ignore[union-attr]
    assert dataset.manifests([MON]) == {}
