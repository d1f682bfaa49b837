"""The business rules, as data with dates: a new rule changes the days that it covers, from raw data already landed.

They are a JSON file of the lake, which a plan that is applied replaces (`user_behaviour.plans`); where there is none,
`BUILT_IN` is in force. The days that a change concerns are staged anew by who applies it; the source is not read again.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from typing import Annotated, Self

import dagster as dg
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import ConfigDict, Field, PrivateAttr, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass as validated

from user_behaviour.decisions import decided
from user_behaviour.lake.held_back import HeldBackError
from user_behaviour.lake.lake import Lake
from user_behaviour.lake.objects import Objects

FILE = "rules/quantity_rules.json"


class NoRuleError(HeldBackError):
    """No rule is in force on a day; the days after it can go on."""


class RulesError(ValueError):
    """Rules that cannot be in force, or not any more."""


@validated(frozen=True, config=ConfigDict(extra="forbid", strict=True))
class QuantityRule:
    """A purchase line counts if its quantity is greater than `more_than`, from `valid_from` until a later rule.

    `who` recorded it `when` and `why`, by which `plan`; all are empty of the rule that is built in.
    """

    valid_from: date
    more_than: Annotated[int, Field(ge=-(2**31), lt=2**31)]
    who: str = ""
    when: str = ""
    why: str = ""
    plan: str = ""

    @property
    def name(self) -> str:
        """The rule as a text; the manifest of every partition that it made records it."""
        return f"quantity > {self.more_than} from {self.valid_from}"

    @property
    def recorded(self) -> str:
        """When, by whom and why it was recorded; empty of the rule that is built in."""
        return decided(self.when, self.who, self.why, self.plan) if self.who else ""

    def let_in(self, lines: pa.RecordBatch) -> pa.RecordBatch:
        """The lines that count."""
        return lines.filter(pc.greater(lines["quantity"], self.more_than))


_RULES = TypeAdapter(tuple[QuantityRule, ...])


@dataclass(frozen=True)
class Rules:
    """Dated rules, sorted by day, of which on each day the latest that has begun is in force."""

    rules: tuple[QuantityRule, ...]

    @classmethod
    def of(cls, rules: Iterable[QuantityRule]) -> Self:
        """The rules in order; `RulesError` where two begin on one day."""
        ordered = tuple(sorted(rules, key=lambda rule: rule.valid_from))
        for rule, following in pairwise(ordered):
            if rule.valid_from == following.valid_from:
                raise RulesError(f"Two quantity rules begin on {rule.valid_from}; leave one of them.")
        return cls(ordered)

    @classmethod
    def parsed(cls, content: bytes | str, place: str) -> Self:
        """Rules as `to_json` writes them; `RulesError` says in a sentence what is wrong with the text."""
        try:
            found = _RULES.validate_json(content)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            where = " ".join(f"rule {part + 1}" if isinstance(part, int) else part for part in first["loc"])
            raise RulesError(
                f"{place} holds no quantity rules: {where}{': ' if where else ''}{first['msg']}."
            ) from error
        return cls.of(found)

    def to_json(self) -> bytes:
        """An indented list, for people to edit a copy of."""
        return _RULES.dump_json(self.rules, indent=2)

    def in_force(self, day: date) -> QuantityRule:
        """The rule of a day; `NoRuleError` where there is none yet."""
        begun = [rule for rule in self.rules if rule.valid_from <= day]
        if not begun:
            raise NoRuleError(f"No quantity rule is in force on {day}; add one: `user-behaviour plan --quantity-rule`.")
        return begun[-1]

    def with_rule(self, rule: QuantityRule) -> Self:
        """With one more, which takes the place of one of the same day."""
        return self.of([*(known for known in self.rules if known.valid_from != rule.valid_from), rule])

    def recorded(self, name: str) -> str:
        """When, by whom, why and by which plan the rule of that name was recorded; empty where that is not known."""
        return next((rule.recorded for rule in self.rules if rule.name == name), "")


BUILT_IN = Rules.of([QuantityRule(date(2010, 12, 1), 2)])


class RuleFile:
    """The rules that a lake keeps."""

    def __init__(self, lake: Objects) -> None:
        self._lake = lake

    def read(self) -> Rules:
        """The rules in force. Raises `RulesError`."""
        return self._found()[0]

    def replace(self, before: Rules, rules: Rules) -> None:
        """Puts rules into force, in place of those before. Raises `RulesError` where others are in force by now."""
        found, version = self._found()
        if found != before or not self._lake.swap(FILE, rules.to_json(), expected=version):
            raise RulesError("Somebody has changed the quantity rules meanwhile; plan again.")

    def _found(self) -> tuple[Rules, str | None]:
        found = self._lake.read(FILE)
        return (Rules.parsed(found[0], self._lake.uri(FILE)), found[1]) if found else (BUILT_IN, None)


class QuantityRules(dg.ConfigurableResource):  # type: ignore[type-arg]
    """Which purchase lines count: the dated rules that the lake keeps, read once a run."""

    lake: Lake

    _read: list[Rules] = PrivateAttr(default_factory=list)

    def current(self) -> Rules:
        """The rules, as they were when the run first asked. Raises `RulesError`."""
        if not self._read:
            self._read.append(RuleFile(self.lake).read())
        return self._read[0]
