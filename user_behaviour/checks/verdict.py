"""What the checks share: the days that they look at, and the verdict that they give.

A check selects what offends its claim; nothing selected is a pass. It never passes by default: where there was nothing
to look at, it fails and says so.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date

import dagster as dg

from user_behaviour.partitions import DAILY
from user_behaviour.tables.days import PARTITION, RANGE_END, RANGE_START, DayRange, days_of

SAMPLE = 10


@dataclass(frozen=True)
class Offence:
    """What offends a claim on a day: a sentence with its numbers."""

    day: date
    found: str


def days_under_check(
    context: dg.AssetCheckExecutionContext, *, known: Callable[[], Iterable[date]] = tuple
) -> list[date]:
    """The days of the run; a check that is run by itself, without a partition, looks at all days that there are.

    From the run's tags: Dagster gives partition keys only to a run that has partitioned assets besides checks. The days
    that there are were materialized once, or are `known` to the check; not all days of the partitions definition, which
    is open at its end. Where there is none, it is the first day, for the check to find nothing there.
    """
    tags = context.run.tags
    first = tags.get(RANGE_START) or tags.get(PARTITION)
    if first is None:
        (check,) = context.selected_asset_check_keys
        there = {*days_of(context.instance.get_materialized_partitions(check.asset_key)), *known()}
        return sorted(there) or days_of([DAILY.get_partition_keys()[0]])
    return DayRange(*days_of([first, tags.get(RANGE_END) or first])).days()


def verdict(
    offences: Sequence[Offence],
    *,
    looked_at: int,
    severity: dg.AssetCheckSeverity = dg.AssetCheckSeverity.ERROR,
    overtaken: Sequence[Offence] = (),
) -> dg.AssetCheckResult:
    """The result of a check that looked at so many days: the offending days, their number and a sample.

    `overtaken` are days that are right by what they were made of, which something newer has replaced since: another
    run that is under way, or a landing that nothing followed. Alone they warn.
    """
    if overtaken and not offences:
        return verdict(overtaken, looked_at=looked_at, severity=dg.AssetCheckSeverity.WARN)
    if not looked_at:
        return dg.AssetCheckResult(
            passed=False, severity=severity, description="None of the days is published, so there was nothing to check."
        )
    days = sorted({offence.day for offence in offences})
    lines = "\n".join(f"- **{offence.day}** {offence.found}" for offence in offences[:SAMPLE])
    return dg.AssetCheckResult(
        passed=not offences,
        severity=severity,
        description=_summary(offences, days),
        metadata={
            "days_looked_at": looked_at,
            "days_offending": len(days),
            "offences": len(offences),
            **({"days": ", ".join(map(str, days)), "sample": dg.MetadataValue.md(lines)} if offences else {}),
        },
    )


def fail_run(result: dg.AssetCheckResult) -> Iterator[dg.AssetCheckResult]:
    """Gives the result, and if it is a failure fails the run as well, without keeping other assets from their days.

    A blocking check would keep all days from going downstream; a day that was held back is no reason for that.
    """
    yield result
    if not result.passed:
        raise dg.Failure(result.description, allow_retries=False)


def _summary(offences: Sequence[Offence], days: Sequence[date]) -> str | None:
    if not offences:
        return None
    more = len(days) - 1
    others = f" ({more} more {'day offends' if more == 1 else 'days offend'})" if more else ""
    return f"{offences[0].day}: {offences[0].found}{others}"
