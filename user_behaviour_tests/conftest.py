"""Fixtures that more than one part of the suite uses: an embedded PostgreSQL, AWS as moto has it, the real data."""

import gc
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from dagster._core.storage import local_compute_log_manager
from hypothesis import HealthCheck, settings

from user_behaviour.commands.cli import GARBAGE
from user_behaviour.local import postgres
from user_behaviour.local.stack import Stack
from user_behaviour_tests.cloud.moto_server import Cloud, moto_server
from user_behaviour_tests.cloud.redshift import RedshiftStandIn, redshift_stand_in
from user_behaviour_tests.command_process import end_process_of

REAL_DATA = Path(os.environ.get("USER_BEHAVIOUR_TEST_DATA") or Path(__file__).resolve().parents[2] / "shared" / "data")

# Examples made by hypothesis: the same few in every run of the suite, and others each time by `make search`.
_OPEN = {"deadline": None, "database": None, "suppress_health_check": [HealthCheck.function_scoped_fixture]}
settings.register_profile("suite", derandomize=True, max_examples=12, **_OPEN)
settings.register_profile("search", max_examples=600, print_blob=True, **_OPEN)
settings.load_profile("suite")

# The calendar of the real data. Dagster goes over all days of it at each result of a check.
os.environ["USER_BEHAVIOUR_LAST_DAY"] = "2011-12-09"

# As in every process of an installation: the events of a run are written many at a time, and Python seldom looks for
# garbage.
os.environ["DAGSTER_EVENT_BATCH_SIZE"] = "1000"
gc.set_threshold(GARBAGE)

# A killed process loses nothing of what the system has taken, and no test switches the machine off. Nor does anybody
# guess a test's password: half of the time of a connection went into hashing it 4,096 times.
POSTGRES_AS_SHIPPED = postgres._SETTINGS
postgres._SETTINGS = {**POSTGRES_AS_SHIPPED, "fsync": "off", "scram_iterations": "1"}

# A Dagster in memory is stamped with its newest migration, and reads all for that: once a process is enough.
_MIGRATIONS: dict[str, ScriptDirectory] = {}
_read_migrations = ScriptDirectory.from_config


def _migrations_of(config: Config) -> ScriptDirectory:
    place = config.get_main_option("script_location") or ""
    if place not in _MIGRATIONS:
        _MIGRATIONS[place] = _read_migrations(config)
    return _MIGRATIONS[place]


ScriptDirectory.from_config = _migrations_of  # type: ignore[method-assign,assignment]

# What steps print is pytest's to show: for a file of it Dagster starts two processes a run.
local_compute_log_manager.mirror_stream_to_file = lambda stream, path: nullcontext()  # type: ignore[assignment]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes longest begins first; at the end one process would work on it, and the others have nothing to do."""

    def seconds(item: pytest.Item) -> float:
        marker = item.get_closest_marker("takes")
        return float(marker.args[0]) if marker else 0.0

    items.sort(key=seconds, reverse=True)


@contextmanager
def temporary_home() -> Iterator[Path]:
    """A home in a temporary directory of its own, and not in pytest's; its server is stopped at the end.

    Every pytest that starts closes /tmp/pytest-of-<user> to all other accounts again. For a root who tests, a server
    that runs as `nobody` then loses the way to its own files, and panics at its next checkpoint.
    """
    directory = Path(tempfile.mkdtemp(prefix="user_behaviour_")).resolve()
    try:
        yield directory / "home"
    finally:
        end_process_of(directory / "home")
        Stack(directory / "home").down()
        shutil.rmtree(directory)


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """An embedded PostgreSQL, running; a test that writes cleans up, or writes days of its own."""
    with temporary_home() as home:
        stack = Stack(home)
        stack.up()
        yield stack


@pytest.fixture(scope="session")
def cloud() -> Iterator[Cloud]:
    """AWS, as far as moto goes; a test takes a bucket of its own."""
    with moto_server() as cloud:
        yield cloud


@pytest.fixture(scope="session")
def redshift(stack: Stack, cloud: Cloud) -> Iterator[RedshiftStandIn]:
    """Redshift, as far as the stand-in goes; it reads the S3 and the Glue of `cloud`."""
    with redshift_stand_in(stack.endpoints().warehouse, cloud.aws) as stand_in:
        yield stand_in


@pytest.fixture(scope="module")
def redshift_alone(stack: Stack, cloud: Cloud) -> Iterator[RedshiftStandIn]:
    """Not the one that all share, but of a module alone: an external schema is one for all."""
    with redshift_stand_in(stack.endpoints().warehouse, cloud.aws) as stand_in:
        yield stand_in


@pytest.fixture(scope="session")
def searching() -> bool:
    """Whether this is `make search`: then a test of much data takes all of it, and else a part."""
    return settings.get_current_profile_name() == "search"


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The directory of the real purchases and reviews."""
    if not (REAL_DATA / "online_retail.csv.gz").exists():
        pytest.skip(
            f"the real data is not at {REAL_DATA}; put online_retail.csv.gz and vendor_drops/ there, "
            "or name their directory in USER_BEHAVIOUR_TEST_DATA"
        )
    return REAL_DATA
