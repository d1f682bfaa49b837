"""Claims about stage sources: what others deliver can be taken."""

import dagster as dg

from user_behaviour.assets.sources import FILES_CAN_BE_TAKEN, files_can_be_taken, movie_review_file
from user_behaviour.partitions import existing_days
from user_behaviour.vendor.deliveries import objections
from user_behaviour.vendor.drop import VendorDrop


@dg.asset_check(asset=movie_review_file.key, name=FILES_CAN_BE_TAKEN)
def every_file_can_be_taken(vendor_drop: VendorDrop) -> dg.AssetCheckResult:
    """Every file of the drop has a name of the vendor's, and its day is a partition. Warns as long as one has not.

    Every landing of reviews says so too, and the sensor as soon as it changes.
    """
    found = files_can_be_taken(objections(vendor_drop.names(), vendor_drop.unusable(), existing_days()))
    return dg.AssetCheckResult(
        passed=found.passed, severity=found.severity, description=found.description, metadata=found.metadata
    )


SOURCE_CHECKS = [every_file_can_be_taken]
