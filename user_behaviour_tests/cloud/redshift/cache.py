"""The rows of external files, kept in tables of the backend: read once per location and state of its objects.

A client's transaction may have taken its snapshot before Spectrum reads. So the rows are loaded in a transaction beside
it, with COPY FREEZE, which makes them visible to every snapshot, also to older ones.
"""

from __future__ import annotations

import json
import posixpath
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import pyarrow as pa

from user_behaviour_tests.cloud.redshift import parquet_files
from user_behaviour_tests.cloud.redshift.column_types import TargetColumn
from user_behaviour_tests.cloud.redshift.errors import SqlError
from user_behaviour_tests.cloud.redshift.glue import GlueTable
from user_behaviour_tests.cloud.redshift.objects import Object, Objects, Place, place
from user_behaviour_tests.cloud.redshift.state import CACHE_SCHEMA, Account

_FEW = 8  # up to so many locations are listed one by one, more by what their names have in common


@dataclass(frozen=True)
class Cached:
    """Where the rows of a location are: a table, and their `location` in it."""

    table: str
    location: int


@dataclass
class Cache:
    """What is loaded, by the columns asked for, the location and the objects in it."""

    entries: dict[tuple[object, ...], Cached] = field(default_factory=dict)

    def rows_of(self, account: Account, table: GlueTable, locations: Sequence[str]) -> tuple[dict[str, Cached], int]:
        """Where the rows of each location are, as its objects are now; and the number of those objects."""
        objects = Objects(account.aws)
        files = {location: _visible(objects, location, found) for location, found in _listed(objects, locations)}
        with account.lock:
            keys = {at: (table.columns, at, *((f.place.key, f.etag) for f in files[at])) for at in locations}
            missing = [location for location in dict.fromkeys(locations) if keys[location] not in self.entries]
            if missing:
                name = f"{CACHE_SCHEMA}.loaded_{len(self.entries)}"
                _load(account, name, table.columns, files={location: files[location] for location in missing})
                for number, location in enumerate(missing):
                    self.entries[keys[location]] = Cached(name, number)
            return {at: self.entries[keys[at]] for at in locations}, sum(len(found) for found in files.values())


def _load(account: Account, name: str, columns: Sequence[TargetColumn], *, files: dict[str, list[Object]]) -> None:
    declared = "".join(f'"{column.name}" {column.type}, ' for column in columns)
    with account.side() as side:
        side.run(f'create table {name} ({declared}"$path" varchar, "$size" bigint, "$location" int)')
        side.copy_in(name, _blocks(Objects(account.aws), columns, files), freeze=True)
        side.run(f'create index on {name} ("$location")')
        side.run(f"analyze {name}")


def _blocks(objects: Objects, columns: Sequence[TargetColumn], files: dict[str, list[Object]]) -> Iterator[bytes]:
    for number, found in enumerate(files.values()):
        for file in found:
            opened = parquet_files.opened(objects.get(file.place), file.place.uri)
            rows = parquet_files.shortened(parquet_files.by_name(opened, columns, file.place.uri), columns)
            count = opened.metadata.num_rows
            rows = rows.append_column("$path", pa.repeat(file.place.uri, count))
            rows = rows.append_column("$size", pa.repeat(file.size, count))
            yield parquet_files.csv(rows.append_column("$location", pa.repeat(number, count)))


def _listed(objects: Objects, locations: Sequence[str]) -> Iterator[tuple[str, list[Object]]]:
    places = {location: place(location) for location in locations}
    if len(places) <= _FEW or len({where.bucket for where in places.values()}) > 1:
        for location, where in places.items():
            yield location, objects.under(where)
        return
    shared = posixpath.commonprefix([where.key for where in places.values()])
    present = objects.under(Place(next(iter(places.values())).bucket, shared))
    for location, where in places.items():
        yield location, [found for found in present if found.place.key.startswith(where.key)]


def _visible(objects: Objects, location: str, present: Sequence[Object]) -> list[Object]:
    """The files that Spectrum scans: below the folder at any depth, but for names that it ignores; or a manifest's.

    https://docs.aws.amazon.com/redshift/latest/dg/c-spectrum-external-tables.html
    """
    where = place(location)
    for found in present:
        if found.place == where and not where.key.endswith("/"):
            return _of_manifest(objects, where)
    folder = where.key.rstrip("/") + "/"
    return [found for found in present if found.place.key.startswith(folder) and not _ignored(found.place.key)]


def _ignored(key: str) -> bool:
    name = key.rpartition("/")[2]
    return not name or name.startswith((".", "_", "#")) or name.endswith("~")


def _of_manifest(objects: Objects, where: Place) -> list[Object]:
    found = []
    try:
        entries = json.loads(objects.get(where))["entries"]
    except (ValueError, KeyError) as error:
        raise SqlError(f"Manifest file {where.uri} is not in correct json format: {error!r}") from error
    for entry in entries:
        try:
            found.append(objects.head(place(entry["url"])))
        except SqlError:
            if entry.get("mandatory", False):
                raise
    return found
