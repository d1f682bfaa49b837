"""What the commands take alike: days, and ranges of them."""

from collections.abc import Callable
from datetime import date
from typing import Any, TypeVar

import click

from user_behaviour.tables.days import DayRange, parse_day

Command = TypeVar("Command", bound=Callable[..., Any])


class Day(click.ParamType):  # type: ignore[type-arg]  # generic only since click 8.3
    """A day as `2010-12-01`, and in no other way."""

    name = "day"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> date:
        if isinstance(value, date):
            return value
        try:
            return parse_day(value)
        except ValueError:
            raise click.BadParameter(
                f"{value!r} is not a day; write it as 2010-12-01, of the years 1900 to 2199.", ctx, param
            ) from None


def day_range_options(command: Command) -> Command:
    """Adds `--from` and `--to`, which arrive as `first` and `last`."""
    last = click.option("--to", "last", type=Day(), metavar="DAY", help="The last day.")
    first = click.option("--from", "first", type=Day(), metavar="DAY", help="The first day.")
    return first(last(command))


def day_range(first: date, last: date) -> DayRange:
    """The range, whose ends must be in order."""
    if last < first:
        raise click.UsageError(f"The range from {first} to {last} holds no day; give the earlier day to --from.")
    return DayRange(first, last)
