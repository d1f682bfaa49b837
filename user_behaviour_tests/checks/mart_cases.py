"""How the claims about stage marts are broken: a table of cases."""

from user_behaviour.tables.marts import MARTS
from user_behaviour_tests.checks.case import Case
from user_behaviour_tests.checks.every_asset_cases import PUBLISHED
from user_behaviour_tests.checks.sabotage import in_warehouse

CASES = [
    *(
        Case(
            f"{table.name.replace('.', '/')}:{PUBLISHED}",
            "it is not recorded as written",
            in_warehouse("delete from audit.published_partition where insert_date = %(day)s"),
            f"not written to {table.name}",
        )
        for table in MARTS
    ),
    Case(
        "intermediate/customer_day:views_agree_with_the_metric",
        "a customer spent more than the metric says",
        in_warehouse(
            "update intermediate.customer_day set amount_spent = amount_spent + 1 where insert_date = %(day)s "
            "and customer_key = (select customer_key from marts.dim_customer where customer_id = 14000)"
        ),
        "the metric and marts.left_out_by_the_join: 18.00000 and 12 reviews, expected 19.00000 and 12",
    ),
]
