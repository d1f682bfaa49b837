"""How the claims about stage warehouse are broken: a table of cases."""

from user_behaviour_tests.checks.case import Case
from user_behaviour_tests.checks.sabotage import in_warehouse

CUSTOMER = "where insert_date = %(day)s and customerid = 14000"
ONCE = "public/user_behavior_metric:one_row_per_customer_and_day"
CONSERVED = "public/user_behavior_metric:money_and_reviews_are_conserved"
POSSIBLE = "public/user_behavior_metric:figures_are_possible"

CASES = [
    Case(
        ONCE,
        "a row stands twice",
        in_warehouse(f"insert into public.user_behavior_metric select * from public.user_behavior_metric {CUSTOMER}"),
        "customer 14000 has 2 rows",
    ),
    Case(
        CONSERVED,
        "money is wrong in the last digit",
        in_warehouse(f"update public.user_behavior_metric set amount_spent = amount_spent + 0.00001 {CUSTOMER}"),
        "money in = money out: found 10.50001, expected 10.500",
    ),
    Case(
        CONSERVED,
        "a review is counted twice",
        in_warehouse(f"update public.user_behavior_metric set review_count = review_count + 1 {CUSTOMER}"),
        "reviews in = reviews out: found 4, expected 3",
    ),
    Case(
        CONSERVED,
        "a positive review is not counted",
        in_warehouse(f"update public.user_behavior_metric set review_score = review_score - 1 {CUSTOMER}"),
        "positive reviews in = review score out: found 1, expected 2",
    ),
    Case(
        CONSERVED,
        "a customer is missing",
        in_warehouse(f"delete from public.user_behavior_metric {CUSTOMER}"),
        "money in = money out: found 6.00000, expected 10.500",
        offences=3,
    ),
    Case(
        CONSERVED,
        "all rows of the day are missing",
        in_warehouse("delete from public.user_behavior_metric where insert_date = %(day)s"),
        "money in = money out: found 0.00000, expected 10.500",
        offences=3,
    ),
    Case(
        POSSIBLE,
        "more positive reviews than reviews",
        in_warehouse(f"update public.user_behavior_metric set review_score = 3 {CUSTOMER}"),
        "customer 14000: 3 of 2 reviews positive",
    ),
    Case(
        POSSIBLE,
        "a row without a review",
        in_warehouse(f"update public.user_behavior_metric set review_score = 0, review_count = 0 {CUSTOMER}"),
        "customer 14000: 0 of 0 reviews positive",
    ),
]
