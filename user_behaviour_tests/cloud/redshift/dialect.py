"""What PostgreSQL would do and Redshift does not: refused before PostgreSQL sees it. And errors in Redshift's form.

The list of what is missing: https://docs.aws.amazon.com/redshift/latest/dg/c_unsupported-postgresql-features.html
"""

from user_behaviour_tests.cloud.redshift import wire
from user_behaviour_tests.cloud.redshift.errors import SqlError, syntax_error, unsupported
from user_behaviour_tests.cloud.redshift.faults import ERRORS
from user_behaviour_tests.cloud.redshift.lexer import Sql

BYTES_CONSTRAINT = "redshift_octets_"


def _split(listed: str) -> list[tuple[str, ...]]:
    return [tuple(phrase.split()) for phrase in listed.split(",")]


_UNKNOWN_SYNTAX = _split(
    "on conflict, returning, distinct on, filter ( where, lateral, tablesample, for share, for update, array [,"
    "overriding system"
)
_UNKNOWN_COMMANDS = _split(
    "create index, create unique index, drop index, create trigger, create domain, create type, create sequence,"
    "create rule, create extension, create unlogged table, do, listen, notify, reindex, cluster, checkpoint"
)
_UNKNOWN_FUNCTIONS = {
    name
    for (name,) in _split(
        "generate_series, string_agg, array_agg, unnest, jsonb_build_object, json_agg, jsonb_agg, row_to_json, to_json,"
        "pg_sleep, pg_advisory_lock, pg_advisory_xact_lock, pg_try_advisory_lock"
    )
}


def refuse(sql: Sql) -> None:
    """Raises what Redshift would answer to a statement that it does not have."""
    for command in _UNKNOWN_COMMANDS:
        if sql.starts(*command):
            raise unsupported(f'SQL command "{" ".join(command)}" not supported on Redshift tables.')
    words = [sql.low(at) for at in range(len(sql.tokens))]
    for at, word in enumerate(words):
        for phrase in _UNKNOWN_SYNTAX:
            if word == phrase[0] and tuple(words[at : at + len(phrase)]) == phrase:
                raise syntax_error(sql.tokens[at].text)
        named_so = at > 0 and words[at - 1] in (".", "into", "table")  # a column or a table, before its list of columns
        if word in _UNKNOWN_FUNCTIONS and words[at + 1 : at + 2] == ["("] and not named_so:
            raise unsupported("Specified types or functions (one per INFO message) not supported on Redshift tables.")


def translated_error(message: wire.Message) -> wire.Message:
    """An error of PostgreSQL's as Redshift reports the same thing."""
    found = wire.fields(message.body)
    if found["C"] == "22003" and "overflow" in found["M"]:
        # github.com/awslabs/amazon-redshift-utils/issues/114 shows the whole of it
        return SqlError("Numeric data overflow (result precision)", "XX000", "code: 1058").response()
    if found["C"] == "40001":
        return ERRORS["1023"].response()
    if found.get("n", "").startswith(BYTES_CONSTRAINT):
        length = found["n"].removeprefix(BYTES_CONSTRAINT).split("_")[0]
        return SqlError(f"value too long for type character varying({length})", "22001").response()
    return message
