"""What a run prints: Dagster's console logger, without a line for each of its thousands of events."""

from collections.abc import Mapping
from typing import Any

import dagster as dg


@dg.configured(
    dg.colored_console_logger,
    config_schema={"log_level": dg.Field(str, default_value="INFO", description="DEBUG prints every event.")},
)
def console_logger(config: Mapping[str, Any]) -> Mapping[str, Any]:
    """The console logger from INFO on; the events themselves are in Dagster's storage."""
    return config
