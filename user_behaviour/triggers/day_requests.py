"""Which runs cover the days that are to be computed: few ranges, of bounded length and number. Pure: no Dagster."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby

from user_behaviour.tables.days import DAYS_PER_RUN, DayRange, ranges
from user_behaviour.triggers.tick_memory import fingerprint

RUNS_PER_TICK = 5
PARTS = 8  # into which a range is cut whose run has failed


@dataclass(frozen=True)
class DayRequest:
    """One run over a span; `days` are those of its days that are asked for, the others are gone over."""

    span: DayRange
    days: tuple[date, ...]
    run_key: str


def day_requests(versions: Mapping[date, str], serial: int, *, bridges: Collection[date] = ()) -> list[DayRequest]:
    """The runs that cover the days, oldest first; what exceeds `RUNS_PER_TICK` is left for the next tick.

    A run key holds the span and the versions of the days asked for, so that a tick that is evaluated twice, because
    the daemon died before it saved the cursor, asks for the same runs.
    """
    requests = []
    for days in _chunks(sorted(versions), bridges):
        span = DayRange(days[0], days[-1])
        content = fingerprint(*(f"{day} {versions[day]}" for day in days))
        requests.append(DayRequest(span, tuple(days), f"{serial}/{span.first}..{span.last}/{content}"))
    return requests[:RUNS_PER_TICK]


def spans_apart(days: Iterable[date], *, failed: Sequence[DayRange]) -> list[DayRange]:
    """The ranges that cover the days and no others, each bounded; what a run of the `failed` ones covered is cut up.

    So a day that fails each time is soon asked for alone, and takes no other day with it, a new one least of all.
    """

    def narrowest(day: date) -> DayRange | None:
        around = [span for span in failed if span.first <= day <= span.last]
        return min(around, key=lambda span: (span.last - span.first, span.first), default=None)

    spans = []
    for span_failed, group in groupby(sorted(days), narrowest):
        length = -(-len(span_failed.days()) // PARTS) if span_failed else DAYS_PER_RUN
        spans += [part for span in ranges(group) for part in span.cut(length)]
    return spans


def _chunks(days: Sequence[date], bridges: Collection[date]) -> Iterator[list[date]]:
    for span in ranges(days, bridges=bridges):
        chunk: list[date] = []
        for day in (day for day in days if span.first <= day <= span.last):
            if chunk and (day - chunk[0]).days >= DAYS_PER_RUN:
                yield chunk
                chunk = []
            chunk.append(day)
        yield chunk
