"""Six days of a shop and its vendor, written by hand, and the metric that they make."""

from datetime import date
from decimal import Decimal

from user_behaviour_tests.graph.installation import Installation, Line, Row

DAYS = [f"2011-03-{day:02}" for day in range(1, 7)]
SETTINGS = {"USER_BEHAVIOUR_FIRST_DAY": DAYS[0], "USER_BEHAVIOUR_LAST_DAY": DAYS[-1]}

LINES: list[Line] = [
    ("2011-03-01 09:00:00", 3, "1.005", "A", 12346),
    ("2011-03-01 23:59:59.999999", 10, "2.000", "B", 12346),
    ("2011-03-01 10:00:00", 2, "99.000", "A", 12346),  # not more than two pieces
    ("2011-03-01 11:00:00", 6, "1.500", "C", 12350),  # buys, writes nothing
    ("2011-03-02 00:00:00", 7, "1.000", "A", 12346),
    ("2011-03-03 12:00:00", 4, "2.500", "A", 12350),
    ("2011-03-04 12:00:00", 5, "0.500", "A", 12346),
    ("2011-03-04 12:00:00", 4, "0.125", "A", 12350),
    ("2011-03-06 12:00:00", 3, "7.000", "A", 12346),  # its review comes late
]
REVIEWS = {
    "2011-03-01": '12346,"A good film, and\r\nwell ""played"""\n12346,Not for me\n17850,good but bought nothing\n',
    "2011-03-02": "12346,GOOD again\n",
    "2011-03-03": "12350,dull\n12350,so good.\n",  # with its full stop it is not the token
    "2011-03-04": "12346,good\n12350,good good\n12350,bad\n",
    "2011-03-05": "12346,good on a day without purchases\n",
}
METRIC: list[Row] = [
    (date(2011, 3, 1), 12346, Decimal("23.01500"), 1, 2),
    (date(2011, 3, 2), 12346, Decimal("7.00000"), 1, 1),
    (date(2011, 3, 3), 12350, Decimal("10.00000"), 0, 2),
    (date(2011, 3, 4), 12346, Decimal("2.50000"), 1, 1),
    (date(2011, 3, 4), 12350, Decimal("0.50000"), 1, 2),
]

LATE_DAY = DAYS[-1]
LATE_REVIEWS = "12346,a good one at last\n"
LATE_METRIC: Row = (date(2011, 3, 6), 12346, Decimal("21.00000"), 1, 1)


def open_shop(shop: Installation) -> None:
    """Sells and delivers all of it but the late file."""
    shop.sell(LINES)
    for day, reviews in REVIEWS.items():
        deliver(shop, day, reviews)


def deliver(shop: Installation, day: str, reviews: str) -> None:
    """Puts the day's vendor file where the vendor drops it."""
    shop.deliver(f"movie_review_{day}.csv", f"cid,review_str\n{reviews}")
