"""What PostgreSQL would do and Redshift does not: refused before PostgreSQL sees it. And errors in Redshift's form.

The list of what is missing: https://docs.aws.amazon.com/redshift/latest/dg/c_unsupported-postgresql-features.html
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from user_behaviour_tests.cloud.redshift import wire
from user_behaviour_tests.cloud.redshift.errors import SqlError, syntax_error, unsupported
from user_behaviour_tests.cloud.redshift.faults import ERRORS
from user_behaviour_tests.cloud.redshift.lexer import Sql

BYTES_CONSTRAINT = "redshift_octets_"

# Sequences of words (and parentheses) that Redshift's grammar does not have, and where it stumbles.
_UNKNOWN_SYNTAX: Sequence[tuple[tuple[str, ...], int]] = (
    (("on", "conflict"), 1),
    (("returning",), 0),
    (("distinct", "on"), 1),
    (("filter", "(", "where"), 1),
    (("lateral",), 0),
    (("tablesample",), 0),
    (("for", "share"), 0),
    (("for", "update"), 0),
    (("array", "["), 1),
    (("overriding", "system"), 0),
)
_UNKNOWN_COMMANDS = (
    ("create", "index"),
    ("create", "unique", "index"),
    ("drop", "index"),
    ("create", "trigger"),
    ("create", "domain"),
    ("create", "type"),
    ("create", "sequence"),
    ("create", "rule"),
    ("create", "extension"),
    ("create", "unlogged", "table"),
    ("do",),
    ("listen",),
    ("notify",),
    ("reindex",),
    ("cluster",),
    ("checkpoint",),
)
_UNKNOWN_FUNCTIONS = {
    "generate_series",
    "string_agg",
    "array_agg",
    "unnest",
    "jsonb_build_object",
    "json_agg",
    "jsonb_agg",
    "row_to_json",
    "to_json",
    "pg_advisory_lock",
    "pg_advisory_xact_lock",
    "pg_try_advisory_lock",
    "pg_sleep",
}
_DOLLAR_PARAMETER = re.compile(r"\$\d")


def refuse(sql: Sql) -> None:
    """Raises what Redshift would answer to a statement that it does not have."""
    for command in _UNKNOWN_COMMANDS:
        if sql.starts(*command):
            raise unsupported(f'SQL command "{" ".join(command)}" not supported on Redshift tables.')
    words = [sql.low(at) for at in range(len(sql.tokens))]
    for at, word in enumerate(words):
        for sequence, stumble in _UNKNOWN_SYNTAX:
            if word == sequence[0] and tuple(words[at : at + len(sequence)]) == sequence:
                raise syntax_error_at(sql, at + stumble)
        if word in _UNKNOWN_FUNCTIONS and words[at + 1 : at + 2] == ["("] and not _is_named_so(words, at):
            raise unsupported("Specified types or functions (one per INFO message) not supported on Redshift tables.")


def _is_named_so(words: list[str], at: int) -> bool:
    """Whether the word is a column or table of that name, in a list of columns."""
    return at > 0 and words[at - 1] in (".", "into", "table")


def syntax_error_at(sql: Sql, at: int) -> SqlError:
    return syntax_error(sql.tokens[at].text)


def translated_error(message: wire.Message) -> wire.Message:
    """An error of PostgreSQL's as Redshift reports the same thing."""
    found = wire.fields(message.body)
    if found["C"] == "40001":
        return ERRORS["1023"].response()
    if found.get("n", "").startswith(BYTES_CONSTRAINT):
        length = found["n"].removeprefix(BYTES_CONSTRAINT).split("_")[0]
        return SqlError(f"value too long for type character varying({length})", "22001").response()
    return message
