"""How to log in to Redshift, provisioned or Serverless: by password, or by IAM for credentials of a few minutes.

Credentials are asked for at each connection and kept nowhere. The connection is psycopg2's, always over verified TLS.
"""

import re
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg2

from user_behaviour.aws.clients import Aws
from user_behaviour.aws.errors import AwsError, aws_errors
from user_behaviour.warehouse.interruptible_cursor import interruptible_cursor

CREDENTIALS_SECONDS = 900  # the least that AWS gives; they are needed only to connect
STATEMENT_MILLISECONDS = 3_600_000


@dataclass(frozen=True)
class Login:
    """A database user and the password of the moment."""

    user: str
    password: str = field(repr=False)


def serverless_login(aws: Aws, workgroup: str, *, database: str) -> Login:
    """Temporary credentials of a Serverless workgroup; the database user is the caller's IAM identity."""
    with aws_errors("redshift-serverless", "Asking for credentials of", f"workgroup {workgroup}"):
        answer = aws.client("redshift-serverless").get_credentials(
            workgroupName=workgroup, dbName=database, durationSeconds=CREDENTIALS_SECONDS
        )
    return Login(answer["dbUser"], answer["dbPassword"])


def cluster_login(aws: Aws, cluster: str, *, database: str, user: str) -> Login:
    """Temporary credentials of a provisioned cluster for a user that exists in the database."""
    with aws_errors("redshift", "Asking for credentials of", f"cluster {cluster}"):
        answer = aws.client("redshift").get_cluster_credentials(
            ClusterIdentifier=cluster,
            DbUser=user,
            DbName=database,
            AutoCreate=False,
            DurationSeconds=CREDENTIALS_SECONDS,
        )
    return Login(answer["DbUser"], answer["DbPassword"])


@dataclass(frozen=True)
class RedshiftConnection:
    """Where the database is and how to log in. `ca_bundle` is the file of the authorities that may sign its name."""

    host: str
    port: int
    database: str
    ca_bundle: Path
    login: Callable[[], Login] = field(repr=False)

    def connect(self, label: str = "") -> psycopg2.extensions.connection:
        """A new session, with no transaction begun; `label` becomes the query group of its statements."""
        connection = self._connected(cursor_factory=interruptible_cursor(self.terminate))
        try:
            # Outside of a transaction, which would take the settings back if it is rolled back.
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute("set statement_timeout to %s", (STATEMENT_MILLISECONDS,))
                if label:
                    cursor.execute("set query_group to %s", (query_group(label),))
            connection.autocommit = False
        except psycopg2.Error:
            connection.close()
            raise
        return connection

    def terminate(self, pid: int) -> None:
        """Ends another session of the same user, and with it the statement that it is at; as far as that can be had."""
        with suppress(psycopg2.Error, AwsError), closing(self._connected()) as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute("select pg_terminate_backend(%s)", (pid,))

    def _connected(self, **more: Any) -> psycopg2.extensions.connection:
        login = self.login()
        # No `options`: Redshift knows no settings there. UTC is its time zone already.
        connection: psycopg2.extensions.connection = psycopg2.connect(
            host=self.host,
            port=self.port,
            dbname=self.database,
            user=login.user,
            password=login.password,
            application_name="user_behaviour",
            client_encoding="utf-8",
            sslmode="verify-full",
            sslrootcert=str(self.ca_bundle),
            gssencmode="disable",
            connect_timeout=15,
            # Firewalls and NAT gateways forget a connection that is silent for some minutes.
            keepalives=1,
            keepalives_idle=30,
            keepalives_interval=10,
            keepalives_count=5,
            tcp_user_timeout=80_000,
            **more,
        )
        return connection


def query_group(label: str) -> str:
    """The label as the name of a query group: what may be in one, and not longer than Redshift keeps."""
    return re.sub(r"[^A-Za-z0-9_/.: -]", "_", label)[:128]
