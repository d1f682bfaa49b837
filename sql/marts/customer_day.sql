-- one row a customer and day who bought or reviewed; the lines of nobody known are one row a country and day
insert into intermediate.customer_day (
    customer_key, country_key, lines, pieces, invoices, amount_spent, reviews, positive_reviews, batch_id, insert_date
)
with invoice as (
    select
        insert_date,
        customer_key,
        case when customer_key = -1 then country_key end as nobodys_country,
        max(country_key) as country_key,
        count(*) as lines,
        sum(quantity) as pieces,
        sum(amount) as amount
    from marts.fact_purchase_line
    where insert_date >= %(first_day)s and insert_date < %(end_day)s
    group by insert_date, customer_key, case when customer_key = -1 then country_key end, invoice_number
),

bought as (
    select
        insert_date,
        customer_key,
        max(country_key) as country_key,
        sum(lines) as lines,
        sum(pieces) as pieces,
        count(*) as invoices,
        sum(amount) as amount
    from invoice
    group by insert_date, customer_key, nobodys_country
),

reviewed as (
    select
        insert_date,
        customer_key,
        count(*) as reviews,
        count(case when positive_review then 1 end) as positive_reviews
    from marts.fact_review
    where insert_date >= %(first_day)s and insert_date < %(end_day)s
    group by insert_date, customer_key
)

select
    coalesce(bought.customer_key, reviewed.customer_key) as customer_key,
    coalesce(bought.country_key, -1) as country_key,
    cast(coalesce(bought.lines, 0) as int) as lines,
    cast(coalesce(bought.pieces, 0) as bigint) as pieces,
    cast(coalesce(bought.invoices, 0) as int) as invoices,
    cast(coalesce(bought.amount, 0) as decimal(18, 5)) as amount_spent,
    cast(coalesce(reviewed.reviews, 0) as int) as reviews,
    cast(coalesce(reviewed.positive_reviews, 0) as int) as positive_reviews,
    %(batch_id)s as batch_id,
    coalesce(bought.insert_date, reviewed.insert_date) as insert_date
from bought
full outer join reviewed
    on bought.insert_date = reviewed.insert_date and bought.customer_key = reviewed.customer_key
order by coalesce(bought.insert_date, reviewed.insert_date)
