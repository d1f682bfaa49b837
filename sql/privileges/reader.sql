-- Who may read: analysts and BI tools. The schema spectrum cannot be granted by table, only as a whole.
grant usage on schema public, audit, spectrum, staging, intermediate, marts to %(database_user)s;

grant select on all tables in schema public, staging, intermediate, marts to %(database_user)s;

-- What was published, and when; `query --as-of` is answered from these.
grant select on audit.published_partition, audit.restatement, audit.superseded_metric to %(database_user)s;

-- Of the tables that whoever migrates makes later.
alter default privileges in schema public, staging, intermediate, marts grant select on tables to %(database_user)s;
