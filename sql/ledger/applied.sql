-- one row an applied migration and each time that it was applied, the last time last
select
    m.migration_id as id,
    m.applied_at_utc as at,
    l.comment as digest
from audit._yoyo_migration as m
left join audit._yoyo_log as l on m.migration_hash = l.migration_hash and l.operation = 'apply'
order by m.migration_id, l.created_at_utc
