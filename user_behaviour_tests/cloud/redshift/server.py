"""The server: listens, lets clients in, gives each a session of its own, and clears everything away at the end.

`RedshiftStandIn` is what a test holds; the fixture `redshift` gives one.
"""

import contextlib
import secrets
import socket
import ssl
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import urlsplit

import trustme

from user_behaviour.aws.clients import Aws
from user_behaviour_tests.cloud.redshift import logins, wire
from user_behaviour_tests.cloud.redshift.backend import BackendSettings
from user_behaviour_tests.cloud.redshift.cache import Cache
from user_behaviour_tests.cloud.redshift.errors import SqlError
from user_behaviour_tests.cloud.redshift.faults import Faults
from user_behaviour_tests.cloud.redshift.journal import Journal, Scan, Statement
from user_behaviour_tests.cloud.redshift.session import Session
from user_behaviour_tests.cloud.redshift.state import Account
from user_behaviour_tests.cloud.redshift.system_schema import FOR_EVERYBODY, SYSTEM_STATEMENTS, USER_SCHEMAS
from user_behaviour_tests.databases import new_database


@dataclass
class RedshiftStandIn:
    """A running stand-in: where it is, who may come in, what it saw, and what it shall get wrong."""

    host: str
    port: int
    database: str
    user: str
    password: str
    ca_bundle: Path
    account: Account
    faults: Faults
    journal: Journal
    _sessions: dict[int, Session] = field(default_factory=dict)

    @property
    def statements(self) -> list[Statement]:
        """Every statement received, in order."""
        return self.journal.statements

    @property
    def scans(self) -> list[Scan]:
        """Every reading of an external table, with the partitions that were scanned."""
        return self.journal.scans

    @property
    def serverless(self) -> bool:
        """Whether STL_ and SVL_ views are refused, as on Redshift Serverless; may be set."""
        return self.account.serverless

    @serverless.setter
    def serverless(self, value: bool) -> None:
        self.account.serverless = value

    def add_login(self, user: str, password: str) -> None:
        """Lets a user in as well, `IAM:name` with the password of temporary credentials; the password before ends."""
        self.account.logins[user] = password

    def add_role(self, url: str) -> None:
        """Lets the user of the URL in, as the role of PostgreSQL that it is; other users are all the superuser."""
        found = urlsplit(url)
        self.account.roles[found.username or ""] = url
        self.add_login(found.username or "", found.password or "")

    def remove_login(self, user: str) -> None:
        """The user's sessions go on, and no new one begins."""
        self.account.logins.pop(user)

    def end_sessions(self) -> None:
        """Cuts every session off, as a maintenance window does."""
        for session in tuple(self._sessions.values()):
            session.cut()

    def reset(self) -> None:
        """An empty warehouse: no sessions, no tables, no external schemas, nothing seen, nothing to go wrong."""
        self.end_sessions()
        self.faults.clear()
        self.journal.clear()
        self.account.external_schemas.clear()
        with self.account.side() as side:
            for (schema,) in side.run(USER_SCHEMAS):
                side.run(f'drop schema "{schema}" cascade')
            side.run("create schema public")
            side.run(FOR_EVERYBODY)

    def serve(self, sock: socket.socket, tls: ssl.SSLContext, settings: BackendSettings) -> None:
        """One client, from its first byte to its last."""
        try:
            client = logins.admit(sock, tls, logins=self.account.logins, database=self.database)
        except (SqlError, wire.Disconnected, OSError):
            sock.close()
            return
        if client.user in self.account.roles:
            settings = replace(settings, url=self.account.roles[client.user])
        session = Session(client, settings, account=self.account, faults=self.faults, journal=self.journal)
        self._sessions[session.pid] = session
        try:
            conforming = settings.standard_conforming_strings
            client.wire.send(*logins.greeting(client, session.pid, standard_conforming_strings=conforming))
            session.serve()
        except wire.Disconnected:
            pass  # what the session had begun is rolled back with it
        finally:
            self._sessions.pop(session.pid, None)
            session.cut()


@contextmanager
def redshift_stand_in(
    warehouse_url: str, aws: Aws, *, standard_conforming_strings: bool = False
) -> Iterator[RedshiftStandIn]:
    """Runs a stand-in on a free port, with a database of its own on the server of `warehouse_url`."""
    with (
        tempfile.TemporaryDirectory(prefix="user_behaviour_redshift_") as directory,
        new_database(warehouse_url, *SYSTEM_STATEMENTS) as url,
        socket.create_server(("127.0.0.1", 0)) as listener,
    ):
        tls, ca_bundle = _certified(Path(directory))
        database = url.rpartition("/")[2]
        settings = BackendSettings(warehouse_url, database, standard_conforming_strings)
        stand_in = RedshiftStandIn(
            host="localhost",
            port=listener.getsockname()[1],
            database=database,
            user="awsuser",
            password=secrets.token_urlsafe(12),
            ca_bundle=ca_bundle,
            account=Account(aws, settings, Cache()),
            faults=Faults(),
            journal=Journal(),
        )
        stand_in.add_login(stand_in.user, stand_in.password)
        acceptor = threading.Thread(target=_accept, args=(listener, stand_in, tls, settings), daemon=True)
        acceptor.start()
        try:
            yield stand_in
        finally:
            # Wakes accept(), which closing alone does not.
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            acceptor.join()
            stand_in.end_sessions()
            stand_in.account.close()


def _accept(listener: socket.socket, stand_in: RedshiftStandIn, tls: ssl.SSLContext, settings: BackendSettings) -> None:
    while True:
        try:
            sock, _ = listener.accept()
        except OSError:
            return
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        threading.Thread(target=stand_in.serve, args=(sock, tls, settings), daemon=True).start()


def _certified(directory: Path) -> tuple[ssl.SSLContext, Path]:
    authority = trustme.CA()
    bundle = directory / "ca.pem"
    authority.cert_pem.write_to_path(str(bundle))
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(tls)
    return tls, bundle
