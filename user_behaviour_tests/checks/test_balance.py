"""Rows wanted against rows found, as streams that ascend by file and line."""

import pytest

from user_behaviour.checks.every_asset import Balance, balance

A2, A9, A10, B2 = ("a.csv", 2), ("a.csv", 9), ("a.csv", 10), ("b.csv", 2)


@pytest.mark.parametrize(
    ("landed", "quarantined", "expected"),
    [
        ([A2, A10, B2], [A9], Balance([4, 3, 1])),
        ([A2, B2], [A9], Balance([4, 2, 1], lost=1, first=A10)),
        ([A2, A9, A10, B2], [A9], Balance([4, 4, 1], surplus=1, first=A9)),
        # What is lost is named before what is too many.
        ([A2, A2, A9, A10], [], Balance([4, 4, 0], lost=1, surplus=1, first=B2)),
        ([A10, A10, B2], [], Balance([4, 3, 0], lost=2, surplus=1, first=A2)),
        ([], [], Balance([4, 0, 0], lost=4, first=A2)),
    ],
)
def test_what_is_found_together_is_weighed_against_what_is_wanted(
    landed: list[tuple[str, int]], quarantined: list[tuple[str, int]], expected: Balance
) -> None:
    assert balance(iter([A2, A9, A10, B2]), iter(landed), iter(quarantined)) == expected
