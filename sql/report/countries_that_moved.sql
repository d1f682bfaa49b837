-- one row a country whose customers spent more or less in the seven days up to a day than in the seven before
with country as (
    select
        country.country,
        sum(case when bought.insert_date < %(week)s then bought.amount_spent else 0 end) as before,
        sum(case when bought.insert_date >= %(week)s then bought.amount_spent else 0 end) as after
    from intermediate.customer_day as bought
    inner join marts.dim_country as country on bought.country_key = country.country_key
    where
        bought.insert_date >= %(first_day)s and bought.insert_date < %(end_day)s
        and bought.customer_key <> -1 and bought.lines > 0 and bought.reviews > 0
    group by country.country
)

select
    country as name,
    before,
    after
from country
where before <> after
order by abs(before - after) desc, country asc
limit 10
