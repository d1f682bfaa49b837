"""Handles on partitions of a lake data set: values, no rows held in memory."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import pyarrow as pa

from user_behaviour.lake.held_back import MissingPartitionError
from user_behaviour.lake.manifests import Manifest


@dataclass(frozen=True)
class Location:
    """Where a published partition lies (URI of a directory), and its manifest."""

    uri: str
    manifest: Manifest


@dataclass(frozen=True)
class Locations:
    """Partitions of one lake data set under the URI `base`; `missing` are the days asked for that it does not have."""

    dataset: str
    base: str
    by_day: Mapping[date, Location]
    missing: Mapping[date, MissingPartitionError]


@dataclass(frozen=True)
class PartitionStreams:
    """Days of one lake data set, read one at a time.

    `manifest(day)` raises `MissingPartitionError` for a day that is not there; `read(manifest)` gives its rows.
    """

    days: Sequence[date]
    manifest: Callable[[date], Manifest]
    read: Callable[[Manifest], Iterator[pa.RecordBatch]]
