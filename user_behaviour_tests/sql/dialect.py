"""Whether SQL parses in Redshift's dialect, as sqlfluff knows it."""

import re
from collections.abc import Iterable
from functools import cache

from sqlfluff.core import FluffConfig, Linter

# sqlfluff does not have these forms; they are held to the grammar of the documentation in
# user_behaviour_tests/contracts, beside the statements that are expected there:
# https://docs.aws.amazon.com/redshift/latest/dg/r_ALTER_TABLE_external-table.html; and r_GRANT.html
UNKNOWN_TO_SQLFLUFF = re.compile(
    r"alter table \S+ (add (if not exists )?partition \(|drop partition \(|partition \(.*\) set location )"
    r"|(grant|revoke) assumerole on ",
    re.DOTALL,
)
_VALUE = re.compile(r"'[^'\n]*'|\b\d[\d.]*\b")


@cache
def _linter(dialect: str) -> Linter:
    return Linter(config=FluffConfig(overrides={"dialect": dialect, "templater": "raw"}))


def unparsable(statements: Iterable[str], *, dialect: str = "redshift") -> list[str]:
    """The statements that do not parse, each with the place; values are filled in already.

    Of those that differ in values alone one is parsed, since that takes a tenth of a second.
    """
    of_each_form = {_VALUE.sub("?", text): text for text in statements}
    parsed = ((text, _linter(dialect).parse_string(text).violations) for text in sorted(of_each_form.values()))
    return [f"{violations[0].desc()}\n{text}" for text, violations in parsed if violations]
