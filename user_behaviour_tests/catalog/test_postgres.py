"""The local catalog, beyond what it shares with its twins."""

from datetime import date, timedelta
from pathlib import Path

from user_behaviour.catalog.postgres import MANY_DAYS
from user_behaviour.lake.local import LocalLake
from user_behaviour.local.stack import Stack
from user_behaviour.tables.schemas import STAGED_PURCHASES, USER_PURCHASE_STAGING
from user_behaviour_tests.purchases import publish, purchase_line
from user_behaviour_tests.triggers.ticks import new_catalog

INDEXES = "select indexname, indexdef from pg_indexes where schemaname = 'spectrum' and indexname like '%%_day'"
LEFT = "select brin_summarize_new_values('spectrum.user_purchase_staging_day') as ranges"


def test_days_are_told_apart_by_block_ranges_which_a_load_of_many_days_summarizes(stack: Stack, tmp_path: Path) -> None:
    dataset = LocalLake(root=str(tmp_path)).dataset(STAGED_PURCHASES)
    days = [date(2011, 1, 1) + timedelta(days=number) for number in range(MANY_DAYS)]
    for day in days:
        publish(dataset, day, "one", [purchase_line(day)] * 300)  # more than a range in all
    with new_catalog(stack) as catalog:
        indexes = {row["indexname"]: row["indexdef"] for row in catalog.warehouse.rows(INDEXES, {})}
        assert [name for name, definition in indexes.items() if "USING brin (insert_date)" in definition] == [*indexes]
        assert len(indexes) == 2

        catalog.external_tables.register(USER_PURCHASE_STAGING, dataset, days)

        assert catalog.warehouse.rows(LEFT) == [{"ranges": 0}]
