-- one row a customer who bought or reviewed in the range, as the last of its days that names a country has them
select
    strtol(substring(md5(cast(customer_id as varchar(11))), 1, 15), 16) as customer_key,
    customer_id,
    coalesce(country, 'unknown') as country,
    %(batch_id)s as batch_id,
    case when country is null then date '1900-01-01' else insert_date end as described_on
from (
    select
        customer_id,
        country,
        insert_date,
        row_number() over (
            partition by customer_id order by case when country is null then 1 else 0 end, insert_date desc
        ) as place
    from (
        select
            customer_id,
            country,
            insert_date
        from customers_who_bought
        union all
        select
            customer_id,
            null as country,
            insert_date
        from customers_who_reviewed
    ) as seen
    where customer_id is not null and insert_date >= %(first_day)s and insert_date < %(end_day)s
) as newest
where place = 1
