-- one row a product of the range, as the last of its days that has a text of it describes it
select
    strtol(substring(md5(stock_code), 1, 15), 16) as product_key,
    stock_code,
    coalesce(detail, 'unknown') as detail,
    %(batch_id)s as batch_id,
    case when detail is null then date '1900-01-01' else insert_date end as described_on
from (
    select
        stock_code,
        detail,
        insert_date,
        row_number() over (
            partition by stock_code order by case when detail is null then 1 else 0 end, insert_date desc
        ) as place
    from products_seen
    where insert_date >= %(first_day)s and insert_date < %(end_day)s
) as newest
where place = 1
