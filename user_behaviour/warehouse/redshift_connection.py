"""How to log in to Redshift, provisioned or Serverless: by password, or by IAM for credentials of a few minutes.

Credentials are asked for at each connection and kept nowhere. The connection is psycopg2's, always over verified TLS.
"""

import re
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg2

from user_behaviour.aws.clients import Aws
from user_behaviour.aws.errors import AwsError, aws_errors
from user_behaviour.warehouse.interruptible_cursor import interruptible_cursor

CREDENTIALS_SECONDS = 900  # the least that AWS gives; they are needed only to connect


@dataclass(frozen=True)
class Login:
    """A database user and the password of the moment."""

    user: str
    password: str = field(repr=False)


class Credentials(ABC):
    """Who the database is told we are."""

    @abstractmethod
    def login(self, database: str) -> Login:
        """The login for one connection to the database."""


@dataclass(frozen=True)
class Password(Credentials):
    """A user of the database with a password, which is asked for at each connection."""

    user: str
    password: Callable[[], str] = field(repr=False)

    def login(self, database: str) -> Login:  # noqa: ARG002
        return Login(self.user, self.password())


@dataclass(frozen=True)
class ServerlessCredentials(Credentials):
    """Temporary credentials of a Serverless workgroup; the database user is the caller's IAM identity."""

    aws: Aws
    workgroup: str

    def login(self, database: str) -> Login:
        with aws_errors("redshift-serverless", "Asking for credentials of", f"workgroup {self.workgroup}"):
            answer = self.aws.client("redshift-serverless").get_credentials(
                workgroupName=self.workgroup, dbName=database, durationSeconds=CREDENTIALS_SECONDS
            )
        return Login(answer["dbUser"], answer["dbPassword"])


@dataclass(frozen=True)
class ClusterCredentials(Credentials):
    """Temporary credentials of a provisioned cluster for a user that exists in the database."""

    aws: Aws
    cluster: str
    user: str

    def login(self, database: str) -> Login:
        with aws_errors("redshift", "Asking for credentials of", f"cluster {self.cluster}"):
            answer = self.aws.client("redshift").get_cluster_credentials(
                ClusterIdentifier=self.cluster,
                DbUser=self.user,
                DbName=database,
                AutoCreate=False,
                DurationSeconds=CREDENTIALS_SECONDS,
            )
        return Login(answer["DbUser"], answer["DbPassword"])


@dataclass(frozen=True)
class RedshiftConnection:
    """Where the database is and how to log in. `ca_bundle` is the file of the authorities that may sign its name."""

    host: str
    database: str
    credentials: Credentials
    ca_bundle: Path
    port: int = 5439
    statement_timeout: timedelta = timedelta(hours=1)

    def connect(self, label: str = "") -> psycopg2.extensions.connection:
        """A new session, with no transaction begun; `label` becomes the query group of its statements."""
        connection = self._connected(cursor_factory=interruptible_cursor(self.terminate))
        try:
            # Outside of a transaction, which would take the settings back if it is rolled back.
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute("set statement_timeout to %s", (int(self.statement_timeout.total_seconds() * 1000),))
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
        login = self.credentials.login(self.database)
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
