-- one row: the day of the newest purchase line of the source, and of the newest before that day; or null
select
    newest.last_day,
    (
        select cast(max(earlier.invoice_date) as date)
        from retail.user_purchase as earlier
        where earlier.invoice_date < newest.last_day
    ) as day_before
from (select cast(max(invoice_date) as date) as last_day from retail.user_purchase) as newest
