"""The business rules, as data with dates: a new row changes the days that it covers, from raw data already landed.

To let a rule change reach old days, rerun their staging; the source is not read again.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from user_behaviour.lake.held_back import HeldBackError


class NoRuleError(HeldBackError):
    """No rule is in force on a day; the days after it can go on."""


@dataclass(frozen=True)
class QuantityRule:
    """A purchase line counts if its quantity is greater than `more_than`, from `valid_from` until a later rule."""

    valid_from: date
    more_than: int

    @property
    def name(self) -> str:
        """The rule as people read it; it stands on every partition that it made."""
        return f"quantity > {self.more_than} from {self.valid_from}"


@dataclass(frozen=True)
class QuantityRules:
    """Dated rules; on each day the latest that is not of a later date is in force."""

    rules: tuple[QuantityRule, ...]

    def in_force(self, day: date) -> QuantityRule:
        """The rule of a day; `NoRuleError` where there is none yet."""
        begun = [rule for rule in self.rules if rule.valid_from <= day]
        if not begun:
            raise NoRuleError(f"No quantity rule is in force on {day}; add one to user_behaviour/rules.py.")
        return max(begun, key=lambda rule: rule.valid_from)


QUANTITY_RULES = QuantityRules((QuantityRule(valid_from=date(2010, 12, 1), more_than=2),))
