"""The sensor that lets the metric follow, on a real database; its bare logic is in follow_up."""

from dataclasses import dataclass, replace
from datetime import date

import dagster as dg

from user_behaviour.triggers.sensors import metric_follows
from user_behaviour.warehouse.postgres import PostgresWarehouseByUrl
from user_behaviour_tests.triggers.ticks import PURCHASES, REVIEWS, Catalog, dates, days_of


@dataclass
class Follower:
    """A daemon that evaluates `metric_follows`."""

    catalog: Catalog
    cursor: str | None = None

    def tick(self) -> list[date]:
        roles = {"external_tables": self.catalog.external_tables, "warehouse": self.catalog.warehouse}
        with dg.build_sensor_context(cursor=self.cursor, resources=roles) as context:
            result = metric_follows.evaluate_tick(context)
        self.cursor = result.cursor
        self.skip_message = result.skip_message or ""
        return days_of(result)


def test_the_metric_follows_where_both_sides_are_there(catalog: Catalog) -> None:
    catalog.register(PURCHASES, ["2010-12-01", "2010-12-02", "2010-12-04"], "p1")
    catalog.register(REVIEWS, ["2010-12-02", "2010-12-03", "2010-12-04"], "r1")
    follower = Follower(catalog)

    assert follower.tick() == []
    assert "2 days have both sides, the metric of 2 is behind" in follower.skip_message
    assert follower.tick() == dates("2010-12-02", "2010-12-04")
    assert follower.tick() == []
    catalog.publish(["2010-12-02", "2010-12-04"], {PURCHASES: "p1", REVIEWS: "r1"})
    assert follower.tick() == []
    assert "2 days have both sides, the same as when" in follower.skip_message
    catalog.register(REVIEWS, ["2010-12-01"], "r1")
    assert (follower.tick(), follower.tick()) == ([], dates("2010-12-01"))


def test_the_warehouse_is_left_alone_while_nothing_moves(catalog: Catalog) -> None:
    """One look at every tick kept a Redshift Serverless awake all day."""
    asked: list[str] = []

    class Counted(PostgresWarehouseByUrl):
        def dsn(self) -> str:
            asked.append("for a connection")
            return super().dsn()

    catalog.register(PURCHASES, ["2010-12-01"], "p1")
    follower = Follower(replace(catalog, warehouse=Counted(url=catalog.warehouse.dsn())))
    connections = []
    for reviews in ("r1", "r2"):
        catalog.register(REVIEWS, ["2010-12-01"], reviews)
        for _ in range(4):
            follower.tick()
            connections.append(len(asked))
            asked.clear()

    # Two for the catalog, which this twin keeps in the same database; the third is the look at what is published.
    assert connections == [3, 3, 2, 2, 3, 3, 2, 2]


def test_a_run_that_failed_is_not_asked_for_at_every_tick(catalog: Catalog) -> None:
    catalog.register(PURCHASES, ["2010-12-01"], "p1")
    catalog.register(REVIEWS, ["2010-12-01"], "r1")
    follower = Follower(catalog)

    assert [follower.tick() for _ in range(4)] == [[], dates("2010-12-01"), [], []]
    catalog.register(PURCHASES, ["2010-12-02"], "p1")
    catalog.register(REVIEWS, ["2010-12-02"], "r1")
    assert follower.tick() == []
    assert "the metric of 2 is behind: 1 were requested before" in follower.skip_message
