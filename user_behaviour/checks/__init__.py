"""The asset checks, one module per stage, in the order in which data flows: each is a claim about an asset."""

from user_behaviour.checks.classifier import CLASSIFIER_CHECKS
from user_behaviour.checks.landing import LANDING_CHECKS
from user_behaviour.checks.marts import MART_CHECKS
from user_behaviour.checks.sources import SOURCE_CHECKS
from user_behaviour.checks.spectrum import SPECTRUM_CHECKS
from user_behaviour.checks.staging import STAGING_CHECKS
from user_behaviour.checks.warehouse import WAREHOUSE_CHECKS

CHECKS = [
    *SOURCE_CHECKS,
    *CLASSIFIER_CHECKS,
    *LANDING_CHECKS,
    *STAGING_CHECKS,
    *SPECTRUM_CHECKS,
    *WAREHOUSE_CHECKS,
    *MART_CHECKS,
]
CHECK_NAMES = [f"{key.asset_key.to_user_string()}:{key.name}" for check in CHECKS for key in check.check_keys]
