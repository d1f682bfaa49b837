-- one row a product of the range, as the last of its days that has a text of it describes it
select
    strtol(substring(md5(newest.stock_code), 1, 15), 16) as product_key,
    newest.stock_code,
    coalesce(seen.detail, 'unknown') as detail,
    %(batch_id)s as batch_id,
    coalesce(newest.insert_date, date '1900-01-01') as described_on
from (
    select
        stock_code,
        max(case when detail is not null then insert_date end) as insert_date
    from products_seen
    where insert_date >= %(first_day)s and insert_date < %(end_day)s
    group by stock_code
) as newest
left outer join products_seen as seen
    on newest.stock_code = seen.stock_code and newest.insert_date = seen.insert_date
