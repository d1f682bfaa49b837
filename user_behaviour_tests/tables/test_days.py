"""Days and ranges of days."""

from datetime import date

from user_behaviour.tables.days import DayRange, days_of, ranges


def december(*days: int) -> list[date]:
    return [date(2010, 12, day) for day in days]


def test_a_range_holds_both_its_ends() -> None:
    span = DayRange(date(2010, 12, 31), date(2011, 1, 2))

    assert span.days() == [date(2010, 12, 31), date(2011, 1, 1), date(2011, 1, 2)]
    assert span.end == date(2011, 1, 3)


def test_a_range_is_cut_into_ranges_of_a_bounded_length_of_which_the_last_may_be_shorter() -> None:
    assert DayRange(*december(1, 5)).cut(2) == [DayRange(*december(*ends)) for ends in ((1, 2), (3, 4), (5, 5))]
    assert DayRange(*december(1, 2)).cut(2) == [DayRange(*december(1, 2))]


def test_the_tags_of_a_range_are_those_that_dagster_runs_it_by_and_shows() -> None:
    assert DayRange(*december(1, 3)).tags() == {
        "dagster/asset_partition_range_start": "2010-12-01",
        "dagster/asset_partition_range_end": "2010-12-03",
        "days": "2010-12-01 to 2010-12-03",
    }
    assert DayRange(*december(3, 3)).tags() == {"dagster/partition": "2010-12-03"}


def test_keys_are_days_in_their_order() -> None:
    assert days_of(["2010-12-03", "2010-12-01"]) == december(3, 1)


def test_ranges_are_the_fewest_that_cover_the_days() -> None:
    assert ranges(december(5, 1, 2, 2, 3, 8)) == [
        DayRange(*december(1, 3)),
        DayRange(*december(5, 5)),
        DayRange(*december(8, 8)),
    ]
    assert ranges([]) == []


def test_a_range_goes_over_a_gap_only_where_it_is_let() -> None:
    days = december(1, 3, 6)

    assert ranges(days, bridges=december(2)) == [DayRange(*december(1, 3)), DayRange(*december(6, 6))]
    assert ranges(days, bridges=december(1, 2, 3, 4, 6)) == [DayRange(*december(1, 3)), DayRange(*december(6, 6))]
    assert ranges(days, bridges=december(*range(1, 7))) == [DayRange(*december(1, 6))]
