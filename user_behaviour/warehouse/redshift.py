"""The warehouse on Amazon Redshift, provisioned or Serverless. The algorithm is in the role, `Warehouse`.

Rows go in by COPY and large results come out by UNLOAD, both by way of the lake.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

from user_behaviour.lake.lake import Lake
from user_behaviour.warehouse import redshift_errors
from user_behaviour.warehouse.redshift_connection import RedshiftConnection
from user_behaviour.warehouse.redshift_copy import STAGING, StagedRows, staged
from user_behaviour.warehouse.redshift_names import require_role, require_uri
from user_behaviour.warehouse.redshift_unload import FewRows, UnloadedRows
from user_behaviour.warehouse.warehouse import Warehouse

if TYPE_CHECKING:
    import psycopg2
    import psycopg2.extensions
    import pyarrow as pa

UNLOAD_ABOVE = 50_000


class RedshiftWarehouse(Warehouse):
    """`lake` is on S3, and `iam_role` is whom Redshift becomes to read and write there (`default`: its own default).

    Results of more than `unload_above` rows leave by UNLOAD.
    """

    def __init__(
        self, connection: RedshiftConnection, lake: Lake, *, iam_role: str = "default", unload_above: int = UNLOAD_ABOVE
    ) -> None:
        require_uri(lake.uri(STAGING))
        self._connection = connection
        self._lake = lake
        self._iam_role = require_role(iam_role)
        self._unload_above = unload_above

    @property
    def iam_role(self) -> str:
        return self._iam_role

    def connect(self) -> psycopg2.extensions.connection:
        return self._connection.connect(self.label)

    def load(self, cursor: psycopg2.extensions.cursor, table: str, batches: Iterable[pa.RecordBatch]) -> int:
        import psycopg2

        with staged(self._lake, table, batches) as rows:
            if not rows.rows:
                return 0
            try:
                rows.copied(cursor, table, iam_role=self._iam_role)
            except psycopg2.Error as error:
                if not self.is_transient(error) and (found := self._copy_error(error, cursor, table, rows)):
                    raise found from error
                raise
            return rows.rows

    def unload(self, sql: str, parameters: Mapping[str, Any], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        """A result that is small, or that its query orders, comes in its order."""
        with closing(self.retried(lambda: self._result(sql, parameters))) as result:
            yield from result.read(schema)

    @contextmanager
    def session(self) -> Iterator[psycopg2.extensions.connection]:
        """As the role says; and what a scan of files fails with is told as Redshift's system views know it."""
        import psycopg2

        with closing(self.connect()) as connection:
            pid = connection.get_backend_pid()
            try:
                yield connection
            except psycopg2.Error as error:
                if not self.is_transient(error) and (found := redshift_errors.scan_error(self.connect, error, pid=pid)):
                    raise found from error
                raise

    def is_transient(self, error: psycopg2.Error) -> bool:
        return super().is_transient(error) or redshift_errors.is_conflict(error)

    def _result(self, sql: str, parameters: Mapping[str, Any]) -> FewRows | UnloadedRows:
        with self.session() as connection, connection.cursor() as cursor:
            query = cursor.mogrify(sql, parameters).decode().strip().rstrip(";")
            # In one transaction, so that both look at the same data.
            if few := FewRows.of(cursor, query, most=self._unload_above):
                return few
            unloaded = UnloadedRows(self._lake)
            try:
                unloaded.unload(cursor, query, iam_role=self._iam_role)
            except BaseException:
                unloaded.close()
                raise
            return unloaded

    def _copy_error(
        self, error: psycopg2.Error, cursor: psycopg2.extensions.cursor, table: str, rows: StagedRows
    ) -> redshift_errors.RedshiftDataError | None:
        pid = cursor.connection.get_backend_pid()
        return redshift_errors.copy_error(self.connect, error, pid=pid, table=table, directory=rows.directory)
