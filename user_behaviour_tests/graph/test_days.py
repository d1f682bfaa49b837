"""From purchases and vendor files to the metric: rows written by hand, one run, the whole result."""

from datetime import date
from decimal import Decimal

from user_behaviour_tests.graph.installation import Installation, failure_messages, materialized


def test_a_day_of_both_sides_becomes_one_row_a_customer(installation: Installation) -> None:
    installation.sell(
        [
            ("2011-01-03 09:00:00", 3, "1.005", "A", 12346),
            ("2011-01-03 23:59:59.999999", 10, "2.000", "B", 12346),
            ("2011-01-03 10:00:00", 2, "99.000", "A", 12346),  # not more than two pieces
            ("2011-01-03 10:00:00", -5, "1.000", "A", 12346),  # a return
            ("2011-01-03 10:00:00", 4, "1.000", "A", None),  # nobody knows who
            ("2011-01-03 11:00:00", 6, "1.500", "C", 12350),  # buys, writes nothing
            ("2011-01-04 00:00:00", 7, "1.000", "A", 12346),  # the next day
        ]
    )
    installation.deliver(
        "movie_review_2011-01-03.csv",
        "cid,review_str\r\n"
        '12346,"A good film, and\r\nwell ""played"""\r\n'
        "12346,Not for me\r\n"
        "12346,so good.\r\n"  # with its full stop it is not the token
        "17850,good but bought nothing\r\n",
    )
    installation.deliver("movie_review_2011-01-04.csv", "cid,review_str\n12346,GOOD again\n")
    result = installation.run("2011-01-02", "2011-01-04")
    assert result.success, failure_messages(result)
    assert installation.metric("2011-01-02", "2011-01-04") == [
        (date(2011, 1, 3), 12346, Decimal("23.01500"), 1, 3),
        (date(2011, 1, 4), 12346, Decimal("7.00000"), 1, 1),
    ]
    assert materialized(result)["public/user_behavior_metric"] == ["2011-01-02", "2011-01-03", "2011-01-04"]


def test_a_day_alone_and_a_range_give_the_same_rows(installation: Installation) -> None:
    installation.sell([(f"2011-01-{day:02} 12:00:00", day, "1.250", "A", 13000) for day in range(10, 14)])
    for day in range(10, 14):
        installation.deliver(f"movie_review_2011-01-{day}.csv", "cid,review_str\n13000,good\n13000,bad\n")
    assert installation.run("2011-01-10", "2011-01-13").success
    by_range = installation.metric("2011-01-10", "2011-01-13")
    assert len(by_range) == 4
    for day in range(10, 14):
        assert installation.run_day(f"2011-01-{day}").success
    assert installation.metric("2011-01-10", "2011-01-13") == by_range
