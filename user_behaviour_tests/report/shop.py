"""Nine Fridays of a shop, by hand: the last has few customers, and a day before it a file that cannot be read."""

from datetime import date, timedelta

from user_behaviour_tests.graph.installation import Installation, Line

DAY = date(2011, 3, 4)  # a Friday
FRIDAYS = [DAY - timedelta(weeks=n) for n in range(8, -1, -1)]
BROKEN = DAY - timedelta(days=15)


def open_shop(shop: Installation) -> None:
    """Each customer buys for 10.00 and writes two reviews; one more on the last day only buys, and one is not known."""
    lines: list[Line] = []
    for number, day in enumerate(FRIDAYS):
        customers = range(12346, 12346 + (3 if day == DAY else 4 + number % 3))
        lines += [(f"{day} 12:00:00", 4, "2.500", "A", customer) for customer in customers]
        reviews = "".join(f"{customer},good\n{customer},dull\n" for customer in customers)
        shop.deliver(f"movie_review_{day}.csv", f"cid,review_str\n{reviews}")
    shop.sell([*lines, (f"{DAY} 13:00:00", 5, "7.000", "B", None), (f"{DAY} 14:00:00", 6, "1.005", "C", 14000)])
    shop.deliver(f"movie_review_{BROKEN}.csv", "<b>customer</b>,review\n")
