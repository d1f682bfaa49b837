"""What a page shows of Dagster: the last results of the checks, when each asset was made, and where its UI has more."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import dagster as dg
from pydantic import Field

from user_behaviour.report.page import Link

STATES = ("FAILED", "not run", "warned", "passed")


@dataclass(frozen=True)
class CheckResult:
    """What a check said last, and its `check_state`; `not run` is what a run planned and did not come to."""

    check: Link
    state: str
    said: str
    at: datetime


def check_state(check: dg.AssetCheckEvaluation) -> str:
    """`passed`, `warned` or `FAILED`."""
    return "passed" if check.passed else "warned" if check.severity == dg.AssetCheckSeverity.WARN else "FAILED"


class DagsterPages(dg.ConfigurableResource):  # type: ignore[type-arg]
    """Dagster's UI, to which pages lead, and the checks whose results they show."""

    url: str = Field(default="", description="The address of Dagster's UI; empty: pages have no links into it.")
    checks: list[str] = Field(default=[], description="Asset and name of each check, with a colon between.")

    def asset(self, key: dg.AssetKey, *, view: str = "") -> Link:
        """An asset's page; nothing but its name where there is no UI."""
        name = key.to_user_string()
        return Link(name, f"{self.url}/assets/{name}{f'?view={view}' if view else ''}" if self.url else "")

    def run(self, run_id: str) -> Link:
        """A run's page."""
        return Link(f"run {run_id[:8]}", f"{self.url}/runs/{run_id}" if self.url else "")

    def check_results(self, instance: dg.DagsterInstance) -> list[CheckResult]:
        """The last result of each check that has one, those first that did not pass."""
        keys = [dg.AssetCheckKey(dg.AssetKey.from_user_string(asset), name) for asset, name in self._checks]
        found = []
        for record in instance.event_log_storage.get_latest_asset_check_execution_by_key(keys).values():
            key, said = record.key, record.evaluation
            page = self.asset(key.asset_key, view="checks")
            at = datetime.fromtimestamp(record.create_timestamp, UTC)
            name = Link(f"{key.asset_key.to_user_string()}: {key.name}", page.url)
            state, text = "not run", ""
            if isinstance(said, dg.AssetCheckEvaluation):  # and not its plan
                state, text = check_state(said), said.description or ""
            found.append(CheckResult(name, state, text, at))
        return sorted(found, key=lambda result: (STATES.index(result.state), str(result.check)))

    def last_made(self, instance: dg.DagsterInstance) -> list[Sequence[object]]:
        """Of each asset that has a check: when it was made last, and for which day."""
        keys = list(dict.fromkeys(dg.AssetKey.from_user_string(asset) for asset, _ in self._checks))
        rows: list[Sequence[object]] = []
        for key, entry in instance.event_log_storage.get_latest_materialization_events(keys).items():
            if entry:
                made = datetime.fromtimestamp(entry.timestamp, UTC)
                day = entry.dagster_event.partition if entry.dagster_event else None
                rows.append((self.asset(key), made, day, self.run(entry.run_id)))
        return rows

    @property
    def _checks(self) -> list[tuple[str, str]]:
        return [(asset, name) for asset, _, name in (check.rpartition(":") for check in self.checks)]
