"""The two sides of the metric, of which a change concerns one: its days, and what the figures of a day follow from."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from user_behaviour.classifier.models import Models
from user_behaviour.classifier.scored_days import days_of_another
from user_behaviour.deployments import Deployment
from user_behaviour.lake.manifests import Manifest
from user_behaviour.plans.plan import Change, Plan, PlanError
from user_behaviour.rules import QuantityRule, RuleFile, Rules
from user_behaviour.tables import schemas
from user_behaviour.tables.days import DayRange
from user_behaviour.tables.table import Table
from user_behaviour.warehouse.published_days import published_sources


@dataclass(frozen=True)
class Side:
    """What is landed, and what is made of it by a rule or version; the external table of the other side.

    `sums` and `other_sums` name the statements that sum each side, by day and customer, for the metric.
    """

    raw: Table
    made: Table
    other: Table
    sums: str
    other_sums: str


_SUMS = "purchases_by_customer", "reviews_by_customer"
PURCHASES = Side(schemas.RAW_PURCHASES, schemas.STAGED_PURCHASES, schemas.MOVIE_REVIEW_CLEAN_STAGE, *_SUMS)
REVIEWS = Side(schemas.RAW_REVIEWS, schemas.CLASSIFIED_REVIEWS, schemas.USER_PURCHASE_STAGING, *_SUMS[::-1])


def side_of(change: Change) -> Side:
    """The side that the change is on."""
    return REVIEWS if isinstance(change.wanted, str) else PURCHASES


def in_force(deployed: Deployment, change: Change) -> tuple[QuantityRule, ...] | str:
    """What is in force of what would change."""
    is_version = isinstance(change.wanted, str)
    return Models(deployed.lake).live() if is_version else RuleFile(deployed.lake).read().rules


def days_concerned(deployed: Deployment, change: Change, span: DayRange | None = None) -> dict[date, Manifest]:
    """The days, in a range or all, that another rule or version made than would be in force; what of them is landed."""
    side = side_of(change)
    made = deployed.lake.dataset(side.made)
    manifests = made.manifests([day for day in made.days() if span is None or span.first <= day <= span.last])
    if isinstance(change.wanted, str):
        others = [*days_of_another(manifests, change.wanted)]
    else:
        rules = Rules.of(change.wanted)
        others = [day for day, found in manifests.items() if found.facts["rule"] != rules.in_force(day).name]
    return deployed.lake.dataset(side.raw).manifests(others)


def batches(deployed: Deployment, change: Change, days: Iterable[date]) -> dict[date, tuple[str, ...]]:
    """Of each day that both sides have: its landed batch, the other side's, and those that the metric is made of."""
    side, wanted = side_of(change), sorted(days)
    if not wanted:
        return {}
    landed = deployed.lake.dataset(side.raw).manifests(wanted)
    other = deployed.external_tables.registered(side.other, DayRange(wanted[0], wanted[-1]))
    sources = published_sources(deployed.warehouse, schemas.USER_BEHAVIOR_METRIC.name)
    return {
        day: (landed[day].batch_id, other[day].batch_id, *(batch for _, batch in sorted(sources.get(day, {}).items())))
        for day in wanted
        if day in landed and day in other
    }


def require_unchanged(deployed: Deployment, plan: Plan) -> None:
    """Raises `PlanError` where what the plan was made of is not in force any more."""
    since = f"changed since plan {plan.id} was made; plan again: `user-behaviour plan`."
    if in_force(deployed, plan.change) != plan.change.before:
        raise PlanError(f"The {'rules' if side_of(plan.change) is PURCHASES else 'live version'} {since}")
    now = batches(deployed, plan.change, plan.batches)
    if others := [day for day, found in plan.batches.items() if now.get(day) != found]:
        raise PlanError(f"The data of {others[0]}, and of {len(others) - 1} more days, {since}")
