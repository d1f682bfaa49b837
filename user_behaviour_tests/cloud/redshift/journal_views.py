"""System views on what the stand-in saw: loads and scans that failed, scans, the history of queries."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from user_behaviour_tests.cloud.redshift.session import Session

Row = dict[str, Any]
USER_ID = 100


def _load_error_detail(session: Session) -> list[Row]:
    return [
        {
            "user_id": USER_ID,
            "query_id": error.query_id,
            "transaction_id": error.query_id,
            "session_id": error.session_id,
            "database_name": session.account.settings.database,
            "table_id": error.table_id,
            "start_time": error.start_time.isoformat(),
            "file_name": error.file_name,
            "line_number": error.line_number,
            "column_name": error.column_name,
            "column_type": error.column_type,
            "column_length": error.column_length,
            "position": error.position,
            "error_code": error.error_code,
            "error_message": error.error_message,
        }
        for error in session.journal.load_errors
    ]


def _stl_load_errors(session: Session) -> list[Row]:
    return [
        {
            "userid": USER_ID,
            "slice": 0,
            "tbl": error.table_id,
            "starttime": error.start_time.isoformat(),
            "session": error.session_id,
            "query": error.query_id,
            "filename": error.file_name,
            "line_number": error.line_number,
            "colname": error.column_name,
            "type": error.column_type,
            "col_length": error.column_length,
            "position": error.position,
            "raw_line": error.raw_line,
            "raw_field_value": error.raw_field_value,
            "err_code": error.error_code,
            "err_reason": error.error_message,
        }
        for error in session.journal.load_errors
    ]


def _s3log(session: Session) -> list[Row]:
    return [
        {
            "pid": error.session_id,
            "query": error.query_id,
            "segment": 0,
            "step": 0,
            "node": 0,
            "slice": 0,
            "eventtime": error.eventtime.isoformat(),
            "message": f"S3 Query Exception (Fetch). Task failed due to an internal error. {error.message}",
        }
        for error in session.journal.scan_errors
    ]


def _external_query_error(session: Session) -> list[Row]:
    return [
        {
            "user_id": USER_ID,
            "query_id": error.query_id,
            "file_location": error.file_location,
            "rowid": "-1",
            "column_name": error.column_name,
            "error_code": error.code,
        }
        for error in session.journal.scan_errors
    ]


def _external_query_detail(session: Session) -> list[Row]:
    return [
        {
            "user_id": USER_ID,
            "query_id": scan.query_id,
            "table_name": scan.table,
            "total_partitions": scan.total,
            "qualified_partitions": len(scan.qualified),
            "scanned_files": scan.files,
        }
        for scan in session.journal.scans
    ]


def _query_history(session: Session) -> list[Row]:
    return [
        {
            "user_id": USER_ID,
            "query_id": query.query_id,
            "query_label": query.query_label,
            "transaction_id": query.query_id,
            "session_id": query.session_id,
            "database_name": session.account.settings.database,
            "query_type": query.query_type,
            "status": query.status,
            "start_time": query.start_time.isoformat(),
            "end_time": query.end_time and query.end_time.isoformat(),
            "error_message": query.error_message[:512],
            "query_text": query.query_text[:4000],
        }
        for query in session.journal.queries
    ]


JOURNAL_VIEWS: dict[str, tuple[str, Callable[[Session], list[Row]]]] = {
    "sys_load_error_detail": (
        "user_id int, query_id bigint, transaction_id bigint, session_id int, database_name char(64), table_id int, "
        "start_time timestamp, file_name char(256), line_number bigint, column_name char(127), column_type char(10), "
        "column_length char(10), position int, error_code int, error_message char(512)",
        _load_error_detail,
    ),
    "stl_load_errors": (
        "userid int, slice int, tbl int, starttime timestamp, session int, query int, filename char(256), "
        "line_number bigint, colname char(127), type char(10), col_length char(10), position int, raw_line char(1024), "
        "raw_field_value char(1024), err_code int, err_reason char(100)",
        _stl_load_errors,
    ),
    "svl_s3log": (
        "pid int, query int, segment int, step int, node int, slice int, eventtime timestamp, message text",
        _s3log,
    ),
    "sys_external_query_error": (
        "user_id int, query_id bigint, file_location char(256), rowid char(2100), column_name char(127), "
        "original_value char(1024), modified_value char(1024), trigger char(128), action char(128), "
        "action_value char(128), error_code int",
        _external_query_error,
    ),
    "sys_external_query_detail": (
        "user_id int, query_id bigint, table_name text, total_partitions int, qualified_partitions int, "
        "scanned_files bigint",
        _external_query_detail,
    ),
    "sys_query_history": (
        "user_id int, query_id bigint, query_label char(320), transaction_id bigint, session_id int, "
        "database_name char(128), query_type char(32), status char(10), start_time timestamp, end_time timestamp, "
        "error_message char(512), query_text char(4000)",
        _query_history,
    ),
}
