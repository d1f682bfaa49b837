"""The reconciler: what it finds out of place, what it mends, and that it then has nothing more to say."""

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import dagster as dg
import pytest

from user_behaviour.catalog.glue import GlueExternalTables
from user_behaviour.commands.reconcile import summary
from user_behaviour.lake.dataset import CURRENT, REJECTED, Dataset
from user_behaviour.lake.local import LocalLake
from user_behaviour.lake.s3 import S3Lake
from user_behaviour.local.stack import Stack
from user_behaviour.reconciliation.comparison import Difference, DifferenceKind, Remedy, compare
from user_behaviour.reconciliation.reconciliation import Reconciliation
from user_behaviour.reconciliation.recorded import record, recorded_batches
from user_behaviour.tables.days import DayRange
from user_behaviour.tables.schemas import CLASSIFIED_REVIEWS, STAGED_PURCHASES, USER_PURCHASE_STAGING
from user_behaviour_tests.cloud.moto_server import Cloud
from user_behaviour_tests.cloud.redshift import redshift_stand_in
from user_behaviour_tests.cloud.redshift_warehouse import warehouse_on
from user_behaviour_tests.command_line import temporary_installation
from user_behaviour_tests.purchases import publish, purchase_line
from user_behaviour_tests.triggers.ticks import Catalog, new_catalog

D1, D2, D3 = (date(2010, 12, day) for day in (1, 2, 3))
SPAN = DayRange(D1, D3)
TABLE = USER_PURCHASE_STAGING


@dataclass(frozen=True)
class World:
    """Three days as they should be: published, registered, recorded, and the metric made from them."""

    reconciliation: Reconciliation
    catalog: Catalog

    def publish(self, batch: str, *days: date) -> None:
        for day in days:
            publish(self.dataset, day, batch, [purchase_line(day)])

    def register(self, *days: date) -> None:
        self.reconciliation.external_tables.register(TABLE, self.dataset, days)

    def record(self, *days: date) -> None:
        registered = self.reconciliation.external_tables.registered(TABLE, SPAN)
        for day in days:
            record(self.reconciliation.instance, TABLE, registered[day])

    def point(self, day: date, location: str) -> None:
        sql = "update spectrum.registered_partition set location = %s, batch_id = 'x' where insert_date = %s"
        self.catalog.warehouse.transaction(lambda cursor: cursor.execute(sql, (location, day)))

    @property
    def dataset(self) -> Dataset:
        return self.reconciliation.lake.dataset(STAGED_PURCHASES)

    def differences(self) -> dict[date, list[str]]:
        kinds: dict[date, list[str]] = {}
        for difference in compare(self.reconciliation.state(TABLE, SPAN)):
            kinds.setdefault(difference.day, []).append(difference.kind.value)
        return kinds

    def repair(self) -> None:
        """As the command does: until nothing is left to mend."""
        while self.reconciliation.repair(compare(self.reconciliation.state(TABLE, SPAN))):
            pass


@pytest.fixture(scope="module")
def database(stack: Stack) -> Iterator[Catalog]:
    with new_catalog(stack) as catalog:
        yield catalog


@pytest.fixture
def world(database: Catalog, tmp_path: Path) -> Iterator[World]:
    database.clear()
    database.warehouse.transaction(lambda cursor: cursor.execute(f"delete from {TABLE.name}"))
    with dg.DagsterInstance.ephemeral() as instance:
        lake = LocalLake(root=str(tmp_path / "lake"))
        made = World(Reconciliation(lake, database.external_tables, instance, database.warehouse), database)
        made.publish("a", D1, D2, D3)
        made.register(D1, D2, D3)
        made.record(D1, D2, D3)
        database.publish([str(D1), str(D2), str(D3)], {TABLE.name: "a"})
        yield made


def _lost_file(world: World) -> None:
    world.dataset.lake.delete(f"{world.dataset.batch_directory(D2, 'a')}/part-00000.parquet")


def _purged(world: World) -> None:
    world.publish("b", D2)
    world.dataset.lake.delete(world.dataset.batch_directory(D2, "a"))


def _gone(world: World) -> None:
    world.dataset.lake.delete(f"{world.dataset.directory(D2)}/{CURRENT}")


def _only_recorded(world: World) -> None:
    _gone(world)
    world.reconciliation.external_tables.deregister(TABLE, [D2])


def _mart_left_behind(world: World) -> None:
    """Incident: a run killed between the metric and the facts, after which all was said to be well."""
    world.catalog.warehouse.transaction(
        lambda cursor: cursor.execute(
            "insert into audit.published_partition values ('marts.fact_purchase_line', %s, 'm', now(), 1, %s, '{}')",
            (D2, json.dumps({TABLE.name: "z"})),
        )
    )


