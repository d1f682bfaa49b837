-- Views that answer what people ask. Sentiment is what most of somebody's reviews in question say: positive, negative,
-- mixed where they are even, or no review. Whoever nobody knows counts as money and lines, and not as a customer.

-- one row a day of which the metric is published; a view, since all of it follows from the day
create view marts.dim_date as
select
    cast(to_char(insert_date, 'YYYYMMDD') as int) as date_key,
    cast(date_trunc('month', insert_date) as date) as month,
    cast(12 * extract(year from insert_date) + extract(month from insert_date) as int) as month_number,
    cast(date_trunc('quarter', insert_date) as date) as quarter,
    cast(extract(year from insert_date) as int) as year,
    mod(cast(extract(dow from insert_date) as int) + 6, 7) + 1 as weekday,
    cast(trim(to_char(insert_date, 'Day')) as varchar(9)) as weekday_name,
    insert_date
from audit.published_partition
where table_name = 'public.user_behavior_metric';

-- one row a month and country: who bought and reviewed, and how; reviews of a day without a purchase count where the
-- customer was last said to be
create view marts.spend_and_sentiment_by_month as
with customer_day as (
    select
        day.month,
        case when bought.country_key = -1 then customer.country else country.country end as country,
        case when bought.lines > 0 and bought.customer_key <> -1 then bought.customer_key end as buyer,
        case when bought.reviews > 0 then bought.customer_key end as reviewer,
        bought.amount_spent,
        bought.reviews,
        bought.positive_reviews
    from intermediate.customer_day as bought
    inner join marts.dim_date as day on bought.insert_date = day.insert_date
    inner join marts.dim_customer as customer on bought.customer_key = customer.customer_key
    inner join marts.dim_country as country on bought.country_key = country.country_key
)

select
    month,
    country,
    count(distinct buyer) as customers,
    cast(sum(amount_spent) as decimal(28, 5)) as amount_spent,
    count(distinct reviewer) as reviewers,
    sum(reviews) as reviews,
    sum(positive_reviews) as positive_reviews,
    cast(
        cast(sum(positive_reviews) as decimal(18, 6)) / nullif(cast(sum(reviews) as decimal(12, 0)), 0)
        as decimal(7, 6)
    ) as positive_share
from customer_day
group by month, country;

-- one row a month, segment and sentiment of the customers who bought in the twelve months to the month's end
-- RFM: quintiles of the last purchase's day, of the number of invoices and of the money; equals share a quintile. The
-- segments are a grid of recency and of the mean of the other two.
create view marts.customer_segments_by_month as
with months as (
    select distinct
        month,
        month_number
    from marts.dim_date
),

customers as (
    select
        months.month,
        bought.customer_key,
        max(case when bought.lines > 0 then bought.insert_date end) as last_bought,
        sum(bought.invoices) as invoices,
        sum(bought.amount_spent) as amount_spent,
        sum(bought.reviews) as reviews,
        sum(bought.positive_reviews) as positive_reviews
    from intermediate.customer_day as bought
    inner join marts.dim_date as day on bought.insert_date = day.insert_date
    inner join months on day.month_number between months.month_number - 11 and months.month_number
    where bought.customer_key <> -1
    group by months.month, bought.customer_key
    having sum(bought.lines) > 0
),

scored as (
    select
        month,
        amount_spent,
        reviews,
        positive_reviews,
        1 + 5 * (rank() over (partition by month order by last_bought) - 1)
        / count(*) over (partition by month) as recency,
        1 + 5 * (rank() over (partition by month order by invoices) - 1)
        / count(*) over (partition by month) as frequency,
        1 + 5 * (rank() over (partition by month order by amount_spent) - 1)
        / count(*) over (partition by month) as money
    from customers
),

