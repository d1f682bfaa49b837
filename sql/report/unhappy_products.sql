-- one row a product of at least twenty customers, those first of whose customers most are unhappy; ten of them
select
    stock_code,
    detail,
    customers,
    unhappy_customers,
    unhappy_share,
    amount_spent
from marts.products_of_unhappy_customers
where customers >= 20
order by unhappy_share desc, customers desc, stock_code asc
limit 10
