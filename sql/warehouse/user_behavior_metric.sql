-- one row a customer and day: customers who bought (a known customer's staged lines) and reviewed on that day;
-- each side was summed before the join, so that no purchase meets a review twice
insert into public.user_behavior_metric (
    customerid, amount_spent, review_score, review_count, batch_id, insert_date
)
select
    purchase.customer_id as customerid,
    cast(purchase.amount as decimal(18, 5)) as amount_spent,
    cast(review.positive_count as int) as review_score,
    cast(review.row_count as int) as review_count,
    %(batch_id)s as batch_id,
    purchase.insert_date
from purchases_by_customer as purchase
inner join reviews_by_customer as review
    on
        purchase.insert_date = review.insert_date
        and purchase.customer_id = review.customer_id
where purchase.insert_date >= %(first_day)s and purchase.insert_date < %(end_day)s