STALE, METRIC = "stale", "metric or mart made from another batch"
BROKEN: dict[str, tuple[Callable[[World], object], list[str], list[str]]] = {
    "deregistered": (lambda world: world.reconciliation.external_tables.deregister(TABLE, [D2]), ["missing"], []),
    "published again": (lambda world: world.publish("b", D2), [STALE, METRIC], [METRIC]),
    "a mart left behind": (_mart_left_behind, [METRIC], [METRIC]),
    "registered but not recorded": (
        lambda world: (world.publish("b", D2), world.register(D2)),
        [METRIC, "not recorded by Dagster"],
        [METRIC],
    ),
    "pointed out of the lake": (lambda world: world.point(D2, "s3://elsewhere/x/"), ["elsewhere"], []),
    "a file lost": (_lost_file, ["without its files"], ["without its files"]),
    "superseded and purged": (_purged, [STALE, "without its files", METRIC], [METRIC]),
    "gone from the lake": (_gone, ["left over"], ["recorded but not in the lake"]),
    "gone everywhere": (_only_recorded, ["recorded but not in the lake"], ["recorded but not in the lake"]),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_broken_is_found_and_repaired_as_far_as_no_run_is_needed(name: str, world: World) -> None:
    broken, kinds, left = BROKEN[name]
    assert world.differences() == {}
    broken(world)

    assert world.differences() == {D2: kinds}
    world.repair()
    assert world.differences() == ({D2: left} if left else {})
    assert not world.reconciliation.repair(compare(world.reconciliation.state(TABLE, SPAN)))


def test_a_warehouse_that_reads_another_catalog_is_found_out(stack: Stack, cloud: Cloud) -> None:
    """The external schema names one Glue database, the pipeline registers in another: no error, and no rows."""
    lake = S3Lake(aws=cloud.aws, bucket=cloud.bucket(), prefix="shop")
    publish(dataset := lake.dataset(STAGED_PURCHASES), D1, "a", [purchase_line(D1)])
    with (
        redshift_stand_in(stack.endpoints().warehouse, cloud.aws) as redshift,
        dg.DagsterInstance.ephemeral() as instance,
    ):
        warehouse = warehouse_on(redshift, lake)
        with closing(warehouse.connect()) as connection:
            connection.autocommit = True
            connection.cursor().execute(
                "create external schema spectrum from data catalog database 'read' "
                "iam_role 'arn:aws:iam::123456789012:role/spectrum' create external database if not exists"
            )
        cloud.aws.client("glue").create_database(DatabaseInput={"Name": "written"})
        read, written = (
            GlueExternalTables(aws=cloud.aws, database=name, warehouse=warehouse) for name in ("read", "written")
        )
        for catalog in (read, written):
            catalog.define(TABLE, dataset)
        reconciliation = Reconciliation(lake, written, instance)
        written.register(TABLE, dataset, [D1])
        record(instance, TABLE, written.registered(TABLE, SPAN)[D1])
        location = f"{lake.uri(dataset.batch_directory(D1, 'a'))}/"

        says = f"the catalog points at {location}, the warehouse sees nothing"
        assert compare(reconciliation.state(TABLE, SPAN)) == [
            Difference(TABLE.name, D1, DifferenceKind.NOT_SEEN, says, Remedy.BY_HAND)
        ]
        read.register(TABLE, dataset, [D1])
        assert compare(reconciliation.state(TABLE, SPAN)) == []


def test_a_record_of_the_repair_is_a_materialization_with_its_batch(world: World) -> None:
    world.publish("b", D2)
    world.repair()

    assert recorded_batches(world.reconciliation.instance, TABLE, SPAN) == {D1: "a", D2: "b", D3: "a"}
    key = dg.AssetKey(["spectrum", "user_purchase_staging"])
    (newest,) = world.reconciliation.instance.fetch_materializations(key, limit=1).records
    event = newest.asset_materialization
    assert event
    assert (event.partition, newest.run_id) == ("2010-12-02", "")
    location = f"{world.reconciliation.lake.uri(world.dataset.batch_directory(D2, 'b'))}/"
    assert {name: value.value for name, value in event.metadata.items()} == {
        "batch_id": "b",
        "dagster/partition_row_count": 1,
        "dagster/uri": location,
    }


def test_a_day_whose_rows_do_not_fit_the_table_does_not_keep_the_others_from_being_repaired(world: World) -> None:
    world.publish("b", D1, D3)
    publish(world.dataset, D2, "b", [purchase_line(D2, detail="no database holds a \0")])

    world.repair()

    registered = world.reconciliation.external_tables.registered(TABLE, SPAN)
    assert {day: found.batch_id for day, found in registered.items()} == {D1: "b", D2: "a", D3: "b"}
    assert D2 in world.differences()


def test_dagster_is_asked_for_the_newest_record_of_each_day_page_by_page(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("user_behaviour.reconciliation.recorded._PAGE", 2)
    world.publish("b", D1)
    world.register(D1)
    world.record(D1, D1, D1)

    assert recorded_batches(world.reconciliation.instance, TABLE, SPAN) == {D1: "b", D2: "a", D3: "a"}
    assert recorded_batches(world.reconciliation.instance, TABLE, DayRange(D2, D2)) == {D2: "a"}


def test_a_difference_that_holds_for_a_range_of_days_is_one_line() -> None:
    """Each day was a line of its own: what held for a year was 374 of them, and hid the one that was different."""

    def missing(day: date, says: str, table: str = TABLE.name) -> tuple[Difference, str]:
        return Difference(table, day, DifferenceKind.MISSING, says, Remedy.REGISTER), "--repair"

    d5 = date(2010, 12, 5)
    lost = Difference(
        TABLE.name, D2, DifferenceKind.FILES_LOST, "2 of its 2 files", Remedy.RERUN, "key:staged_purchases+"
    )
    differences = [
        missing(D2, "the lake has b in 2010-12-02/b/"),
        missing(D1, "the lake has b in 2010-12-01/b/"),
        missing(d5, "the lake has b in 2010-12-05/b/"),
        (lost, "rerun"),
        missing(D1, "the lake has a", "other"),
        missing(D2, "the lake has b", "other"),
    ]
    assert summary(differences) == [
        ("2010-12-01 to 2010-12-02", 2, "other", "missing", "first: the lake has a", "--repair"),
        ("2010-12-01 to 2010-12-02", 2, TABLE.name, "missing", "the lake has b in <day>/b/", "--repair"),
        ("2010-12-02", 1, TABLE.name, "without its files", "2 of its 2 files", "rerun"),
        ("2010-12-05", 1, TABLE.name, "missing", "the lake has b in 2010-12-05/b/", "--repair"),
    ]


def test_the_command_finds_repairs_and_then_finds_nothing() -> None:
    with temporary_installation() as home:
        home.call("migrate")
        lake = home.deployment().lake
        purchases, reviews = lake.dataset(STAGED_PURCHASES), lake.dataset(CLASSIFIED_REVIEWS)
        publish(purchases, D1, "a", [purchase_line(D1)])
        for day in (D1, D2):
            publish(reviews, day, "r", [])

        looked = home.call("reconcile")
        assert looked.returncode == 1, looked.stderr
        assert looked.stdout.count("missing") == 2
        assert "2010-12-01 to 2010-12-02        2   spectrum.movie_review_clean_stage" in looked.stdout
        assert looked.stdout.endswith("0 repaired, 3 left.\n  user-behaviour reconcile --repair\n")

        repaired = home.call("reconcile", "--repair")
        assert repaired.returncode == 0, repaired.stdout
        # Each is registered, and then recorded.
        assert repaired.stdout.endswith("6 repaired, 0 left.\n")

        lake.write(f"{purchases.directory(D1)}/{CURRENT}", b"")
        lake.write(f"{reviews.directory(D2)}/{REJECTED}", b"{")
        looked = home.call("reconcile")
        assert looked.returncode == 1, looked.stderr
        assert looked.stdout.count("unreadable in the lake") == 2
        assert looked.stdout.endswith("0 repaired, 2 left.\n  user-behaviour reconcile --repair\n")
        restored = home.call("reconcile", "--repair")
        assert (restored.returncode, restored.stdout.splitlines()[-1]) == (0, "2 repaired, 0 left."), restored.stderr
        assert (purchases.current(D1).batch_id, reviews.rejection(D2)) == ("a", None)

        sources = json.dumps({TABLE.name: "z"})
        written = (
            "insert into audit.published_partition values ('public.user_behavior_metric', %s, 'm', now(), 1, %s, '{}')"
        )
        home.deployment().warehouse.transaction(lambda cursor: cursor.execute(written, (D1, sources)))
        outside = home.call("reconcile", "--from", "2010-12-02", "--repair")
        assert (outside.returncode, outside.stdout) == (0, "Every place says the same of every day.\n")
        behind = home.call("reconcile", "--repair")
        assert behind.returncode == 1
        assert behind.stdout.endswith(
            "0 repaired, 1 left.\n"
            "  user-behaviour run --from 2010-12-01 --to 2010-12-01 --select key:public/user_behavior_metric+\n"
        )
