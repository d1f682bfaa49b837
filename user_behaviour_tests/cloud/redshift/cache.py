"""The rows of external files, kept in tables of the backend: read once per location and state of its objects.

A client's transaction may have taken its snapshot before Spectrum reads. So the rows are loaded in a transaction beside
it, with COPY FREEZE, which makes them visible to every snapshot, also to older ones.
"""

import posixpath
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import pyarrow as pa

from user_behaviour_tests.cloud.redshift import parquet_files
from user_behaviour_tests.cloud.redshift.column_types import TargetColumn
from user_behaviour_tests.cloud.redshift.errors import unsupported
from user_behaviour_tests.cloud.redshift.glue import GlueTable
from user_behaviour_tests.cloud.redshift.objects import Object, Objects, Place, place
from user_behaviour_tests.cloud.redshift.state import CACHE_SCHEMA, Account


@dataclass(frozen=True)
class Cached:
    """Where the rows of a location are: a table, and their `location` in it."""

    table: str
    location: int


@dataclass
class Cache:
    """What is loaded, by the columns asked for, the location and the objects in it."""

    entries: dict[tuple[object, ...], Cached] = field(default_factory=dict)

    def rows_of(self, account: Account, table: GlueTable, locations: Sequence[str]) -> dict[str, Cached]:
        """Where the rows of each location are, as its objects are now."""
        objects = Objects(account.aws)
        present = _present(objects, [place(location) for location in locations])
        files = {location: _visible(place(location), present) for location in locations}
        with account.lock:
            keys = {at: (table.columns, at, *((f.place.key, f.etag) for f in files[at])) for at in locations}
            missing = [location for location in dict.fromkeys(locations) if keys[location] not in self.entries]
            if missing:
                name = f"{CACHE_SCHEMA}.loaded_{len(self.entries)}"
                _load(account, name, table.columns, files={location: files[location] for location in missing})
                for number, location in enumerate(missing):
                    self.entries[keys[location]] = Cached(name, number)
            return {at: self.entries[keys[at]] for at in locations}


def _load(account: Account, name: str, columns: Sequence[TargetColumn], *, files: dict[str, list[Object]]) -> None:
    declared = "".join(f'"{column.name}" {column.type}, ' for column in columns)
    with account.side() as side:
        side.run(f'create table {name} ({declared}"$location" int)')
        side.copy_in(name, list(_blocks(Objects(account.aws), columns, files)), freeze=True)
        side.run(f'create index on {name} ("$location")')
        side.run(f"analyze {name}")


def _blocks(objects: Objects, columns: Sequence[TargetColumn], files: dict[str, list[Object]]) -> Iterator[bytes]:
    for number, found in enumerate(files.values()):
        for file in found:
            opened = parquet_files.opened(objects.get(file.place), file.place.uri)
            rows = parquet_files.shortened(parquet_files.by_name(opened, columns, file.place.uri), columns)
            yield parquet_files.csv(rows.append_column("$location", pa.repeat(number, opened.metadata.num_rows)))


def _present(objects: Objects, places: Sequence[Place]) -> list[Object]:
    """What lies at the places and beside them: one listing a bucket, by what their keys have in common."""
    present = []
    for bucket in {where.bucket for where in places}:
        shared = posixpath.commonprefix([where.key for where in places if where.bucket == bucket])
        present += objects.under(Place(bucket, shared))
    return present


def _visible(where: Place, present: Sequence[Object]) -> list[Object]:
    """The files that Spectrum scans: below the folder at any depth, but for names that it ignores.

    https://docs.aws.amazon.com/redshift/latest/dg/c-spectrum-external-tables.html
    """
    if any(found.place == where for found in present) and not where.key.endswith("/"):
        raise unsupported("the stand-in takes no manifest for the location of an external table")
    folder = where.key.rstrip("/") + "/"
    inside = [f for f in present if f.place.bucket == where.bucket and f.place.key.startswith(folder)]
    return [found for found in inside if not _ignored(found.place.key)]


def _ignored(key: str) -> bool:
    name = key.rpartition("/")[2]
    return not name or name.startswith((".", "_", "#")) or name.endswith("~")
