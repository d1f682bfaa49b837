-- one row a UTC day on which the shop invoiced anything: the number of its purchase lines
select
    cast(invoice_date as date) as insert_date,
    count(*) as line_count
from retail.user_purchase
where invoice_date >= %(first_moment)s and invoice_date < %(end_moment)s
group by cast(invoice_date as date)
