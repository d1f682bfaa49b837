-- one row a day of which the metric is published
insert into marts.dim_date (
    date_key, month, month_number, quarter, year, weekday, weekday_name, batch_id, insert_date
)
select
    cast(to_char(insert_date, 'YYYYMMDD') as int) as date_key,
    cast(date_trunc('month', insert_date) as date) as month,
    cast(12 * extract(year from insert_date) + extract(month from insert_date) as int) as month_number,
    cast(date_trunc('quarter', insert_date) as date) as quarter,
    cast(extract(year from insert_date) as int) as year,
    cast(mod(cast(extract(dow from insert_date) as int) + 6, 7) + 1 as int) as weekday,
    trim(to_char(insert_date, 'Day')) as weekday_name,
    %(batch_id)s as batch_id,
    insert_date
from audit.published_partition
where
    table_name = 'public.user_behavior_metric'
    and insert_date >= %(first_day)s and insert_date < %(end_day)s
