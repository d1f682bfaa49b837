-- What runs, checks and sensors need; given anew after each migration, so that this file grows with the tables.
grant usage on schema public, audit, spectrum, staging, intermediate, marts to %(database_user)s;

grant select on all tables in schema audit to %(database_user)s;

grant select, insert, delete on public.user_behavior_metric, audit.published_partition to %(database_user)s;

grant select on all tables in schema marts to %(database_user)s;

grant select, insert, delete
on marts.fact_purchase_line, marts.fact_review, intermediate.customer_day
to %(database_user)s;

-- A dimension's members are described anew, and stay.
grant insert, update on marts.dim_customer, marts.dim_country, marts.dim_product to %(database_user)s;

grant insert on audit.restatement to %(database_user)s;

grant insert, delete on audit.superseded_metric to %(database_user)s;

-- LOCK TABLE asks for a privilege to change the table.
grant select, insert, update, delete on audit.writer_lock to %(database_user)s;

grant assumerole on %(iam_role)s to %(database_user)s for copy, unload; -- noqa: PRS
