"""What became of a run: its steps, the verdicts of its checks, the days held back. Values, without Dagster."""

from __future__ import annotations

from dataclasses import dataclass, field

from user_behaviour.tables.days import DayRange


class RunError(Exception):
    """A run that was asked for cannot be begun; the message says which can."""


@dataclass
class Step:
    """A step of a run, as far as it has come: an asset, or one check of an asset (`is_check`).

    `days` and `rows` are the published ones, `remarks` what it warned of, days held back included, in its words.
    `failure` says in a line or two why it failed.
    """

    name: str
    is_check: bool = False
    started: float | None = None
    seconds: float = 0.0
    days: int = 0
    rows: int = 0
    remarks: list[str] = field(default_factory=list)
    failure: str = ""


@dataclass(frozen=True)
class Verdict:
    """A check's verdict; `found` is its description of what offends, or why it gave no verdict."""

    asset: str
    check: str
    passed: bool
    warning: bool = False
    blocking: bool = False
    found: str = ""

    @property
    def word(self) -> str:
        return "passed" if self.passed else "warned" if self.warning else "FAILED"


@dataclass
class RunReport:
    """A run over a range of days, as far as it has come. `steps` are keyed as Dagster's are, the assets first.

    `failure` is an error outside of any step.
    """

    run_id: str
    days: DayRange
    steps: dict[str, Step]
    verdicts: list[Verdict] = field(default_factory=list)
    seconds: float = 0.0
    interrupted: bool = False
    failure: str = ""

    @property
    def assets(self) -> list[Step]:
        return [step for step in self.steps.values() if not step.is_check]

    @property
    def incomplete(self) -> list[Step]:
        """The assets that do not have every day of the run: failed, never begun, or with days held back."""
        return [step for step in self.assets if step.failure or step.days < len(self.days.days())]

    @property
    def blocked_by(self) -> list[Verdict]:
        """The blocking checks that failed."""
        return [v for v in self.verdicts if v.blocking and not v.passed and not v.warning]

    @property
    def succeeded(self) -> bool:
        """Whether every asset was published for every day, and every blocking check passed."""
        failed = self.failure or any(step.failure for step in self.steps.values())
        return not (failed or self.incomplete or self.blocked_by)
