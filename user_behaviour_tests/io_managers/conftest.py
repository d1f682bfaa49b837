"""The greenhouse of a test: a lake and a Dagster instance in memory; and the twins of the warehouse."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
import pytest

from user_behaviour.lake.s3 import S3Lake
from user_behaviour.local.stack import Stack
from user_behaviour.tables.statements import split, statement
from user_behaviour.warehouse.postgres import PostgresWarehouseByUrl
from user_behaviour.warehouse.warehouse import Warehouse
from user_behaviour_tests.cloud.moto_server import Cloud
from user_behaviour_tests.cloud.redshift import redshift_stand_in
from user_behaviour_tests.cloud.redshift_warehouse import warehouse_on
from user_behaviour_tests.io_managers.daily_table import NAME, execute
from user_behaviour_tests.io_managers.greenhouse import Greenhouse


@pytest.fixture
def greenhouse(tmp_path: Path) -> Iterator[Greenhouse]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield Greenhouse(tmp_path, instance)


@dataclass(frozen=True)
class Twin:
    """A warehouse with the tables of the test, and how the next insert of a run meets another transaction there."""

    warehouse: Warehouse
    conflict: Callable[[], AbstractContextManager[None]]


@pytest.fixture(scope="package")
def on_redshift(stack: Stack, cloud: Cloud) -> Iterator[Twin]:
    with redshift_stand_in(stack.endpoints().warehouse, cloud.aws) as redshift:
        warehouse = warehouse_on(redshift, S3Lake(aws=cloud.aws, bucket=cloud.bucket(), prefix="lake"))
        for migration in ("0001.audit", "0006.restatement"):
            for sql in split(statement(f"migrations/redshift/{migration}.sql")):
                execute(warehouse, sql)

        @contextmanager
        def conflict() -> Iterator[None]:
            redshift.faults.fail_next(matching="insert into audit.published_partition", error="1023")
            yield
            assert redshift.faults.pending == []

        yield Twin(warehouse, conflict)


@pytest.fixture(scope="package")
def on_postgres(stack: Stack) -> Twin:
    warehouse = PostgresWarehouseByUrl(url=stack.endpoints().warehouse)

    @contextmanager
    def conflict() -> Iterator[None]:
        execute(warehouse, "create sequence attempts")
        execute(
            warehouse,
            f"""create function meet() returns trigger language plpgsql as $$ begin
                if nextval('attempts') = 1 then raise exception 'met' using errcode = '40001'; end if;
                return new; end $$;
            create trigger meet after insert on {NAME} for each statement execute function meet()""",
        )
        try:
            yield
        finally:
            execute(warehouse, f"drop trigger meet on {NAME}; drop function meet; drop sequence attempts")

    return Twin(warehouse, conflict)


@pytest.fixture(params=["on_postgres", "on_redshift"])
def twin(request: pytest.FixtureRequest) -> Twin:
    found: Twin = request.getfixturevalue(request.param)
    return found
