"""SET, RESET and SHOW: only the parameters that Redshift documents exist; its own are kept in the session.

https://docs.aws.amazon.com/redshift/latest/dg/cm_chap_ConfigurationRef.html
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from user_behaviour_tests.cloud.redshift import wire
from user_behaviour_tests.cloud.redshift.errors import SqlError
from user_behaviour_tests.cloud.redshift.lexer import Sql

if TYPE_CHECKING:
    from user_behaviour_tests.cloud.redshift.session import Session

# Parameters that mean the same in PostgreSQL.
_SHARED = {"client_encoding", "datestyle", "extra_float_digits", "search_path", "statement_timeout", "timezone"}
# Parameters of Redshift that change nothing here; they are remembered.
_OWN = {
    "analyze_threshold_percent",
    "cast_super_null_on_error",
    "describe_field_name_in_uppercase",
    "downcase_delimited_identifier",
    "enable_case_sensitive_identifier",
    "enable_result_cache_for_session",
    "enable_vacuum_boost",
    "error_on_nondeterministic_update",
    "max_concurrency_scaling_clusters",
    "max_cursor_result_set_size",
    "mv_enable_aqmv_for_session",
    "query_group",
    "spectrum_enable_pseudo_columns",
    "spectrum_query_maxerror",
    "wlm_query_slot_count",
}
_PASSED = {"session", "authorization", "all", "transaction", "time", "names"}


def concerns(sql: Sql) -> bool:
    return sql.low(0) in ("set", "reset", "show")


def execute(session: Session, sql: Sql) -> Iterator[wire.Message]:
    at = 2 if sql.low(1) in ("session", "local") and sql.low(2) != "authorization" else 1
    token = sql.tokens[at] if at < len(sql.tokens) else None
    name = token.low if token else ""
    if token is None or (name not in _SHARED | _OWN | _PASSED and token.text != "server_version"):
        raise SqlError(f'unrecognized configuration parameter "{name}"', "42704")
    if name in _OWN:
        yield from session.backend.exchange(sql.replaced([(token.start, token.end, f"redshift.{name}")]).text)
        if name == "query_group" and sql.low(0) != "show":
            session.query_group = session.backend.run("show redshift.query_group")[0][0] or "default"
        return
    yield from session.backend.exchange(sql.text)
