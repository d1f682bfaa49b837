"""The business rules, as data with dates: a new row changes the days that it covers, from raw data already landed.

To let a rule change reach old days, rerun their staging; the source is not read again.
"""

from datetime import date

import dagster as dg
from pydantic import Field, field_validator

from user_behaviour.lake.held_back import HeldBackError


class NoRuleError(HeldBackError):
    """No rule is in force on a day; the days after it can go on."""


class QuantityRule(dg.Config):
    """A purchase line counts if its quantity is greater than `more_than`, from `valid_from` until a later rule."""

    valid_from: str = Field(description="The first day of the rule, as 2010-12-01.")
    more_than: int = Field(description="The number of pieces that a line must exceed.")

    @field_validator("valid_from")
    @classmethod
    def _is_a_day(cls, value: str) -> str:
        return date.fromisoformat(value).isoformat()

    @property
    def name(self) -> str:
        """The rule as a text; the manifest of every partition that it made records it."""
        return f"quantity > {self.more_than} from {self.valid_from}"


class QuantityRules(dg.ConfigurableResource):  # type: ignore[type-arg]
    """Which purchase lines count: dated rules, of which on each day the latest that has begun is in force."""

    rules: list[QuantityRule] = Field(description="The rules, in any order.")

    def in_force(self, day: date) -> QuantityRule:
        """The rule of a day; `NoRuleError` where there is none yet."""
        begun = [rule for rule in self.rules if rule.valid_from <= day.isoformat()]
        if not begun:
            raise NoRuleError(f"No quantity rule is in force on {day}; add one to user_behaviour/rules.py.")
        return max(begun, key=lambda rule: rule.valid_from)


QUANTITY_RULES = QuantityRules(rules=[QuantityRule(valid_from="2010-12-01", more_than=2)])
