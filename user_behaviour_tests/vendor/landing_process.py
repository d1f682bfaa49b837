"""A process that lands two days of the vendor's and checks them, and says in JSON how far its memory rose, in MiB.

`python -m user_behaviour_tests.vendor.landing_process ROOT SHARE`: the files are in ROOT/vendor.
"""

import json
import re
import sys
from pathlib import Path

import dagster as dg
import pyarrow as pa

from user_behaviour.assets.landing import ReviewLimits, raw_reviews
from user_behaviour.checks import landing
from user_behaviour.io_managers.lake import LakeIOManager
from user_behaviour.lake.local import LocalLake
from user_behaviour.spark.local import LocalSpark
from user_behaviour.tables.days import DayRange
from user_behaviour.vendor.local import LocalVendorDrop
from user_behaviour_tests.vendor.files import D1, D2

CHECKS = [
    check
    for check in landing.LANDING_CHECKS
    if {key.asset_key for key in check.check_keys} == {raw_reviews.key}
    and check is not landing.trading_days_have_a_vendor_file
]


def peak() -> int:
    # Not `getrusage`: a process begins there with the peak of the one that started it.
    return int(re.findall(r"VmHWM:\s*(\d+) kB", Path("/proc/self/status").read_text())[0]) >> 10


def main(root: str, share: str) -> None:
    pa.set_memory_pool(pa.system_memory_pool())  # as in every process of an installation
    lake = LocalLake(root=f"{root}/lake")
    with dg.DagsterInstance.ephemeral() as instance:
        before = peak()
        result = dg.materialize(
            [raw_reviews, *CHECKS],
            instance=instance,
            resources={
                "lake": lake,
                "lake_io_manager": LakeIOManager(lake=lake),
                "vendor_drop": LocalVendorDrop(directory=f"{root}/vendor"),
                "spark": LocalSpark(programs="", home=""),
            },
            run_config=dg.RunConfig({"raw_reviews": ReviewLimits(bad_row_share=float(share))}),
            tags=DayRange(D1, D2).tags(),
            raise_on_error=False,
        )
    said = {check.check_name: check.passed for check in result.get_asset_check_evaluations()}
    rows = [
        event.step_materialization_data.materialization.metadata["rows_in_files"].value
        for event in result.get_asset_materialization_events()
    ]
    print(json.dumps({"rows": rows, "checks": said, "risen": peak() - before, "peak": peak()}))


if __name__ == "__main__":
    main(*sys.argv[1:])
