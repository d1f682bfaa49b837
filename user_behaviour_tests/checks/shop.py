"""An installation that has run healthy days once, on which single checks are run again and again.

Every day has the same few lines and reviews, so that a day has a past to be held against. Tests break DAYS, and
`restore` makes them as they were.
"""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import dagster as dg
import psycopg2

from user_behaviour.checks import CHECKS
from user_behaviour.checks.classifier import CLASSIFIER_CHECKS
from user_behaviour.checks.sources import SOURCE_CHECKS
from user_behaviour.classifier.models import Models
from user_behaviour.classifier.review_scoring import Model
from user_behaviour.rules import BUILT_IN, QuantityRule
from user_behaviour.tables.days import DayRange
from user_behaviour_tests.graph.installation import WITH_MARTS, Installation, Line, checks, failure_messages

# What is said of the vendor's drop and of labels is about no day, and has tests of its own.
CLAIMS = {
    f"{key.asset_key.to_user_string()}:{key.name}": key
    for check in CHECKS
    if check not in (*SOURCE_CHECKS, *CLASSIFIER_CHECKS)
    for key in check.check_keys
}
HEALTHY = DayRange(date(2011, 1, 3), date(2011, 2, 9))
DAYS = HEALTHY.days()[-3:]  # with five weeks before them
STRICTER = BUILT_IN.with_rule(QuantityRule(date(2010, 12, 1), 4))
REVIEWS = (
    "cid,review_str\n14000,good\n14000,bad\n14001,good\n"
    "15000,good\n15001,good\n15002,good\n15003,good\n15004,bad\n15005,bad\n15006,bad\n15007,bad\n15008,bad\n"
)
_TABLES = {
    "shop": {"retail.user_purchase": "invoice_date"},
    "warehouse": {
        "spectrum.user_purchase_staging": "insert_date",
        "spectrum.movie_review_clean_stage": "insert_date",
        "spectrum.registered_partition": "insert_date",
        "public.user_behavior_metric": "insert_date",
        "intermediate.customer_day": "insert_date",
        "audit.published_partition": "insert_date",
    },
}


def purchases(day: date) -> list[Line]:
    """Four lines of a day, of which the rule leaves out the last."""
    return [
        (f"{day} 10:00:00", 3, "1.500", "A", 14000),
        (f"{day} 11:00:00", 4, "1.500", "A", 14001),
        (f"{day} 12:00:00", 5, "1.500", "A", None),
        (f"{day} 13:00:00", 1, "1.500", "A", 14000),
    ]


@dataclass
class Shop:
    """`whole` is the run over all healthy days; a model scores.

    After it all checks ran twice: `alone` without a partition, and `healthy` over DAYS, which are always restored.
    """

    installation: Installation

    def __post_init__(self) -> None:
        days = HEALTHY.days()
        self.installation.sell([line for day in days for line in purchases(day)])
        for day in days:
            self.installation.deliver(f"movie_review_{day}.csv", REVIEWS)
        models = Models(self.installation.here.lake)
        weights = {"good": (1.0, 2.0), "bad": (1.0, -2.0)}
        models.promote(
            models.add(Model("", weights, 0.0, 1.0, 0.0), {"unknown_share": 0.0}), why="it says what the baseline says"
        )
        self._jobs = self._definitions(self.installation.defs)
        self.whole = self.installation.run(str(HEALTHY.first), str(HEALTHY.last), select=WITH_MARTS)
        assert self.whole.success, failure_messages(self.whole)
        self.alone = self.run_checks("all")
        self.healthy = self.run_checks("all", DAYS)
        self._keep()

    @staticmethod
    def _definitions(graph: dg.Definitions) -> dg.Definitions:
        jobs = [dg.define_asset_job("all", selection=dg.AssetSelection.checks(*CLAIMS.values()))]
        for name, key in CLAIMS.items():
            jobs.append(dg.define_asset_job(_job(name), selection=dg.AssetSelection.checks(key)))
        return dg.Definitions.merge(graph, dg.Definitions(jobs=jobs))

    def run_checks(self, claim: str, days: Sequence[date] = ()) -> dg.ExecuteInProcessResult:
        """Runs one check, or "all", over consecutive days, or without a partition; materializes nothing."""
        return self._jobs.resolve_job_def(_job(claim)).execute_in_process(
            instance=self.installation.instance,
            tags=DayRange(min(days), max(days)).tags() if days else {},
            raise_on_error=False,
        )

    def check(self, claim: str, days: Sequence[date] = ()) -> Any:
        """What a check says."""
        return checks(self.run_checks(claim, days))[claim]

    def restore(self) -> None:
        """Makes DAYS as they were: in the source, in the vendor's drop, in the lake and in the warehouse."""
        for path in self._of_the_days():
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        shutil.copytree(self._kept, self.installation.home, dirs_exist_ok=True)
        for database, tables in _TABLES.items():
            with self._cursor(database) as cursor:
                for table, column in tables.items():
                    cursor.execute(f"delete from {table} where {column}::date between %s and %s", (DAYS[0], DAYS[-1]))
                    cursor.execute(f"insert into {table} select * from kept.{table.partition('.')[2]}")

    def _keep(self) -> None:
        for path in self._of_the_days():
            target = self._kept / path.relative_to(self.installation.home)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copytree(path, target) if path.is_dir() else shutil.copy2(path, target)
        for database, tables in _TABLES.items():
            with self._cursor(database) as cursor:
                cursor.execute("create schema kept")
                for table, column in tables.items():
                    copy = f"create table kept.{table.partition('.')[2]} as select * from {table}"
                    cursor.execute(f"{copy} where {column}::date between %s and %s", (DAYS[0], DAYS[-1]))

    def _of_the_days(self) -> list[Path]:
        """Everything of DAYS in the lake and in the vendor's drop."""
        lake, vendor = self.installation.home / "lake", self.installation.vendor
        return [path for day in DAYS for path in (*lake.glob(f"*/insert_date={day}"), *vendor.glob(f"*{day}*"))]

    @property
    def _kept(self) -> Path:
        return self.installation.home / "kept"

    @contextmanager
    def _cursor(self, database: str) -> Iterator[Any]:
        url = getattr(self.installation.stack.endpoints(), database)
        with closing(psycopg2.connect(url)) as connection, connection, connection.cursor() as cursor:
            yield cursor


def _job(claim: str) -> str:
    return claim.replace("/", "__").replace(":", "__")
