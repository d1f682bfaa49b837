-- one row a staged purchase line
select
    invoice_number,
    stock_code,
    quantity,
    invoice_date,
    unit_price,
    customer_id,
    country,
    batch_id,
    insert_date,
    1 as row_count
from spectrum.user_purchase_staging
where insert_date >= %(first_day)s and insert_date < %(end_day)s
