-- one row a customer and day who spent more than amount_spent, decimal(18, 5), holds
select
    'amount_spent' as column_name,
    'customer ' || cast(customer_id as varchar(11)) as row_name,
    sum(quantity * unit_price) as value  -- noqa: RF04, as the recipe names it
from spectrum.user_purchase_staging
where
    insert_date >= %(first_day)s and insert_date < %(end_day)s
    and customer_id is not null
group by insert_date, customer_id
having abs(sum(quantity * unit_price)) >= 10000000000000
order by insert_date, customer_id
