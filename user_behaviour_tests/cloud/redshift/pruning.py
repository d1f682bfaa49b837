"""Which partitions a statement needs: those that literals on the partition column itself let through.

"Redshift Spectrum … partition pruning" works on an explicit predicate on the partition column; a predicate on another
column, a function of the column or a value from a join prunes nothing here.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Sequence

from user_behaviour_tests.cloud.redshift.column_types import TargetColumn
from user_behaviour_tests.cloud.redshift.glue import GluePartition
from user_behaviour_tests.cloud.redshift.lexer import Sql, Token
from user_behaviour_tests.cloud.redshift.references import Reference, conjuncts

Predicate = Callable[[str], bool]
_COMPARISONS: dict[str, Callable[[str, str], bool]] = {
    "=": operator.eq,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_DATE = re.compile(r"\d{4}-\d\d-\d\d")


def qualified(
    sql: Sql, reference: Reference, *, columns: Sequence[TargetColumn], partitions: Sequence[GluePartition]
) -> list[GluePartition]:
    """The partitions that the reference needs; all of them if nothing restricts it."""
    predicates: list[tuple[int, Predicate]] = []
    for part in conjuncts(sql, reference):
        for at, column in enumerate(columns):
            # ISO dates compare as texts; other types would have to be understood first.
            if column.type.base == "date" and (predicate := _predicate(sql, part, reference, column.name)):
                predicates.append((at, predicate))
    return [p for p in partitions if all(holds(p.values[at]) for at, holds in predicates)]


def _predicate(sql: Sql, part: tuple[Token, ...], reference: Reference, column: str) -> Predicate | None:
    tokens = list(part)
    if len(tokens) > 2 and tokens[1].text == "." and tokens[0].name == reference.alias:
        tokens = tokens[2:]
    if len(tokens) < 3 or tokens[0].name != column:
        return None
    sign, rest = tokens[1].text.lower(), tokens[2:]
    if sign in _COMPARISONS:
        literal = _literal(sql, rest)
        compare = _COMPARISONS[sign]
        return None if literal is None else lambda value: compare(value, literal)
    if sign == "between":
        middle = next((at for at, token in enumerate(rest) if token.low == "and"), 0)
        low, high = _literal(sql, rest[:middle]), _literal(sql, rest[middle + 1 :])
        return None if low is None or high is None else lambda value: low <= value <= high
    return None


def _literal(sql: Sql, tokens: Sequence[Token]) -> str | None:
    """The date of '…' or '…'::date; None for anything else."""
    tokens = list(tokens)
    if len(tokens) == 3 and tokens[1].text == "::" and tokens[2].low == "date":
        tokens = tokens[:1]
    if len(tokens) != 1 or tokens[0].kind != "string":
        return None
    value = sql.value(tokens[0])
    return value if _DATE.fullmatch(value) else None
