"""`plan`, `shadow`, `apply`: what other rules or another version of the classifier would change, and making it so."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Iterable
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from user_behaviour.commands.approve import user_name
from user_behaviour.commands.classifier import FILE, WHY, promote_by_gate
from user_behaviour.commands.dagster_process import dagster_instance
from user_behaviour.commands.parameters import day_range, day_range_options
from user_behaviour.commands.run import RunRequest, materialise_and_show
from user_behaviour.deployments import Deployment, deployment, settings
from user_behaviour.tables.days import DayRange, parse_day, ranges

if TYPE_CHECKING:
    from rich.console import Console

    from user_behaviour.plans.change import Change
    from user_behaviour.plans.plan import Plan, Plans
    from user_behaviour.rules import QuantityRule

_TEXT = 100  # characters of a review


@click.command()
@click.option(
    "--quantity-rule", metavar="DAY:PIECES", help="From DAY on, only lines of more than so many pieces count."
)
@click.option("--rules", "file", type=FILE, metavar="FILE", help="All rules, as `rules --json` prints them.")
@click.option("--classifier", "version", metavar="VERSION", help="A version of the classifier, as `models` lists them.")
@day_range_options
@click.pass_context
def plan(
    ctx: click.Context,
    quantity_rule: str | None,
    file: Path | None,
    version: str | None,
    first: date | None,
    last: date | None,
) -> None:
    """Say what another rule, or another version of the classifier, would change in the metric, and what that takes.

    Without a range: of all days that are landed. Nothing is published, and nothing that anybody reads changes; the plan
    is kept, for `apply`.
    """
    if len([one for one in (quantity_rule, file, version) if one]) != 1:
        raise click.UsageError("Give one of --quantity-rule, --rules and --classifier.")
    deployed = deployment(settings()).initialized()
    change = _change(deployed, quantity_rule, file, version)
    span = day_range(first or settings().first_day, last or date.max) if first or last else None
    _compare(deployed, change, span, debug=ctx.obj)


@click.command()
@click.argument("version")
@day_range_options
@click.pass_context
def shadow(ctx: click.Context, version: str, first: date | None, last: date | None) -> None:
    """Score days by a version beside the verdicts in force: the same as `plan --classifier VERSION`."""
    ctx.invoke(plan, version=version, first=first, last=last)


def _compare(deployed: Deployment, change: Change, span: DayRange | None, *, debug: bool) -> None:
    """Makes the plan of a change, keeps it and shows it."""
    from user_behaviour.commands.terminal import own_console, print_table
    from user_behaviour.plans import page
    from user_behaviour.plans.plan import ROOT, Plans

    with own_console(alone=not debug) as console:
        made = _planned(deployed, change, span, console)
    if not made:
        click.echo("Nothing would change: that is in force, and no day was made by another.")
        return
    Plans(deployed.lake).keep(made)
    deployed.lake.write(path := f"{ROOT}/{made.id}.html", page.plan_page(made).encode())
    click.echo(f"{change}.\n{page.what_changes(made)}")
    for title, names, rows in page.tables(made):
        click.echo(f"{title}:")
        print_table(names, rows)
    click.echo(page.what_it_takes(made))
    click.echo(f"Nothing has changed. The plan as a page: {deployed.lake.uri(path)}")
    click.echo(f"To make it so: user-behaviour apply {made.id} --why …")


def _planned(deployed: Deployment, change: Change, span: DayRange | None, console: Console) -> Plan | None:
    """The plan with its figures; None where no day would change."""
    from user_behaviour.commands.terminal import one_line
    from user_behaviour.lake.manifests import timestamp
    from user_behaviour.plans.batches import batches, days_concerned
    from user_behaviour.plans.comparison import compared
    from user_behaviour.plans.plan import Plan

    if change.is_scored:
        deployed.spark.prepare()
    landed = days_concerned(deployed, change, span)
    both = batches(deployed, change, landed)
    if not both and change.wanted == change.before:
        return None
    unmade = tuple(sorted({*landed} - {*both}))
    made = Plan(secrets.token_hex(4), user_name(), timestamp(datetime.now(UTC)), change, both, unmade)
    if not both:  # a rule may begin after the last day that there is
        return made
    days = sorted(both)
    console.print(f"Comparing {len(days)} days, {days[0]} to {days[-1]} …", highlight=False)
    sums, changed = change.new_sums(deployed, {day: landed[day] for day in days}, plan=made.id)
    months, largest = compared(deployed.warehouse.labelled(f"plan {made.id}"), change, sums, days)
    reviews = tuple({**one, "review": one_line(one["review"], _TEXT)} for one in changed)
    with dagster_instance(deployed) as instance:
        from user_behaviour.commands.runs import select
        from user_behaviour.plans.rerun import rerun

        takes = rerun(instance, select([f"key:{change.made.name}+"]), len(days), scored=change.is_scored)
    return replace(made, months=months, largest=largest, rerun=takes, reviews=reviews)


@click.command("apply")
@click.argument("plan_id", metavar="PLAN")
@WHY
@click.option("--by", metavar="NAME", help="Who says so; default: the user of this machine.")
@click.pass_context
def apply_plan(ctx: click.Context, plan_id: str, why: str, by: str | None) -> None:
    """Make a plan so: its rules or version are put into force, and the days concerned are made again.

    A plan is refused where its data or what is in force changed since. One that was interrupted is finished by another
    call. The exit status is that of `run`.
    """
    from user_behaviour.plans.batches import batches, days_concerned, require_unchanged
    from user_behaviour.plans.plan import PlanError, Plans

    deployed = deployment(settings()).initialized()
    plans = Plans(deployed.lake)
    chosen = plans.get(plan_id)
    if chosen.is_applied:
        raise PlanError(f"Plan {plan_id} was applied already, {chosen.recorded}; plan again: `user-behaviour plan`.")
    if not chosen.recorded or chosen.change.in_force(deployed.lake) != chosen.change.wanted:
        require_unchanged(deployed, chosen)
        chosen = _put_into_force(deployed, plans, chosen, who=by or user_name(), why=why)
    made, selection = deployed.lake.dataset(chosen.change.made), f"key:{chosen.change.made.name}+"
    arrived = batches(deployed, chosen.change, chosen.unmade)
    finished = True
    for days, assets in (([*chosen.batches, *arrived], selection), ({*chosen.unmade} - {*arrived}, f"{selection}1")):
        finished = (not days or _make_again(deployed, days, assets, made.days(), debug=ctx.obj)) and finished
    if not finished:
        ctx.exit(1)
    plans.keep(chosen, is_applied=True)
    # They came since, or the plan was made for a range.
    for left in ranges(days_concerned(deployed, chosen.change), bridges=made.days()):
        click.echo(f"Not of this plan, and to be made again: {left.first} to {left.last}:")
        click.echo(f"  user-behaviour run --from {left.first} --to {left.last} --select {selection}")


def _change(deployed: Deployment, quantity_rule: str | None, file: Path | None, version: str | None) -> Change:
    """What is wanted, and what is in force."""
    from user_behaviour.plans.change import RulesChange, VersionChange
    from user_behaviour.rules import RuleFile, Rules

    if version:
        from user_behaviour.classifier.models import Models

        models = Models(deployed.lake)
        models.model(version)  # or it says, before Spark starts, what is wrong with it
        return VersionChange(version, models.live())
    before = RuleFile(deployed.lake).read()
    read = Rules.parsed(file.read_bytes(), str(file)) if file else before.with_rule(_rule(quantity_rule or ""))
    known = {rule.name: rule for rule in before.rules}
    # Who recorded a rule is what the lake says, and of a new one it is who applies the plan.
    wanted = Rules.of(known.get(rule.name) or replace(rule, who="", when="", why="", plan="") for rule in read.rules)
    wanted.in_force(settings().first_day)
    return RulesChange(wanted.rules, before.rules)


def _rule(text: str) -> QuantityRule:
    from user_behaviour.rules import QuantityRule

    day, _, pieces = text.partition(":")
    try:
        return QuantityRule(parse_day(day), int(pieces))
    except ValueError:
        raise click.UsageError(
            f"{text!r} is no rule; write it as 2011-07-01:5, its first day and the pieces that a line must exceed."
        ) from None


def _put_into_force(deployed: Deployment, plans: Plans, chosen: Plan, *, who: str, why: str) -> Plan:
    from user_behaviour.lake.manifests import timestamp
    from user_behaviour.plans.change import VersionChange
    from user_behaviour.rules import RuleFile, Rules

    when = timestamp(datetime.now(UTC))
    change = chosen.change.recorded(who=who, when=when, why=why, plan=chosen.id)
    # Before it is so: another call then knows whose it is.
    chosen = plans.keep(chosen, change=change, recorded=f"{when} by {who}: {why}")
    if isinstance(change, VersionChange):
        promote_by_gate(deployed, change.wanted, why=why, who=who, plan=chosen.id)
    else:
        RuleFile(deployed.lake).replace(Rules(change.before), Rules(change.wanted))
        click.echo(f"In force from the next run on: {', '.join(rule.name for rule in change.wanted)}.")
    return chosen


def _make_again(
    deployed: Deployment, days: Iterable[date], assets: str, there: Collection[date], *, debug: bool
) -> bool:
    """Runs over the days, and over days between them that are there."""
    spans = tuple(ranges(days, bridges=there))
    request = RunRequest(DayRange(spans[0].first, spans[-1].last), (assets,), spans=spans)
    return materialise_and_show(deployed, request, debug=debug)
