-- one row a purchase line that the shop invoiced in [first_moment, end_moment); nothing is filtered
select
    invoice_number,
    stock_code,
    detail,
    quantity,
    invoice_date,
    unit_price,
    customer_id,
    country
from retail.user_purchase
where invoice_date >= %(first_moment)s and invoice_date < %(end_moment)s
order by invoice_date
