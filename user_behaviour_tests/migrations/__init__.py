"""Migrations: up, down, from an earlier release, and what drifts."""

IDS = (
    *("0001.audit", "0002.spectrum", "0003.user_behavior_metric", "0004.block_ranges", "0005.probability"),
    *("0006.restatement", "0007.marts", "0008.questions"),
)
