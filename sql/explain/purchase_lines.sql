-- one row a purchase line of a customer on a day that the business rule let in
select
    invoice_number,
    stock_code,
    detail,
    quantity,
    invoice_date,
    unit_price,
    customer_id,
    country
from spectrum.user_purchase_staging
where insert_date = %(day)s and customer_id = %(customer)s
order by invoice_date, invoice_number, stock_code, quantity
