"""Role: the lake. Its data sets are made of objects under one root; the algorithm of publishing is in `dataset`."""

from __future__ import annotations

import dagster as dg

from user_behaviour.lake.dataset import Dataset
from user_behaviour.lake.objects import Objects
from user_behaviour.tables.table import Table


class Lake(Objects, dg.ConfigurableResource):  # type: ignore[type-arg]
    """Where the pipeline keeps its data sets, as immutable batches of Parquet files."""

    def dataset(self, table: Table) -> Dataset:
        """The data set that holds the partitions of `table`."""
        return Dataset(self, table)
