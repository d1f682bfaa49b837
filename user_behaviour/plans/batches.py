"""The days that a change concerns, and the batches that the figures of a day follow from."""

from collections.abc import Iterable
from datetime import date

from user_behaviour.deployments import Deployment
from user_behaviour.lake.manifests import Manifest
from user_behaviour.plans.change import Change
from user_behaviour.plans.plan import Plan, PlanError
from user_behaviour.report.page import counted
from user_behaviour.tables.days import DayRange
from user_behaviour.tables.schemas import USER_BEHAVIOR_METRIC
from user_behaviour.warehouse.published_days import published_sources


def days_concerned(deployed: Deployment, change: Change, span: DayRange | None = None) -> dict[date, Manifest]:
    """The days, in a range or all, that another rule or version made than would be in force; what of them is landed."""
    made = deployed.lake.dataset(change.made)
    manifests = made.manifests([day for day in made.days() if span is None or span.first <= day <= span.last])
    return deployed.lake.dataset(change.raw).manifests(change.days_of_others(manifests))


def batches(deployed: Deployment, change: Change, days: Iterable[date]) -> dict[date, tuple[str, ...]]:
    """Of each day that both sides have: its landed batch, the other side's, and those that the metric is made of."""
    wanted = sorted(days)
    if not wanted:
        return {}
    landed = deployed.lake.dataset(change.raw).manifests(wanted)
    other = deployed.external_tables.registered(change.other, DayRange(wanted[0], wanted[-1]))
    sources = published_sources(deployed.warehouse, USER_BEHAVIOR_METRIC.name)
    return {
        day: (landed[day].batch_id, other[day].batch_id, *(batch for _, batch in sorted(sources.get(day, {}).items())))
        for day in wanted
        if day in landed and day in other
    }


def require_unchanged(deployed: Deployment, plan: Plan) -> None:
    """Raises `PlanError` where what the plan was made of is not in force any more."""
    since = f"changed since plan {plan.id} was made; plan again: `user-behaviour plan`."
    if plan.change.in_force(deployed.lake) != plan.change.before:
        raise PlanError(f"The {plan.change.subject} {since}")
    now = batches(deployed, plan.change, plan.batches)
    if others := [day for day, found in plan.batches.items() if now.get(day) != found]:
        more = f" and {counted(len(others) - 1, 'more day')}" if others[1:] else ""
        raise PlanError(f"The data of {others[0]}{more} {since}")
