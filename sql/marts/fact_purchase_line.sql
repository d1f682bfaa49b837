-- one row a staged purchase line, with the keys of its day, customer (-1: nobody known), country and product
insert into marts.fact_purchase_line (
    date_key, customer_key, country_key, product_key, invoice_number, invoice_date, quantity, unit_price, amount,
    batch_id, insert_date
)
select
    dates.date_key,
    coalesce(customer.customer_key, -1) as customer_key,
    country.country_key,
    product.product_key,
    line.invoice_number,
    line.invoice_date,
    line.quantity,
    line.unit_price,
    cast(line.quantity * line.unit_price as decimal(18, 5)) as amount,
    %(batch_id)s as batch_id,
    line.insert_date
from lines_bought as line
inner join marts.dim_date as dates on line.insert_date = dates.insert_date
inner join marts.dim_country as country on line.country = country.country and country.country_key <> -1
inner join marts.dim_product as product on line.stock_code = product.stock_code and product.product_key <> -1
left outer join marts.dim_customer as customer on line.customer_id = customer.customer_id
where line.insert_date >= %(first_day)s and line.insert_date < %(end_day)s
