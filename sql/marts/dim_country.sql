-- one row a country of the range, and its last day there
select
    strtol(substring(md5(country), 1, 15), 16) as country_key,
    country,
    %(batch_id)s as batch_id,
    max(insert_date) as described_on
from countries_seen
where insert_date >= %(first_day)s and insert_date < %(end_day)s
group by country
