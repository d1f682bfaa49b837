-- Who may read the warehouse: analysts and BI tools as user_behaviour_reader, who can do nothing else.
-- Given anew after each migration; tables that another migration makes are readable from the start.

revoke all on database warehouse from public;

-- Temporary tables hold what `query --as-of` asks for; Redshift lets every user make some.
grant connect, temporary on database warehouse to user_behaviour_reader;

grant usage on schema public, audit, spectrum, staging, intermediate, marts to user_behaviour_reader;

grant select on all tables in schema public, spectrum, staging, intermediate, marts to user_behaviour_reader;

grant select on audit.published_partition, audit.restatement, audit.superseded_metric to user_behaviour_reader;

alter default privileges in schema public, spectrum, staging, intermediate, marts
grant select on tables to user_behaviour_reader;
