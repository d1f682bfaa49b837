-- one row a customer and day whose row of the metric would change, the ten that change most
select
    insert_date,
    customerid,
    amount_before,
    amount_after,
    reviews_before,
    reviews_after,
    positive_before,
    positive_after
from metric_change
where rows_changed = 1
order by
    abs(amount_after - amount_before) desc,
    abs(positive_after - positive_before) desc,
    insert_date asc,
    customerid asc
limit 10
