-- one row a day whose figures in the metric are not those of rows_before: what they came to before and after, and how
-- many customers have others; the batch that wrote a row is no figure
with both_rows as (
    select
        insert_date,
        customerid,
        amount_spent,
        review_score,
        review_count,
        1 as rows_before,
        0 as rows_after
    from rows_before
    union all
    select
        insert_date,
        customerid,
        amount_spent,
        review_score,
        review_count,
        0 as rows_before,
        1 as rows_after
    from public.user_behavior_metric
    where insert_date >= %(first_day)s and insert_date < %(end_day)s
),

different_rows as (
    select
        insert_date,
        customerid
    from both_rows
    group by insert_date, customerid, amount_spent, review_score, review_count
    having sum(rows_before) <> sum(rows_after)
),

changed_days as (
    select
        insert_date,
        count(distinct customerid) as rows_changed
    from different_rows
    group by insert_date
)

select
    both_rows.insert_date,
    cast(sum(both_rows.rows_before) as int) as customers_before,
    cast(sum(both_rows.rows_after) as int) as customers_after,
    cast(sum(both_rows.amount_spent * both_rows.rows_before) as decimal(28, 5)) as amount_spent_before,
    cast(sum(both_rows.amount_spent * both_rows.rows_after) as decimal(28, 5)) as amount_spent_after,
    cast(sum(both_rows.review_count * both_rows.rows_before) as int) as review_count_before,
    cast(sum(both_rows.review_count * both_rows.rows_after) as int) as review_count_after,
    cast(sum(both_rows.review_score * both_rows.rows_before) as int) as review_score_before,
    cast(sum(both_rows.review_score * both_rows.rows_after) as int) as review_score_after,
    changed_days.rows_changed
from both_rows
inner join changed_days on both_rows.insert_date = changed_days.insert_date
group by both_rows.insert_date, changed_days.rows_changed
order by both_rows.insert_date
