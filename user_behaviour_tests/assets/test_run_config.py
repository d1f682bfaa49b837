"""What a person sets in the Launchpad holds for one run; what they leave out is the deployment's setting."""

from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from user_behaviour.assets.landing import raw_reviews
from user_behaviour.io_managers.lake import LakeIOManager
from user_behaviour.lake.local import LocalLake
from user_behaviour.spark.local import LocalSpark
from user_behaviour.vendor.local import LocalVendorDrop

ONE_OF_TWO_ROWS_IS_BAD = "cid,review_str\n1,good\n,bad\n"


@pytest.mark.parametrize(
    ("config", "lands"),
    [
        ({}, False),
        ({"bad_row_share": 0.5}, True),
        ({"bad_row_share": 0.4}, False),
        ({"bad_row_share": 0.5, "file_bytes": len(ONE_OF_TWO_ROWS_IS_BAD) - 1}, False),
        ({"bad_row_share": 1.5}, False),
    ],
    ids=["nothing set", "share reached", "share passed", "file too large", "no share"],
)
def test_the_limits_of_one_run_are_set_for_that_run(tmp_path: Path, config: dict[str, Any], lands: bool) -> None:
    (tmp_path / "movie_review_2010-12-01.csv").write_text(ONE_OF_TWO_ROWS_IS_BAD)
    lake = LocalLake(root=str(tmp_path / "lake"))
    with dg.DagsterInstance.ephemeral() as instance:
        result = dg.materialize(
            [raw_reviews],
            instance=instance,
            partition_key="2010-12-01",
            resources={
                "lake": lake,
                "lake_io_manager": LakeIOManager(lake=lake),
                "vendor_drop": LocalVendorDrop(directory=str(tmp_path)),
                "spark": LocalSpark(programs="", home=""),
            },
            run_config={"ops": {"raw_reviews": {"config": config}}},
            raise_on_error=False,
        )

    assert result.success is lands
