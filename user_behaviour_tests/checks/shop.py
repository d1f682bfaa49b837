"""An installation that has run healthy days once, on which single checks are run again and again.

Every day has the same few lines and reviews, so that a day has a past to be held against.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import dagster as dg

from user_behaviour.checks import CHECKS
from user_behaviour.definitions import assemble
from user_behaviour.rules import QuantityRule, QuantityRules
from user_behaviour.tables.days import DayRange
from user_behaviour_tests.graph.installation import Installation, Line, checks, failure_messages

CLAIMS = {f"{key.asset_key.to_user_string()}:{key.name}": key for check in CHECKS for key in check.check_keys}
HEALTHY = DayRange(date(2011, 1, 3), date(2011, 6, 30))
PAST = timedelta(weeks=5)
WITH_A_PAST = DayRange(HEALTHY.first + PAST - timedelta(days=3), HEALTHY.first + PAST - timedelta(days=1))
"""Three days before which nothing is ever broken."""
STRICTER = QuantityRules(rules=[QuantityRule(valid_from="2010-12-01", more_than=4)])
REVIEWS = (
    "cid,review_str\n14000,good\n14000,bad\n14001,good\n"
    "15000,good\n15001,good\n15002,good\n15003,good\n15004,bad\n15005,bad\n15006,bad\n15007,bad\n15008,bad\n"
)


def purchases(day: date) -> list[Line]:
    """Four lines of a day, of which the rule leaves out the last."""
    return [
        (f"{day} 10:00:00", 3, "1.500", "A", 14000),
        (f"{day} 11:00:00", 4, "1.500", "A", 14001),
        (f"{day} 12:00:00", 5, "1.500", "A", None),
        (f"{day} 13:00:00", 1, "1.500", "A", 14000),
    ]


@dataclass
class Shop:
    """`whole` is the run over all healthy days, `alone` the run of all checks after it, without a partition."""

    installation: Installation

    def __post_init__(self) -> None:
        self.given_out = HEALTHY.first + PAST
        days = HEALTHY.days()
        self.installation.sell([line for day in days for line in purchases(day)])
        for day in days:
            self.installation.deliver(f"movie_review_{day}.csv", REVIEWS)
        self._jobs = self._definitions(self.installation.defs)
        self._stricter = self._definitions(assemble(self.installation.here, STRICTER))
        self.whole = self.installation.run(str(HEALTHY.first), str(HEALTHY.last))
        assert self.whole.success, failure_messages(self.whole)
        self.alone = self.run_checks("all")

    @staticmethod
    def _definitions(graph: dg.Definitions) -> dg.Definitions:
        jobs = [dg.define_asset_job("all", selection=dg.AssetSelection.checks(*CLAIMS.values()))]
        for name, key in CLAIMS.items():
            jobs.append(dg.define_asset_job(_job(name), selection=dg.AssetSelection.checks(key)))
        return dg.Definitions.merge(graph, dg.Definitions(jobs=jobs))

    def three_days(self) -> list[date]:
        """Three healthy days, of which only the one in the middle may be broken: the others are a neighbour's too."""
        days = DayRange(self.given_out, self.given_out + timedelta(days=2)).days()
        assert days[-1] <= HEALTHY.last, "all healthy days are used up; make HEALTHY longer"
        self.given_out += timedelta(days=2)
        return days

    def run_checks(
        self, claim: str, days: Sequence[date] = (), *, stricter_rule: bool = False
    ) -> dg.ExecuteInProcessResult:
        """Runs one check, or "all", over consecutive days, or without a partition; materializes nothing."""
        definitions = self._stricter if stricter_rule else self._jobs
        return definitions.resolve_job_def(_job(claim)).execute_in_process(
            instance=self.installation.instance,
            tags=DayRange(min(days), max(days)).tags() if days else {},
            raise_on_error=False,
        )

    def check(self, claim: str, days: Sequence[date] = ()) -> Any:
        """What a check says."""
        return checks(self.run_checks(claim, days))[claim]


def _job(claim: str) -> str:
    return claim.replace("/", "__").replace(":", "__")
