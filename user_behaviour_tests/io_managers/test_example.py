"""The example of `docs/io-managers.md` does what the page says."""

import re
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from user_behaviour.tables.days import DayRange
from user_behaviour_tests.io_managers.greenhouse import MON, TUE

PAGE = Path(__file__).parents[2] / "docs" / "io-managers.md"


def test_a_data_frame_of_two_days_is_published_by_day_and_read_as_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    example: dict[str, Any] = {}
    exec(code, example)
    monkeypatch.chdir(tmp_path)

    with dg.DagsterInstance.ephemeral() as instance:
        job = example["defs"].resolve_implicit_global_asset_job_def()
        result = job.execute_in_process(instance=instance, tags=DayRange(MON, TUE).tags())
        published = instance.get_materialized_partitions(dg.AssetKey("readings"))

    (total, _) = result.asset_materializations_for_node("total")
    assert total.metadata["watts"].value == 400 + 500
    assert published == {"2024-03-04", "2024-03-05"}
    assert [path.name for path in sorted((tmp_path / "lake" / "readings").iterdir())] == [
        "insert_date=2024-03-04",
        "insert_date=2024-03-05",
    ]
