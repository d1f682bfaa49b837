-- one row: the external schema, and the Glue database that it shows
-- https://docs.aws.amazon.com/redshift/latest/dg/r_SVV_EXTERNAL_SCHEMAS.html
select databasename as glue_database
from svv_external_schemas
where schemaname = 'spectrum'
