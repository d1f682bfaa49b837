-- one row a customer and day: customers who bought (a known customer's staged lines) and reviewed on that day;
-- each side is summed before the join, so that no purchase meets a review twice
insert into public.user_behavior_metric (
    customerid, amount_spent, review_score, review_count, batch_id, insert_date
)
with purchases as (
    select
        insert_date,
        customer_id,
        cast(sum(quantity * unit_price) as decimal(18, 5)) as amount_spent
    from spectrum.user_purchase_staging
    where
        insert_date >= %(first_day)s and insert_date < %(end_day)s
        and customer_id is not null
    group by insert_date, customer_id
),

reviews as (
    select
        insert_date,
        cast(cid as int) as customer_id,
        cast(sum(case when positive_review then 1 else 0 end) as int) as review_score,
        cast(count(*) as int) as review_count
    from spectrum.movie_review_clean_stage
    where insert_date >= %(first_day)s and insert_date < %(end_day)s
    group by insert_date, cast(cid as int)
)

select
    purchases.customer_id as customerid,
    purchases.amount_spent,
    reviews.review_score,
    reviews.review_count,
    %(batch_id)s as batch_id,
    purchases.insert_date
from purchases
inner join reviews
    on
        purchases.insert_date = reviews.insert_date
        and purchases.customer_id = reviews.customer_id
