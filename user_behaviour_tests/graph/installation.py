"""A whole local installation for a test: a home of its own, rows and files written by hand, runs, the metric."""

import gzip
import io
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Any
from unittest.mock import patch

import dagster as dg
import psycopg2

from user_behaviour.assets import ASSETS
from user_behaviour.assets.marts import MARTS
from user_behaviour.definitions import assemble
from user_behaviour.deployments import Deployment, local
from user_behaviour.local.stack import Stack
from user_behaviour.settings import read_settings
from user_behaviour.tables.days import DayRange
from user_behaviour_tests.conftest import temporary_home

Line = tuple[str, int, str, str, int | None]  # moment, quantity, unit price, stock code, customer
Row = tuple[date, int, Decimal, int, int]  # day, customer, spent, score, count
GOOD = "cid,review_str\n14000,good\n"
TO_THE_METRIC = [asset.key for asset in ASSETS if asset not in MARTS]
WITH_MARTS = [asset.key.to_user_string() for asset in ASSETS]


@dataclass
class Installation:
    """What a user has after `make setup`, in a directory of its own."""

    home: Path

    def __post_init__(self) -> None:
        self.stack = Stack(self.home)
        self.stack.up()
        self.vendor = self.home / "vendor"
        self.vendor.mkdir(exist_ok=True)
        self.here: Deployment = local(read_settings({"USER_BEHAVIOUR_HOME": str(self.home)}))
        self.defs = assemble(self.here)

    @cached_property
    def instance(self) -> dg.DagsterInstance:
        """The installation's own, in its PostgreSQL."""
        with patch.dict(os.environ, self.here.dagster_environment()):
            return dg.DagsterInstance.from_config(os.environ["DAGSTER_HOME"])

    def sell(self, lines: Iterable[Line]) -> None:
        """Writes purchase lines into the shop's database."""
        sell(self.stack, lines)

    def deliver(self, name: str, content: bytes | str) -> None:
        """Puts a vendor file where the vendor drops it, in one step."""
        part = self.vendor / f".{name}"
        part.write_bytes(content if isinstance(content, bytes) else content.encode())
        part.rename(self.vendor / name)

    def three_days(self, month: str, *, second: str = GOOD) -> None:
        """The first days of a month of 2011, with a purchase and a file each; `second` is the file of the second."""
        self.sell([(f"2011-{month}-{day:02} 12:00:00", 5, "2.000", "A", 14000) for day in (1, 2, 3)])
        for day, content in ((1, GOOD), (2, second), (3, GOOD)):
            self.deliver(f"movie_review_2011-{month}-{day:02}.csv", content)

    def run(self, first: str, last: str, *, select: Sequence[str] | None = None) -> dg.ExecuteInProcessResult:
        """One run over the days, up to the metric if nothing is selected, with all checks of what it materializes."""
        job = self.defs.resolve_implicit_global_asset_job_def()
        return job.execute_in_process(
            instance=self.instance,
            tags=DayRange(date.fromisoformat(first), date.fromisoformat(last)).tags(),
            asset_selection=[dg.AssetKey.from_user_string(key) for key in select] if select else TO_THE_METRIC,
            raise_on_error=False,
        )

    def run_day(self, day: str) -> dg.ExecuteInProcessResult:
        """One run of one day, of all that is made by day, by partition key, as the UI launches it."""
        job = self.defs.resolve_implicit_global_asset_job_def()
        return job.execute_in_process(
            instance=self.instance,
            partition_key=day,
            asset_selection=[asset.key for asset in ASSETS],
            raise_on_error=False,
        )

    def metric(self, first: str | date = "0001-01-01", last: str | date = "9999-12-31") -> list[Row]:
        """The rows of the metric, audit columns aside."""
        return metric(self.here, first, last)


@contextmanager
def new_installation() -> Iterator[Installation]:
    """One in a temporary home; its server is stopped at the end."""
    with temporary_home() as home:
        installation = Installation(home)
        yield installation
        if "instance" in vars(installation):
            installation.instance.dispose()


def sell(stack: Stack, lines: Iterable[Line]) -> None:
    """Writes purchase lines into the shop's database."""
    with psycopg2.connect(stack.endpoints().shop) as connection, connection.cursor() as cursor:
        for moment, quantity, price, code, customer in lines:
            cursor.execute(
                "insert into retail.user_purchase values (%s, %s, 'A THING', %s, %s, %s, %s, 'United Kingdom')",
                ("500001", code, quantity, moment, price, customer),
            )
    connection.close()


def load_real_purchases(stack: Stack, data: Path, *, days: Sequence[date] = ()) -> None:
    """Loads the purchase lines of the real data into the shop's database: all, or those of some days."""
    wanted = ", ".join(f"'{day}'" for day in days)
    of_the_days = f" where cast(invoice_date as date) in ({wanted})" if days else ""
    with (
        psycopg2.connect(stack.endpoints().shop) as connection,
        connection.cursor() as cursor,
        gzip.open(data / "online_retail.csv.gz") as file,
    ):
        cursor.copy_expert(f"copy retail.user_purchase from stdin (format csv, header true){of_the_days}", file)
    connection.close()


def metric(here: Deployment, first: str | date = "0001-01-01", last: str | date = "9999-12-31") -> list[Row]:
    """The rows of the metric in a deployment's warehouse, audit columns aside."""
    rows = here.warehouse.rows(
        "select insert_date, customerid, amount_spent, review_score, review_count "
        "from public.user_behavior_metric where insert_date between %(first)s and %(last)s order by 1, 2",
        {"first": first, "last": last},
    )
    return [tuple(row.values()) for row in rows]  # type: ignore[misc]


def materialized(result: dg.ExecuteInProcessResult) -> dict[str, list[str]]:
    """The partitions that a run materialized, by asset."""
    found: dict[str, list[str]] = {}
    for event in result.get_asset_materialization_events():
        found.setdefault(event.asset_key.to_user_string(), []).append(event.partition)
    return found


def checks(result: dg.ExecuteInProcessResult) -> dict[str, Any]:
    """The evaluations of a run by `asset:check`."""
    return {f"{e.asset_key.to_user_string()}:{e.check_name}": e for e in result.get_asset_check_evaluations()}


def failure_messages(result: dg.ExecuteInProcessResult) -> str:
    """What the failed steps of a run say, one after another."""
    said = io.StringIO()
    for event in result.all_events:
        if event.is_step_failure:
            said.write(f"{event.step_key}: {event.step_failure_data.error_display_string}\n")
    return said.getvalue()
