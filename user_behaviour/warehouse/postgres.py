"""Twin of the warehouse: any PostgreSQL, rows in and out by COPY."""

from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import psycopg2
import pyarrow as pa
from pydantic import Field

from user_behaviour.diagnosis import Diagnosis, good
from user_behaviour.tables.copy_stream import CopySource, copy_out
from user_behaviour.tables.identifiers import listed, qualified
from user_behaviour.warehouse.privileges import rows_of
from user_behaviour.warehouse.warehouse import Warehouse


class PostgresWarehouse(Warehouse):
    """The warehouse on PostgreSQL."""

    @abstractmethod
    def dsn(self) -> str:
        """The libpq URL of the database; asked for at each connection, so that it may move."""

    def connect(self) -> psycopg2.extensions.connection:
        return psycopg2.connect(
            self.dsn(),
            # PostgreSQL keeps 63 bytes; the run is at the end of a label.
            application_name=self.label[-63:] or "user_behaviour",
            # One view of the data for a whole transaction, as on Redshift: what is audited is what was summed.
            # Joins by hash, as Redshift's are: what a run has just filled has no statistics yet, and a nested loop over
            # a year's lines took minutes. What is grouped by day and customer or product fits into the memory.
            options=r"-c timezone=UTC -c default_transaction_isolation=repeatable\ read -c enable_nestloop=off "
            "-c work_mem=64MB",
            keepalives_idle=30,
            client_encoding="UTF8",  # of the rows that COPY brings in and out
        )

    def server_check(self, connection: psycopg2.extensions.connection) -> Iterator[Diagnosis]:
        ((version,),) = rows_of(connection, "select split_part(version(), ' ', 2)")
        yield good("version", f"PostgreSQL {version}")

    def load(self, cursor: psycopg2.extensions.cursor, table: str, batches: Iterable[pa.RecordBatch]) -> int:
        source = CopySource(batches)
        if (columns := source.columns) is None:
            return 0
        copy = cursor.mogrify(f"copy {qualified(table)} ({listed(*columns)}) from stdin (format csv)", ()).decode()
        try:
            cursor.copy_expert(copy, source, size=1 << 20)
        except psycopg2.Error as error:
            if source.error:
                raise source.error from error
            raise
        finally:
            source.close()
        return source.rows

    def unload(
        self,
        sql: str,
        parameters: Mapping[str, Any],
        schema: pa.Schema,
        *,
        expected: int | None = None,  # noqa: ARG002
    ) -> Iterator[pa.RecordBatch]:
        with self.session() as connection:
            yield from copy_out(connection, sql, parameters, schema)


class PostgresWarehouseByUrl(PostgresWarehouse):
    """The warehouse on a PostgreSQL at a fixed address."""

    url: str = Field(repr=False, description="The libpq URL of the database, password included.")

    def dsn(self) -> str:
        return self.url
