"""How the production connection logs in to Redshift, what it tells of itself, and how it lets go."""

import html
import json
import os
import re
import secrets
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import psycopg2
import psycopg2.extensions
import pytest
import trustme

from user_behaviour.aws.errors import AbsentError, AccessDeniedError
from user_behaviour.lake.s3 import S3Lake
from user_behaviour.local.stack import Stack
from user_behaviour.warehouse.redshift import RedshiftWarehouse
from user_behaviour.warehouse.redshift_connection import Login, query_group
from user_behaviour_tests.cloud.moto_server import Cloud, Wsgi
from user_behaviour_tests.cloud.redshift import RedshiftStandIn
from user_behaviour_tests.cloud.redshift_warehouse import warehouse_on


@pytest.fixture
def never_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fails where something is tried a second time."""

    def sleep(_: float) -> None:
        pytest.fail("tried again")

    monkeypatch.setattr("user_behaviour.warehouse.warehouse.sleep", sleep)


def warehouse(redshift: RedshiftStandIn, cloud: Cloud, **fields: Any) -> RedshiftWarehouse:
    return warehouse_on(redshift, S3Lake(aws=cloud.aws, bucket="bucket", prefix="lake"), **fields)


def test_a_server_whose_authority_is_unknown_is_refused(
    redshift: RedshiftStandIn, cloud: Cloud, tmp_path: Path, never_again: None
) -> None:
    bundle = tmp_path / "other.pem"
    trustme.CA().cert_pem.write_to_path(str(bundle))

    with pytest.raises(psycopg2.OperationalError, match="certificate verify failed"):
        warehouse(redshift, cloud, ca_bundle=str(bundle)).rows("select 1 as n")


def test_a_server_with_another_name_is_refused(redshift: RedshiftStandIn, cloud: Cloud, never_again: None) -> None:
    with pytest.raises(psycopg2.OperationalError, match=r'does not match host name "127\.0\.0\.1"'):
        warehouse(redshift, cloud, host="127.0.0.1").rows("select 1 as n")


def test_a_wrong_password_is_not_tried_again_and_told_to_nobody(
    redshift: RedshiftStandIn, cloud: Cloud, never_again: None
) -> None:
    wrong = warehouse(redshift, cloud, password="pass-to-nobody")

    with pytest.raises(psycopg2.OperationalError, match="password authentication failed") as caught:
        wrong.rows("select 1 as n")
    assert "pass-to-nobody" not in f"{caught.value} {wrong!r} {wrong.connection!r} {Login('user', 'pass-to-nobody')!r}"


def test_the_password_is_asked_for_at_each_connection(redshift: RedshiftStandIn, cloud: Cloud) -> None:
    redshift.add_login("rotated", "first")
    vault, name = cloud.aws.client("secretsmanager"), f"redshift-{secrets.token_hex(4)}"
    vault.create_secret(Name=name, SecretString="first")
    rotating = warehouse(redshift, cloud, user="rotated", password=f"secretsmanager:{name}")
    assert rotating.rows("select current_user is not null as known") == [{"known": True}]

    redshift.add_login("rotated", "second")
    vault.put_secret_value(SecretId=name, SecretString="second")

    assert rotating.rows("select 1 as n") == [{"n": 1}]
    redshift.remove_login("rotated")


def test_a_cluster_gives_credentials_for_each_connection(redshift: RedshiftStandIn, cloud: Cloud) -> None:
    cloud.aws.client("redshift").create_cluster(
        ClusterIdentifier="shop", NodeType="ra3.large", MasterUsername="admin", MasterUserPassword="Of-moto-1"
    )

    with issued_by_moto(redshift, cloud) as issued:
        production = warehouse(redshift, cloud, password="", cluster="shop", user="loader")
        assert [production.rows("select 1 as n") for _ in range(2)] == [[{"n": 1}]] * 2

    assert [user for user, _ in issued] == ["IAM:loader", "IAM:loader"]
    assert issued[0] != issued[1]


def test_a_workgroup_gives_credentials_for_each_connection(redshift: RedshiftStandIn, cloud: Cloud) -> None:
    asked: list[dict[str, Any]] = []

    def answer(request: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        asked.append(request)
        password = secrets.token_urlsafe()
        redshift.add_login("IAMR:loader", password)  # and the one before is of no use any more
        return "200 OK", {"dbUser": "IAMR:loader", "dbPassword": password}

    with serverless(cloud, answer):
        production = warehouse(redshift, cloud, password="", workgroup="analytics")
        assert [production.rows("select 1 as n") for _ in range(2)] == [[{"n": 1}]] * 2

    assert asked == [{"workgroupName": "analytics", "dbName": redshift.database, "durationSeconds": 900}] * 2
    redshift.remove_login("IAMR:loader")


def test_credentials_that_iam_refuses_are_said_with_the_permission_that_is_missing(
    redshift: RedshiftStandIn, cloud: Cloud, never_again: None
) -> None:
    refusal = {"__type": "AccessDeniedException", "message": "not authorized"}
    expected = "Allow redshift-serverless:GetCredentials on workgroup analytics to the identity in use"
    with (
        serverless(cloud, lambda _: ("403 Forbidden", refusal)),
        pytest.raises(AccessDeniedError, match=expected),
    ):
        warehouse(redshift, cloud, password="", workgroup="analytics").rows("select 1 as n")


def test_credentials_of_a_cluster_that_does_not_exist_are_said_with_its_name(
    redshift: RedshiftStandIn, cloud: Cloud, never_again: None
) -> None:
    with pytest.raises(AbsentError, match=r"credentials of cluster elsewhere failed: .*not found"):
        warehouse(redshift, cloud, password="", cluster="elsewhere", user="loader").rows("select 1 as n")


def test_settings_outlive_a_transaction_that_is_rolled_back(redshift: RedshiftStandIn, cloud: Cloud) -> None:
    with (
        closing(warehouse(redshift, cloud).labelled("daily run-1").connect()) as connection,
        connection.cursor() as cursor,
    ):
        assert connection.info.transaction_status == psycopg2.extensions.TRANSACTION_STATUS_IDLE
        cursor.execute("select 1")
        connection.rollback()
        found = []
        for setting in ("query_group", "statement_timeout", "timezone"):
            cursor.execute(f"show {setting}")
            found += cursor.fetchall()

    assert found == [("daily run-1",), ("1h",), ("UTC",)]


def test_a_query_group_holds_what_redshift_takes() -> None:
    assert query_group("public/user_behavior_metric 5a0c: a.b") == "public/user_behavior_metric 5a0c: a.b"
    assert query_group("x'; drop\\ table\n🙂") == "x__ drop_ table__"
    assert len(query_group("x" * 500)) == 128


def test_an_interrupted_run_leaves_no_statement_running(redshift: RedshiftStandIn, stack: Stack, cloud: Cloud) -> None:
    """The signal arrived only when the statement had ended, and so a cancelled run went on for hours."""
    endless = (
        "with recursive n (i) as (select 1 union all select i + 1 from n where i < 2000000000) select max(i) from n"
    )
    heard, pause = len(redshift.statements), threading.Event()

    def interrupt() -> None:
        while not any(statement.text == endless for statement in redshift.statements[heard:]):
            pause.wait(0.01)
        os.kill(os.getpid(), signal.SIGUSR1)

    with raising_on_signal(), closing(warehouse(redshift, cloud).connect()) as connection:
        threading.Thread(target=interrupt).start()
        with pytest.raises(Interrupted), connection.cursor() as cursor:
            cursor.execute(endless)

    with closing(psycopg2.connect(stack.endpoints().warehouse)) as server, server.cursor() as cursor:
        server.autocommit = True
        running = [("asked",)]
        for _ in range(100):  # a session that was ended is listed a moment longer
            cursor.execute("select query from pg_stat_activity where query like 'with recursive n (i)%'")
            if not (running := cursor.fetchall()):
                break
            pause.wait(0.05)
    assert running == []


class Interrupted(BaseException):
    """What Dagster raises in a run that is cancelled, as far as anybody can tell here."""


@contextmanager
def raising_on_signal() -> Iterator[None]:
    def handle(_number: int, _frame: FrameType | None) -> None:
        raise Interrupted

    before = signal.signal(signal.SIGUSR1, handle)
    try:
        yield
    finally:
        signal.signal(signal.SIGUSR1, before)


@contextmanager
def issued_by_moto(redshift: RedshiftStandIn, cloud: Cloud) -> Iterator[list[tuple[str, str]]]:
    """Lets those in whom moto gives credentials of a cluster, once each."""
    issued: list[tuple[str, str]] = []

    def middleware(application: Wsgi) -> Wsgi:
        def answer(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
            body = b"".join(application(environ, start_response))
            user, password = (re.search(rf"<{tag}>(.*?)</{tag}>", body.decode()) for tag in ("DbUser", "DbPassword"))
            if user and password:
                login = html.unescape(user[1]), html.unescape(password[1])
                issued.append(login)
                redshift.add_login(*login)
            return [body]

        return answer

    with cloud.behind(middleware):
        yield issued
    for user in {user for user, _ in issued}:
        redshift.remove_login(user)


@contextmanager
def serverless(cloud: Cloud, answer: Callable[[dict[str, Any]], tuple[str, dict[str, Any]]]) -> Iterator[None]:
    """Answers GetCredentials of Redshift Serverless, which moto does not know."""

    def middleware(application: Wsgi) -> Wsgi:
        def answering(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
            if environ.get("HTTP_X_AMZ_TARGET") != "RedshiftServerless.GetCredentials":
                return application(environ, start_response)
            status, body = answer(json.loads(environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))))
            start_response(status, [("Content-Type", "application/x-amz-json-1.1")])
            return [json.dumps(body).encode()]

        return answering

    with cloud.behind(middleware):
        yield
