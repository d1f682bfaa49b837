"""Where a statement names a table, and which partitions of it the statement needs.

"Redshift Spectrum … partition pruning" works on an explicit predicate on the partition column; a predicate on another
column, a function of the column or a value from a join prunes nothing here.
"""

import operator
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from user_behaviour_tests.cloud.redshift.column_types import TargetColumn
from user_behaviour_tests.cloud.redshift.glue import GluePartition
from user_behaviour_tests.cloud.redshift.lexer import Sql, Token

_SET_OPERATORS = {"union", "except", "intersect", "minus"}
_AFTER_WHERE = _SET_OPERATORS | {"group", "order", "having", "limit", "offset", "window", "fetch", "for", "qualify"}
_JOINS = {"join", "inner", "left", "right", "full", "cross", "natural", "on", "using"}
# The words that may follow a table's name in FROM; any other is its alias.
_NO_ALIAS = _AFTER_WHERE | _JOINS | {"where", "set", "when", "values", "select", "default"}
Predicate = Callable[[str], bool]
_COMPARISONS: dict[str, Callable[[str, str], bool]] = {
    "=": operator.eq,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_DATE = re.compile(r"\d{4}-\d\d-\d\d")


@dataclass(frozen=True)
class Reference:
    """A table named in a statement: from token `first` up to and without token `after`; how it is called there."""

    schema: str
    table: str
    first: int
    after: int
    alias: str
    has_alias: bool

    def replaced_by(self, sql: Sql, query: str) -> tuple[int, int, str]:
        """The change that puts a query in its place, under the same name."""
        alias = "" if self.has_alias else f' as "{self.alias}"'
        return sql.tokens[self.first].start, sql.tokens[self.after - 1].end, f"({query}){alias}"


def reference(sql: Sql, first: int, *, qualified: bool) -> Reference:
    """The reference that begins at a token: `schema.table` if qualified, else `table`."""
    after = first + (3 if qualified else 1)
    table = sql.tokens[after - 1].name
    schema = sql.tokens[first].name if qualified else ""
    at = after + (sql.low(after) == "as")
    follows = sql.tokens[at].name if at < len(sql.tokens) else ""
    has_alias = bool(follows) and sql.low(at) not in _NO_ALIAS
    return Reference(schema, table, first, after, follows if has_alias else table, has_alias)


def qualified_partitions(
    sql: Sql, reference: Reference, *, columns: Sequence[TargetColumn], partitions: Sequence[GluePartition]
) -> list[GluePartition]:
    """The partitions that the reference needs; all of them if nothing restricts it."""
    predicates: list[tuple[int, Predicate]] = []
    for part in _conjuncts(sql, reference):
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


def _conjuncts(sql: Sql, found: Reference) -> list[tuple[Token, ...]]:
    """What WHERE demands of the SELECT that the reference stands in, cut at each AND; nothing if there is an OR."""
    level = list(_same_level(sql, found.after))
    start = next((at for at, depth in level if depth == 0 and sql.low(at) == "where"), None)
    if start is None:
        return []
    parts: list[list[Token]] = [[]]
    between = False
    for at, depth in level:
        word = sql.low(at) if depth == 0 else ""
        if at <= start:
            continue
        if word in _AFTER_WHERE:
            break
        if word == "or":
            return []
        if word == "and" and not between:
            parts.append([])
            continue
        between = word == "between" or (between and word != "and")
        parts[-1].append(sql.tokens[at])
    return [tuple(part) for part in parts]


def _same_level(sql: Sql, start: int) -> Iterator[tuple[int, int]]:
    """The tokens from `start` to the end of the SELECT around it, with their depth of parentheses."""
    depth = 0
    for at in range(start, len(sql.tokens)):
        text = sql.tokens[at].text
        if text == ")":
            depth -= 1
            if depth < 0:
                return
        if depth == 0 and sql.low(at) in _SET_OPERATORS:
            return
        yield at, depth
        if text == "(":
            depth += 1
