"""What the checks share: the days that they look at, and the result that they give.

A check selects what offends its claim; nothing selected is a pass. It never passes by default: where there was nothing
to look at, it fails and says so. A day that offended stays in the results of later runs until it is right, and fails
none of them.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import dagster as dg

from user_behaviour.partitions import DAILY
from user_behaviour.tables.days import DayRange, days_of, ranges

SAMPLE = 10
OFFENDING = "days"  # the metadata of a result that lists the offending days


@dataclass(frozen=True)
class Offence:
    """What offends a claim on a day: a sentence with its numbers."""

    day: date
    found: str


@dataclass(frozen=True)
class DaysUnderCheck:
    """`of_run` are the days that the run is about, `standing` other days that offended when last looked at."""

    check: dg.AssetCheckKey
    of_run: Sequence[date]
    standing: Collection[date] = ()

    @property
    def days(self) -> list[date]:
        """All of them, in order."""
        return sorted({*self.of_run, *self.standing})

    @property
    def spans(self) -> list[DayRange]:
        """The ranges that they make, for what is asked for by range."""
        return ranges(self.days)

    def fails(self, offences: Iterable[Offence]) -> bool:
        """Whether a day of the run offends."""
        return any(offence.day in self.of_run for offence in offences)

    def result(
        self,
        offences: Sequence[Offence],
        *,
        looked_at: Collection[date],
        severity: dg.AssetCheckSeverity = dg.AssetCheckSeverity.ERROR,
        standing: dg.AssetCheckSeverity = dg.AssetCheckSeverity.WARN,
        overtaken: Sequence[Offence] = (),
        metadata: Mapping[str, dg.MetadataValue] | None = None,
    ) -> dg.AssetCheckResult:
        """The result of a check that could look at some days: the offending days, their number and a sample.

        `overtaken` are days that are right by what they were made of, which something newer has replaced since: another
        run that is under way, or a landing that nothing followed. Where no day of the run offends, they warn, and days
        of other runs have the severity `standing`; an error of a blocking check would keep the run's own days back.
        """
        found = [*offences, *overtaken] if not self.fails(offences) else list(offences)
        found.sort(key=lambda offence: offence.day not in self.of_run)
        # A result that names its check spares Dagster looking for the asset's materialization once more.
        name: dict[str, Any] = {"asset_key": self.check.asset_key, "check_name": self.check.name}
        checked = {*looked_at} & {*self.of_run}
        if not checked and not self.fails(found):
            return dg.AssetCheckResult(
                **name,
                passed=False,
                severity=severity,
                description="None of the days is published, so there was nothing to check.",
            )
        if not self.fails(offences):
            severity = standing if offences else dg.AssetCheckSeverity.WARN if overtaken else severity
        return dg.AssetCheckResult(
            **name,
            passed=not found,
            severity=severity,
            description=self._summary(found),
            metadata={"days_looked_at": len(checked), **_counts(found), **(metadata or {})},
        )

    def _summary(self, offences: Sequence[Offence]) -> str | None:
        if not offences:
            return None
        more = len({offence.day for offence in offences}) - 1
        others = f" ({more} more {'day offends' if more == 1 else 'days offend'})" if more else ""
        whose = "" if self.fails(offences) else "Not of this run: "
        return f"{whose}{offences[0].day}: {offences[0].found}{others}"


def days_under_check(
    context: dg.AssetCheckExecutionContext,
    *,
    known: Callable[[], Iterable[date]] = tuple,
    standing: Callable[[], Collection[date]] | None = None,
) -> DaysUnderCheck:
    """The days of the run; a check that is run by itself, without a partition, looks at all days that there are.

    From the run's tags: Dagster gives partition keys only to a run that has partitioned assets besides checks. The days
    that there are were materialized once, or are `known` to the check; not all days of the partitions definition, which
    is open at its end. Where there is none, it is the first day, for the check to find nothing there.

    `standing` are the days that offended and that no run looked at again since; by default those of the last result.
    """
    span = DayRange.of_tags(context.run.tags)
    (check,) = (spec.key for spec in context.check_specs)
    if span is None:
        there = {*days_of(context.instance.get_materialized_partitions(check.asset_key)), *known()}
        return DaysUnderCheck(check, sorted(there) or days_of([DAILY.get_partition_keys()[0]]))
    return DaysUnderCheck(check, span.days(), standing() if standing else _offended_last(context.instance, check))


def failed_days(instance: dg.DagsterInstance, asset: dg.AssetKey) -> list[date]:
    """The days that are red in Dagster: a run that was to make them failed, and none has made them since.

    `get_status_by_partition` says the same, of all days of a calendar one by one: a second of a run over ten years.
    """
    failure = [dg.DagsterRunStatus.FAILURE]
    if not instance.get_runs(dg.RunsFilter(statuses=failure), limit=1):
        return []  # what was planned and what was made is a tenth of a second for each asset of a year's run
    planned = instance.event_log_storage.get_latest_asset_partition_materialization_attempts_without_materializations(
        asset
    )
    if not planned:
        return []
    runs = sorted({run_id for run_id, _ in planned.values()})
    failed = instance.get_runs(dg.RunsFilter(run_ids=runs, statuses=failure))
    failures = {run.run_id for run in failed}
    return days_of(day for day, (run_id, _) in planned.items() if run_id in failures)


def fail_run(result: dg.AssetCheckResult, *, fails: bool) -> Iterator[dg.AssetCheckResult]:
    """Gives the result, and where it `fails` the run as well, without keeping other assets from their days.

    A blocking check would keep all days from going downstream; a day that was held back is no reason for that.
    """
    yield result
    if fails:
        raise dg.Failure(result.description, allow_retries=False)


def _counts(offences: Sequence[Offence]) -> dict[str, Any]:
    """The offending days, their number and a sample, as metadata."""
    days = sorted({offence.day for offence in offences})
    counts: dict[str, Any] = {"days_offending": len(days), "offences": len(offences)}
    if offences:
        lines = "\n".join(f"- **{offence.day}** {offence.found}" for offence in offences[:SAMPLE])
        counts |= {OFFENDING: ", ".join(map(str, days)), "sample": dg.MetadataValue.md(lines)}
    return counts


def _offended_last(instance: dg.DagsterInstance, check: dg.AssetCheckKey) -> list[date]:
    """The offending days of the last result of a check; runs that have not come to theirs are passed over."""
    cursor = None
    while records := instance.event_log_storage.get_asset_check_execution_history(check, limit=5, cursor=cursor):
        for evaluation in (record.evaluation for record in records):
            if isinstance(evaluation, dg.AssetCheckEvaluation):  # and not its plan
                offending = evaluation.metadata.get(OFFENDING)
                return days_of(str(offending.value).split(", ")) if offending else []
        cursor = records[-1].id
    return []
