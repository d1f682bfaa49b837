"""Dagster instances of tests: each with a storage class by name, on a database by URL."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
import yaml

STOCK = "dagster_postgres.DagsterPostgresStorage"
POOLED = "user_behaviour.instance.storage.PooledPostgresStorage"
BULK = "user_behaviour.local.planned_events.LocalPostgresStorage"


@contextmanager
def instance_on(url: str, storage: str) -> Iterator[dg.DagsterInstance]:
    """An instance in a home of its own; its concurrency pools have room for one step."""
    module, _, name = storage.rpartition(".")
    config = {"postgres_url": with_driver(url)}
    settings = {
        "storage": {"custom": {"module": module, "class": name, "config": config}},
        "telemetry": {"enabled": False},
        "concurrency": {"pools": {"default_limit": 1}},
    }
    with tempfile.TemporaryDirectory() as home:
        (Path(home) / "dagster.yaml").write_text(yaml.safe_dump(settings))
        with dg.DagsterInstance.from_config(home) as instance:
            yield instance


def with_driver(url: str) -> str:
    """A libpq URL as SQLAlchemy takes it for psycopg2."""
    return url.replace("postgresql://", "postgresql+psycopg2://")
