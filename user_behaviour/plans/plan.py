"""A plan: what other rules, or another version of the classifier, would change in the metric. Values, and their store.

`plans/<id>.json` in the lake, with a page beside it. A plan names the batches that it was made of.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from pydantic import TypeAdapter

from user_behaviour.lake.objects import Objects
from user_behaviour.plans.change import Change

ROOT = "plans"


class PlanError(ValueError):
    """There is no such plan, or it cannot be applied."""


@dataclass(frozen=True)
class Rerun:
    """What it will take to make the days again: seconds here, and how they are `known`; and on AWS."""

    seconds: float | None
    known: str
    vcpu_hours: float
    rpu_hours: float
    usd: float


@dataclass(frozen=True)
class Plan:
    """`batches` are, of each day, those that the figures follow from; `unmade` days lack the other side of the metric.

    `months` and `largest` are rows of `sql/plans`, `reviews` those whose verdicts a version changes most. `recorded`
    says when the change was put into force, by whom and why; `is_applied`, that its days were made again since.
    """

    id: str
    who: str
    when: str
    change: Change
    batches: Mapping[date, tuple[str, ...]]
    unmade: tuple[date, ...]
    months: tuple[Mapping[str, Any], ...] = ()  # of all together last; none where no day has a row
    largest: tuple[Mapping[str, Any], ...] = ()
    rerun: Rerun = Rerun(0, "no day", 0, 0, 0)
    reviews: tuple[Mapping[str, Any], ...] = ()
    recorded: str = ""
    is_applied: bool = False


_PLAN = TypeAdapter(Plan)


class Plans:
    """The plans of a lake."""

    def __init__(self, lake: Objects) -> None:
        self._lake = lake
        self._versions: dict[str, str] = {}  # of the plans that were read or written

    def keep(self, plan: Plan, **known: Any) -> Plan:
        """Writes a plan, with what is known of it by now. Raises `PlanError` where somebody else wrote it meanwhile."""
        kept = replace(plan, **known)
        path = f"{ROOT}/{kept.id}.json"
        if not self._lake.swap(path, _PLAN.dump_json(kept, indent=1), expected=self._versions.get(kept.id)):
            raise PlanError(
                f"Somebody else applies plan {kept.id} just now; see `user-behaviour rules` when it is done."
            )
        if written := self._lake.read(path):
            self._versions[kept.id] = written[1]
        return kept

    def get(self, plan_id: str) -> Plan:
        """A plan; raises `PlanError` where there is none of that name."""
        names = [name.removesuffix(".json") for name in self._lake.list(ROOT) if name.endswith(".json")]
        found = self._lake.read(f"{ROOT}/{plan_id}.json") if plan_id in names else None
        if found is None:
            known = f"there are: {', '.join(names)}" if names else "make one by `user-behaviour plan`"
            raise PlanError(f"There is no plan {plan_id!r}; {known}.")
        self._versions[plan_id] = found[1]
        return _PLAN.validate_json(found[0])
