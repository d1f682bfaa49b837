-- one row a day that has purchases or reviews: what the metric has of them, and what its inner join leaves out
select
    coalesce(buyers.insert_date, reviewers.insert_date) as insert_date,
    count(case when buyers.customer_id = reviewers.customer_id then 1 end) as customers_in_metric,
    cast(
        coalesce(sum(case when buyers.customer_id = reviewers.customer_id then buyers.amount end), 0) as decimal(28, 3)
    ) as amount_spent,
    cast(
        coalesce(sum(case when buyers.customer_id = reviewers.customer_id then reviewers.row_count end), 0) as int
    ) as review_count,
    cast(
        coalesce(sum(case when buyers.customer_id = reviewers.customer_id then reviewers.positive_count end), 0) as int
    ) as review_score,
    count(case when reviewers.customer_id is null then buyers.customer_id end) as customers_without_review,
    cast(
        coalesce(
            sum(case when reviewers.customer_id is null and buyers.customer_id is not null then buyers.amount end), 0
        ) as decimal(28, 3)
    ) as money_without_review,
    cast(
        coalesce(sum(case when buyers.insert_date is null then reviewers.row_count end), 0) as int
    ) as reviews_without_purchase,
    cast(
        coalesce(
            sum(case when buyers.insert_date is not null and buyers.customer_id is null then buyers.row_count end), 0
        ) as int
    ) as lines_without_customer,
    cast(
        coalesce(
            sum(case when buyers.insert_date is not null and buyers.customer_id is null then buyers.amount end), 0
        ) as decimal(28, 3)
    ) as money_without_customer,
    max(reviewers.classifier) as classifier,
    max(reviewers.classifier_version) as classifier_version
from purchases_by_customer as buyers
full outer join reviews_by_customer as reviewers
    on
        buyers.insert_date = reviewers.insert_date
        and buyers.customer_id = reviewers.customer_id
where
    coalesce(buyers.insert_date, reviewers.insert_date) >= %(first_day)s
    and coalesce(buyers.insert_date, reviewers.insert_date) < %(end_day)s
group by coalesce(buyers.insert_date, reviewers.insert_date)
order by coalesce(buyers.insert_date, reviewers.insert_date)
