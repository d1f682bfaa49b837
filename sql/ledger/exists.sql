-- one row if there is a ledger: its tables are made in one transaction
select tablename
from pg_tables
where schemaname = 'audit' and tablename = '_yoyo_migration'
