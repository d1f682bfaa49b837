-- one row a month with rows of planned days, and one of `all`: the metric as it is, and as it would be
with changes as (
    select
        to_char(insert_date, 'YYYY-MM') as month,
        *
    from metric_change
    union all
    select
        'all' as month,
        *
    from metric_change
)

select
    month,
    sum(rows_changed) as rows_changed,
    count(distinct case when rows_before = 1 then customerid end) as customers_before,
    count(distinct case when rows_after = 1 then customerid end) as customers_after,
    sum(rows_before) as rows_before,
    sum(rows_after) as rows_after,
    sum(amount_before) as amount_before,
    sum(amount_after) as amount_after,
    sum(reviews_before) as reviews_before,
    sum(reviews_after) as reviews_after,
    sum(positive_before) as positive_before,
    sum(positive_after) as positive_after
from changes
group by month
order by month
