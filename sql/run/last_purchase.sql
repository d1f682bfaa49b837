-- one row: the day of the newest purchase line of the source, null where it has none
select cast(max(invoice_date) as date) as last_day
from retail.user_purchase
