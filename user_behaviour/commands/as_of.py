"""The metric as it was published at a moment: a table of the session by the metric's name, and texts that mean it.

`query --as-of` is answered so, by the user who can only read.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from user_behaviour.tables.schemas import USER_BEHAVIOR_METRIC
from user_behaviour.tables.statements import statement

if TYPE_CHECKING:
    from psycopg2.extensions import connection

SCHEMA, TABLE = USER_BEHAVIOR_METRIC.name.split(".")
_NAME = r'(?:[^\W\d][\w$]*|"(?:""|[^"])*")'
_COMMENT = r"--[^\n]*+|/\*(?>[\s\S]*?\*/)"
_DOT = rf"(?:\s|{_COMMENT})*+\.(?:\s|{_COMMENT})*+"
# Comments, and texts in quotes of each kind; the metric, maybe after the database's name; and whole names.
_TOKEN = re.compile(
    rf"{_COMMENT}|[eE]'(?:\\[\s\S]|''|[^'\\])*'|'(?:''|[^'])*'|\$(?P<tag>\w*)\$[\s\S]*?\$(?P=tag)\$"
    rf'|(?P<metric>(?:{_NAME}{_DOT})?(?:(?i:{SCHEMA})|"{SCHEMA}"){_DOT}(?:(?i:{TABLE})(?![\w$])|"{TABLE}"))'
    rf"|{_NAME}"
)


class Moment(click.ParamType):  # type: ignore[type-arg]  # generic only since click 8.3
    """A moment as `2011-12-09` (its beginning) or `2011-12-09T14:30`, in UTC unless it names another zone."""

    name = "moment"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        if isinstance(value, datetime):
            return value
        try:
            found = datetime.fromisoformat(value)
            moment = found.astimezone(UTC).replace(tzinfo=None) if found.tzinfo else found
        except (ValueError, OverflowError):
            raise click.BadParameter(
                f"{value!r} is no moment; write it as 2011-12-09, or 2011-12-09T14:30, in UTC.", ctx, param
            ) from None
        if moment > datetime.now(UTC).replace(tzinfo=None):
            raise click.BadParameter(f"{value!r} is to come; choose a moment that is over, in UTC.", ctx, param)
        return moment


def go_back(session: connection, moment: datetime) -> None:
    """Makes the metric of then for the rest of the session; days that were published later are not in it.

    Raises `click.ClickException` where it is not known any more.
    """
    with session.cursor() as cursor:
        cursor.execute(statement("warehouse/user_behavior_metric_kept_since.sql"))
        ((known_from,),) = cursor.fetchall()
        if known_from is None:
            raise click.ClickException("Nothing of the metric is published yet.")
        if moment < known_from:
            raise click.ClickException(
                f"How the metric was published at {moment} is not known (any more); choose a moment from {known_from} "
                "on, UTC. Superseded rows are kept as long as superseded batches of the lake."
            )
        cursor.execute(statement("warehouse/user_behavior_metric_as_of.sql"), {"moment": moment})
    session.commit()  # so that nothing that the query says takes the table away, or means the metric of today


def meaning_the_session(sql: str) -> str:
    """The query with the metric's name without its schema, so that it means the session's table."""
    return _TOKEN.sub(lambda match: TABLE if match["metric"] else match[0], sql)
