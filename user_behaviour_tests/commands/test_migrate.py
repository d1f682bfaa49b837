"""`user-behaviour migrate` as a user calls it, on a home of its own."""

from collections.abc import Iterator

import pytest

from user_behaviour_tests.command_line import Home, errors, temporary_installation
from user_behaviour_tests.migrations import IDS

METRIC = "0003.user_behavior_metric"


@pytest.fixture(scope="module")
def home() -> Iterator[Home]:
    with temporary_installation() as made:
        yield made


def lines(home: Home, *arguments: str) -> tuple[int, list[str]]:
    call = home.call("migrate", *arguments)
    return call.returncode, call.stdout.splitlines()


def test_migrations_are_checked_taken_back_and_applied(home: Home) -> None:
    count, later = len(IDS), IDS[IDS.index(METRIC) :]
    up_to_date = (0, [f"No drift: {count} migrations, and the tables are what they make."])
    assert lines(home) == (0, [f"The warehouse is up to date: 0 of {count} migrations were new."])
    assert lines(home, "--check") == up_to_date
    asked = home.call("migrate", "--rollback", str(count - 1))
    assert (asked.returncode, errors(asked)[-1]) == (1, "Aborted!")
    newest_first = ", ".join(IDS[:0:-1])
    assert f"Take back {newest_first}, with the tables that they made and the rows in them?" in asked.stdout
    back, forth = [f"{name} is taken back." for name in later[::-1]], [f"{name} is applied." for name in later]
    assert lines(home, "--rollback", str(len(later)), "--yes") == (0, back)
    status, found = lines(home, "--check")
    assert status == 1
    pending = [f"Migration {name} is pending; apply it with `user-behaviour migrate`." for name in later]
    assert found[: len(later)] == pending
    assert "Table public.user_behavior_metric is missing." in found
    assert lines(home) == (0, [*forth, f"The warehouse is up to date: {len(later)} of {count} migrations were new."])
    assert lines(home, "--to", "0002.spectrum", "--yes") == (0, back)
    assert lines(home, "--to", METRIC) == (0, forth[:1])
    assert lines(home, "--to", IDS[-1]) == (0, forth[1:])
    assert lines(home, "--check") == up_to_date


def test_what_cannot_be_done_is_a_line_or_two(home: Home) -> None:
    unknown = home.call("migrate", "--to", "0009.never")
    assert unknown.returncode == 1
    assert "Migration '0009.never' is not in" in errors(unknown)[0]
    both = home.call("migrate", "--check", "--rollback", "1")
    assert (both.returncode, errors(both)[-1]) == (2, "Error: Give one of --rollback, --to, --check and --close.")
