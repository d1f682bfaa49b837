"""A crash at any instruction leaves what was there before, and a rerun makes it whole. Processes that really die."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pyarrow as pa

from user_behaviour.manifests import Manifest
from user_behaviour.resources.dataset import Dataset
from user_behaviour.resources.lake import LocalLake
from user_behaviour_tests.contracts import crashing_publisher
from user_behaviour_tests.contracts.crashing_publisher import DAYS, LETTERS, ROWS, publish


def seen(dataset: Dataset) -> list[str]:
    """The batch that a reader finds on each day, every row of it read."""
    batches = []
    for day in DAYS:
        manifest: Manifest = dataset.current(day)
        table = pa.Table.from_batches(dataset.read(manifest), LETTERS.arrow_schema())
        assert table["number"].to_pylist() == list(range(ROWS))
        assert manifest.rows == ROWS
        (batch,) = set(table["batch_id"].to_pylist())
        assert batch == manifest.batch_id
        batches.append(batch)
    return batches


def test_after_a_death_at_any_step_each_day_is_whole_and_a_rerun_publishes_all(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, crashing_publisher.__file__, str(tmp_path)], capture_output=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, b"")
    homes = [tmp_path / str(step) for step in range(1, len(list(tmp_path.iterdir())) + 1)]

    states = [seen(LocalLake(home).dataset(LETTERS)) for home in homes]
    for home in homes:
        publish(home, "after")

    # In order of death: no day, the first, the first two, all three; never a part of a day, never a day lost.
    assert [s for n, s in enumerate(states) if not n or s != states[n - 1]] == [
        ["dying"] * n + ["before"] * (3 - n) for n in range(4)
    ]
    assert len(states) > 30
    assert all(seen(LocalLake(home).dataset(LETTERS)) == ["after"] * 3 for home in homes)
