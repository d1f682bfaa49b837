"""What became of a run: its stages, the verdicts of its checks, the days held back. Values, without Dagster."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from user_behaviour.tables.days import DayRange


@dataclass
class Stage:
    """A step of a run, as far as it has come: an asset, or one check of an asset (`is_check`).

    `days` and `rows` are the published ones, `remarks` what it warned of, days held back included, in its words.
    `failure` says in a line or two why it failed; `trace` is the long version.
    """

    name: str
    is_check: bool = False
    days: int = 0
    rows: int = 0
    seconds: float = 0.0
    remarks: list[str] = field(default_factory=list)
    failure: str = ""
    trace: str = ""
    skipped: bool = False


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


@dataclass(frozen=True)
class RunReport:
    """A finished run over a range of days. `failure` is an error outside of any stage."""

    run_id: str
    days: DayRange
    stages: Sequence[Stage]
    verdicts: Sequence[Verdict]
    seconds: float
    failure: str = ""
    trace: str = ""

    @property
    def assets(self) -> list[Stage]:
        return [stage for stage in self.stages if not stage.is_check]

    @property
    def incomplete(self) -> list[Stage]:
        """The assets that do not have every day of the run: failed, skipped, or with days held back."""
        wanted = len(self.days.days())
        return [stage for stage in self.assets if stage.failure or stage.skipped or stage.days < wanted]

    @property
    def blocked_by(self) -> list[Verdict]:
        """The blocking checks that failed."""
        return [v for v in self.verdicts if v.blocking and not v.passed and not v.warning]

    @property
    def succeeded(self) -> bool:
        """Whether every asset was published for every day, and every blocking check passed."""
        return not (self.failure or self.incomplete or self.blocked_by or any(s.failure for s in self.stages))