segmented as (
    select
        month,
        amount_spent,
        case
            when recency = 5 and frequency + money >= 7 then 'champions'
            when recency >= 3 and frequency + money >= 7 then 'loyal customers'
            when recency >= 4 and frequency + money >= 3 then 'potential loyalists'
            when recency = 5 then 'new customers'
            when recency = 4 then 'promising'
            when recency = 3 and frequency + money >= 5 then 'need attention'
            when recency = 3 then 'about to sleep'
            when frequency + money >= 9 then 'cannot lose them'
            when frequency + money >= 5 then 'at risk'
            else 'hibernating'
        end as segment,
        case
            when reviews = 0 then 'no review'
            when 2 * positive_reviews > reviews then 'positive'
            when 2 * positive_reviews < reviews then 'negative'
            else 'mixed'
        end as sentiment
    from scored
)

select
    month,
    cast(segment as varchar(20)) as segment,
    cast(sentiment as varchar(10)) as sentiment,
    count(*) as customers,
    cast(sum(amount_spent) as decimal(28, 5)) as amount_spent
from segmented
group by month, segment, sentiment;

-- one row a month and sentiment: the customers who bought in the month, by what they said in it
create view marts.sentiment_and_spend as
with customers as (
    select
        day.month,
        sum(bought.amount_spent) as amount_spent,
        sum(bought.reviews) as reviews,
        sum(bought.positive_reviews) as positive_reviews
    from intermediate.customer_day as bought
    inner join marts.dim_date as day on bought.insert_date = day.insert_date
    where bought.customer_key <> -1
    group by day.month, bought.customer_key
    having sum(bought.lines) > 0
),

with_sentiment as (
    select
        month,
        amount_spent,
        case
            when reviews = 0 then 'no review'
            when 2 * positive_reviews > reviews then 'positive'
            when 2 * positive_reviews < reviews then 'negative'
            else 'mixed'
        end as sentiment
    from customers
)

select
    month,
    cast(sentiment as varchar(10)) as sentiment,
    count(*) as customers,
    cast(sum(amount_spent) as decimal(28, 5)) as amount_spent,
    cast(cast(sum(amount_spent) as decimal(22, 5)) / cast(count(*) as decimal(9, 0)) as decimal(18, 5))
        as amount_per_customer
from with_sentiment
group by month, sentiment;

-- one row a product: its customers, and those of them who are unhappy: most of their reviews, ever, are not positive
create view marts.products_of_unhappy_customers as
with customers as (
    select
        customer_key,
        case when 2 * sum(positive_reviews) < sum(reviews) then 1 else 0 end as is_unhappy
    from intermediate.customer_day
    where customer_key <> -1
    group by customer_key
),

bought as (
    select
        product_key,
        customer_key,
        count(*) as lines,
        sum(amount) as amount
    from marts.fact_purchase_line
    where customer_key <> -1
    group by product_key, customer_key
)

select
    product.stock_code,
    product.detail,
    count(*) as customers,
    sum(customers.is_unhappy) as unhappy_customers,
    cast(cast(sum(customers.is_unhappy) as decimal(18, 6)) / cast(count(*) as decimal(12, 0)) as decimal(7, 6))
        as unhappy_share,
    cast(sum(bought.lines) as bigint) as lines,
    cast(sum(bought.amount) as decimal(28, 5)) as amount_spent
from bought
inner join customers on bought.customer_key = customers.customer_key
inner join marts.dim_product as product on bought.product_key = product.product_key
group by product.stock_code, product.detail;

-- one row a day: what the metric has not, since its join is of customers who bought and reviewed on the day
create view marts.left_out_by_the_join as
select
    insert_date,
    count(case when customer_key <> -1 and reviews = 0 then 1 end) as customers_without_review,
    cast(
        sum(case when customer_key <> -1 and reviews = 0 then amount_spent else 0 end) as decimal(28, 5)
    ) as money_without_review,
    sum(case when lines = 0 then reviews else 0 end) as reviews_without_purchase,
    sum(case when customer_key = -1 then lines else 0 end) as lines_without_customer,
    cast(sum(case when customer_key = -1 then amount_spent else 0 end) as decimal(28, 5)) as money_without_customer
from intermediate.customer_day
group by insert_date;
