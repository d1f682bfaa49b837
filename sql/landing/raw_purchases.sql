-- one row a purchase line that the shop invoiced in [first_moment, end_moment); nothing is filtered
-- A moment with a zone becomes its moment in UTC, the zone of the session; one without stays as it is.
select
    invoice_number,
    stock_code,
    detail,
    quantity,
    cast(invoice_date as timestamp) as invoice_date,
    unit_price,
    customer_id,
    country
from retail.user_purchase
where invoice_date >= %(first_moment)s and invoice_date < %(end_moment)s
order by user_purchase.invoice_date
