"""One way in which one claim is broken, and the test that every case is put to.

A case shows both: that the check passes on the days as they are, and what it says when the one in the middle is broken.
"""

from dataclasses import dataclass

import dagster as dg

from user_behaviour_tests.checks.sabotage import Sabotage
from user_behaviour_tests.checks.shop import DAYS, Shop
from user_behaviour_tests.graph.installation import checks, failure_messages

WARN = dg.AssetCheckSeverity.WARN
ERROR = dg.AssetCheckSeverity.ERROR


@dataclass(frozen=True)
class Case:
    """`says` is what the check is to find, with `{day}` where it names it; `looked_at` how many of the three days."""

    claim: str
    name: str
    sabotage: Sabotage
    says: str
    severity: dg.AssetCheckSeverity = ERROR
    looked_at: int = 3
    offences: int = 1

    def __str__(self) -> str:
        return f"{self.claim}-{self.name}".replace(" ", "_")


def prove(case: Case, shop: Shop) -> None:
    """The check passes, the middle day is broken, and the check fails: with the day, the counts and a sample."""
    healthy = checks(shop.healthy)[case.claim]
    assert healthy.passed, healthy.description
    assert shop.healthy.success, failure_messages(shop.healthy)
    counts = {"days_looked_at": 3, "days_offending": 0, "offences": 0}
    assert {name: healthy.metadata[name].value for name in counts} == counts
    assert not {"days", "sample"} & healthy.metadata.keys()
    day = DAYS[1]
    case.sabotage(shop, day)
    after = shop.run_checks(case.claim, DAYS)
    said = checks(after)[case.claim]
    found = case.says.format(day=day)
    assert not said.passed
    assert said.severity == case.severity
    assert after.success is (case.severity is WARN)
    assert said.description.startswith(f"{day}: "), said.description
    assert found in said.description
    metadata = {name: value.value for name, value in said.metadata.items()}
    assert metadata["days_looked_at"] == case.looked_at
    assert (metadata["days"], metadata["days_offending"]) == (str(day), 1)
    assert metadata["offences"] == case.offences, metadata["sample"]
    assert metadata["sample"].startswith(f"- **{day}** ")
    assert found in metadata["sample"]
