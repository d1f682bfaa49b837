"""Twin of the warehouse: Amazon Redshift, provisioned or Serverless. The algorithm is in the role, `Warehouse`.

Rows go in by COPY and large results come out by UNLOAD, both by way of the lake.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar, Self

import certifi
import psycopg2
import pyarrow as pa
from pydantic import Field, model_validator

from user_behaviour.aws.clients import Aws
from user_behaviour.aws.secrets import Secret
from user_behaviour.diagnosis import Diagnosis, good, in_short, judged, unknown
from user_behaviour.lake.lake import Lake
from user_behaviour.warehouse import redshift_errors
from user_behaviour.warehouse.privileges import rows_of
from user_behaviour.warehouse.redshift_connection import Login, RedshiftConnection, cluster_login, serverless_login
from user_behaviour.warehouse.redshift_copy import EXCHANGE, staged
from user_behaviour.warehouse.redshift_names import require_role, require_uri
from user_behaviour.warehouse.redshift_unload import fetched_rows, unloaded_rows
from user_behaviour.warehouse.warehouse import NoReaderError, Warehouse


class RedshiftWarehouse(Warehouse):
    """The warehouse on Amazon Redshift, provisioned or Serverless, over verified TLS.

    Exactly one of `password`, `workgroup` and `cluster` says how to log in.
    """

    login_settings: ClassVar[Mapping[str, str]] = {
        "settings": "USER_BEHAVIOUR_REDSHIFT_HOST, …_PORT, …_DATABASE, …_USER, …_PASSWORD or …_WORKGROUP or …_CLUSTER",
        "ca": "USER_BEHAVIOUR_REDSHIFT_CA_BUNDLE",
    }

    login_variable: ClassVar[str] = "USER_BEHAVIOUR_REDSHIFT_PASSWORD"

    host: str = Field(description="The endpoint's own name, for its certificate is verified against it.")
    port: int = Field(default=5439, description="The endpoint's port.")
    database: str = Field(default="dev", description="The database.")
    user: str = Field(default="", description="The database user; of a Serverless workgroup IAM names it.")
    password: str = Field(
        default="",
        repr=False,
        description="The user's password, or secretsmanager:NAME[#KEY], looked up at each login.",
    )
    workgroup: str = Field(default="", description="The Serverless workgroup whose temporary credentials to take.")
    cluster: str = Field(default="", description="The provisioned cluster whose temporary credentials to take.")
    reader_user: str = Field(default="", description="The user by which `query` reads.")
    reader_password: str = Field(
        default="", repr=False, description="That user's password, or a reference; empty: there is no such user."
    )
    ca_bundle: str = Field(default="", description="The file of the authorities to trust; empty: certifi's.")
    iam_role: str = Field(
        default="default",
        description="The role by which Redshift reads and writes the lake; `default`: its own default.",
    )
    unload_above: int = Field(
        default=50_000, description="Results of more rows, or of an unknown number, leave by UNLOAD."
    )
    lake: Lake
    aws: Aws

    @model_validator(mode="after")
    def _names_are_safe(self) -> Self:
        require_uri(self.lake.uri(EXCHANGE))
        require_role(self.iam_role)
        return self

    def connect(self) -> psycopg2.extensions.connection:
        return self.connection.connect(self.label)

    def reader(self) -> "RedshiftReader":
        if not self.reader_password:
            raise NoReaderError(
                "No user of Redshift who can only read is set, and `query` works as no other; make one as docs/aws.md "
                "says, and set USER_BEHAVIOUR_REDSHIFT_READER_PASSWORD."
            )
        login = {"user": self.reader_user, "password": self.reader_password, "workgroup": "", "cluster": ""}
        return RedshiftReader(**{name: getattr(self, name) for name in RedshiftWarehouse.model_fields} | login)

    def may_unload(self, connection: psycopg2.extensions.connection) -> Sequence[str]:
        """By https://docs.aws.amazon.com/redshift/latest/dg/r_HAS_ASSUMEROLE_PRIVILEGE.html, which asks for an ARN."""
        if self.iam_role == "default":
            return ()
        asked = "select has_assumerole_privilege(%(role)s, 'unload')"
        ((may,),) = rows_of(connection, asked, {"role": self.iam_role})
        return [f"unload to S3 by {self.iam_role}"] if may else []

    def load(self, cursor: psycopg2.extensions.cursor, table: str, batches: Iterable[pa.RecordBatch]) -> int:
        with staged(self.lake, table, batches) as rows:
            if not rows.rows:
                return 0
            try:
                rows.copied(cursor, table, iam_role=self.iam_role)
            except psycopg2.Error as error:
                if self.is_transient(error):
                    raise
                pid = cursor.connection.get_backend_pid()
                where = {"table": table, "directory": rows.directory}
                if found := redshift_errors.copy_error(self.connect, error, pid=pid, **where):
                    raise found from error
                raise
            return rows.rows

    def unload(
        self, sql: str, parameters: Mapping[str, Any], schema: pa.Schema, *, expected: int | None = None
    ) -> Iterator[pa.RecordBatch]:
        """In one statement, so that a query is carried out once; in the order of the query, if it has one."""
        is_small = expected is not None and expected <= self.unload_above

        def result() -> Iterable[pa.RecordBatch]:
            with self.session() as connection, connection.cursor() as cursor:
                query = cursor.mogrify(sql, parameters).decode().strip().rstrip(";")
                if is_small:
                    return fetched_rows(cursor, query, schema)
                return unloaded_rows(self.lake, cursor, query=query, schema=schema, iam_role=self.iam_role)

        yield from self.retried(result)

    @contextmanager
    def session(self) -> Iterator[psycopg2.extensions.connection]:
        """As the role says; the error of a scan of files says what Redshift's system views know of it."""
        with super().session() as connection:
            pid = connection.get_backend_pid()
            try:
                yield connection
            except psycopg2.Error as error:
                if not self.is_transient(error) and (found := redshift_errors.scan_error(self.connect, error, pid=pid)):
                    raise found from error
                raise

    def is_transient(self, error: psycopg2.Error) -> bool:
        return super().is_transient(error) or redshift_errors.is_conflict(error)

    def is_of_the_values(self, error: Exception) -> bool:
        return super().is_of_the_values(error) or (
            isinstance(error, psycopg2.Error) and redshift_errors.is_of_values(error)
        )

    def server_check(self, connection: psycopg2.extensions.connection) -> Iterator[Diagnosis]:
        protocol = connection.info.ssl_attribute("protocol")
        yield good("TLS", f"{protocol}, certificate and name are verified")
        ((version, user, database, may_use_temp),) = rows_of(
            connection,
            "select version(), current_user, current_database(), has_database_privilege(current_database(), 'temp')",
        )
        _, redshift, number = version.rpartition("Redshift")
        remedy = "Is no Redshift; correct USER_BEHAVIOUR_REDSHIFT_HOST."
        yield judged("version", bool(redshift), redshift + number, remedy)
        yield _isolation(connection, database)
        found = f"{user} {'may' if may_use_temp else 'may not'} create them, as scans of external tables do"
        remedy = f"As the owner: grant temp on database {database} to {user};"
        yield judged("temporary tables", may_use_temp, found, remedy)
        yield unknown(
            "IAM role",
            f"{self.iam_role}: only a COPY or a scan shows whether Redshift may use it",
            "It must be associated with the cluster or namespace, read and write the lake, and read the Glue catalog.",
        )

    @property
    def connection(self) -> RedshiftConnection:
        """Where the database is, and how to log in there."""
        ca_bundle = Path(self.ca_bundle or certifi.where())
        return RedshiftConnection(self.host, self.port, self.database, ca_bundle, self._login)

    def _login(self) -> Login:
        if self.password:
            return Login(self.user, Secret(self.login_variable, self.password, self.aws)())
        if self.workgroup:
            return serverless_login(self.aws, self.workgroup, database=self.database)
        return cluster_login(self.aws, self.cluster, database=self.database, user=self.user)


class RedshiftReader(RedshiftWarehouse):
    """The same, logged in as the user who can only read."""

    login_settings: ClassVar[Mapping[str, str]] = {
        **RedshiftWarehouse.login_settings,
        "settings": "USER_BEHAVIOUR_REDSHIFT_READER_USER, …_READER_PASSWORD",
    }
    login_variable: ClassVar[str] = "USER_BEHAVIOUR_REDSHIFT_READER_PASSWORD"


def _isolation(connection: psycopg2.extensions.connection, database: str) -> Diagnosis:
    """https://docs.aws.amazon.com/redshift/latest/dg/r_STV_DB_ISOLATION_LEVEL.html; for superusers."""
    levels = "select isolation_level from stv_db_isolation_level where db_name = current_database()"
    try:
        found = rows_of(connection, levels)
    except psycopg2.Error as error:
        return unknown("isolation", f"cannot be seen from here ({in_short(error)})")
    level = str(found[0][0]).strip() if found else "unknown"
    if "snapshot" in level.lower():
        return good("isolation", level)
    return unknown(
        "isolation",
        f"{level}: runs at once conflict more often, and are tried again",
        f"Better: alter database {database} isolation level snapshot;",
    )
