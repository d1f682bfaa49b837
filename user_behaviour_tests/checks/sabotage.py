"""How a day is broken, for real: files, pointers and rows are changed behind the back of those who wrote them."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from user_behaviour.lake.dataset import CURRENT, Dataset
from user_behaviour.lake.manifests import Manifest, timestamp
from user_behaviour.tables.table import Table
from user_behaviour_tests.checks.shop import Shop

Change = Callable[[pa.Table], pa.Table]
Sabotage = Callable[[Shop, date], object]


def in_turn(*acts: Sabotage) -> Sabotage:
    return lambda shop, day: [act(shop, day) for act in acts]


def file_rewritten(table: Table, change: Change, *, statistics: bool = True) -> Sabotage:
    """The day's Parquet file holds other rows than the ones that were published."""

    def act(shop: Shop, day: date) -> None:
        dataset, path = _file(shop, table, day)
        with pq.ParquetFile(path, filesystem=dataset.lake.filesystem()) as file:
            rows = file.read()
        pq.write_table(change(rows), path, filesystem=dataset.lake.filesystem(), write_statistics=statistics)

    return act


def file_overwritten(table: Table, content: bytes) -> Sabotage:
    """The day's Parquet file is none any more."""

    def act(shop: Shop, day: date) -> None:
        dataset, path = _file(shop, table, day)
        dataset.lake.write(path, content)

    return act


def file_lost(table: Table) -> Sabotage:
    def act(shop: Shop, day: date) -> None:
        dataset, path = _file(shop, table, day)
        dataset.lake.delete(path)

    return act


def pointer_lost(table: Table) -> Sabotage:
    """Nothing says any more which batch is in force."""

    def act(shop: Shop, day: date) -> None:
        dataset = shop.installation.here.lake.dataset(table)
        dataset.lake.delete(f"{dataset.directory(day)}/{CURRENT}")

    return act


def _manifest_rewritten(table: Table, change: Callable[[Manifest], Manifest]) -> Sabotage:
    def act(shop: Shop, day: date) -> None:
        dataset = shop.installation.here.lake.dataset(table)
        dataset.lake.write(f"{dataset.directory(day)}/{CURRENT}", change(dataset.current(day)).to_json())

    return act


def facts_rewritten(table: Table, **facts: int | str) -> Sabotage:
    """The manifest in force says something else of its batch."""
    return _manifest_rewritten(table, lambda found: replace(found, facts={**found.facts, **facts}))


def seen_in_the_future(table: Table) -> Sabotage:
    """The manifest in force is of a clock that was ahead by many years."""
    return _manifest_rewritten(table, lambda found: replace(found, as_of="2199-12-31T00:00:00.000000Z"))


def published_again(table: Table, change: Change = lambda rows: rows) -> Sabotage:
    """A newer batch of the day is in force; whoever read the older one is stale."""

    def act(shop: Shop, day: date) -> None:
        dataset = shop.installation.here.lake.dataset(table)
        before = dataset.current(day)
        with dataset.write(day, "newer") as writer:
            for batch in change(pa.Table.from_batches(dataset.read(before))).to_batches():
                writer.write(batch)
            now = timestamp(datetime.now(UTC))
            manifest = writer.manifest(as_of=now, sources=before.sources, facts=before.facts)
        assert dataset.publish(manifest)

    return act


def registered_again(table: Table, of: Table) -> Sabotage:
    """A newer batch is in force and registered, and Dagster does not know of it."""

    def act(shop: Shop, day: date) -> None:
        published_again(of)(shop, day)
        here = shop.installation.here
        here.external_tables.register(table, here.lake.dataset(of), [day])

    return act


def in_warehouse(sql: str) -> Sabotage:
    """A statement on the warehouse, with the day as a parameter."""
    return lambda shop, day: shop.installation.here.warehouse.transaction(
        lambda cursor: cursor.execute(sql, {"day": day})
    )


def delivered(suffix: str, content: bytes | str) -> Sabotage:
    """One more vendor file for the day, and its landing runs."""

    def act(shop: Shop, day: date) -> None:
        shop.installation.deliver(f"movie_review_{day}{suffix}", content)
        shop.installation.run(str(day), str(day), select=["raw_reviews"])

    return act


def first_row_less(rows: pa.Table) -> pa.Table:
    return rows.slice(1)


def first_row_for_the_second(rows: pa.Table) -> pa.Table:
    """As many rows as before; the second stands twice, the first not at all."""
    return pa.concat_tables([rows.slice(1, 1), rows.slice(1)])


def times(number: int) -> Change:
    return lambda rows: pa.concat_tables([rows] * number)


tenfold = times(10)


def with_column(name: str, value: Callable[[list[Any]], list[Any]], type_: pa.DataType | None = None) -> Change:
    """A column has other values, or another type; every file may hold nulls as far as Parquet is concerned."""

    def change(rows: pa.Table) -> pa.Table:
        position = rows.schema.get_field_index(name)
        values = pa.array(value(rows[name].to_pylist()), type_ or rows.schema.field(name).type)
        return rows.set_column(position, pa.field(name, values.type), values)

    return change


def manifest_of(shop: Shop, table: Table, day: date) -> Manifest:
    return shop.installation.here.lake.dataset(table).current(day)


def _file(shop: Shop, table: Table, day: date) -> tuple[Dataset, str]:
    dataset = shop.installation.here.lake.dataset(table)
    manifest = dataset.current(day)
    (file,) = manifest.files
    return dataset, f"{dataset.batch_directory(day, manifest.batch_id)}/{file.name}"
