-- one row a customer and planned day of the metric as it is, as it would be, or both; zero where there is no row
select
    coalesce(metric.insert_date, planned.insert_date) as insert_date,
    coalesce(metric.customerid, planned.customerid) as customerid,
    case when metric.customerid is null then 0 else 1 end as rows_before,
    case when planned.customerid is null then 0 else 1 end as rows_after,
    coalesce(metric.amount_spent, 0) as amount_before,
    coalesce(planned.amount_spent, 0) as amount_after,
    coalesce(metric.review_count, 0) as reviews_before,
    coalesce(planned.review_count, 0) as reviews_after,
    coalesce(metric.review_score, 0) as positive_before,
    coalesce(planned.review_score, 0) as positive_after,
    case
        when
            metric.amount_spent = planned.amount_spent and metric.review_count = planned.review_count
            and metric.review_score = planned.review_score
            then 0
        else 1
    end as rows_changed
from public.user_behavior_metric as metric
full outer join planned_metric as planned
    on metric.insert_date = planned.insert_date and metric.customerid = planned.customerid
where coalesce(metric.insert_date, planned.insert_date) in %(days)s
