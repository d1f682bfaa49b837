-- The external schema, through which Redshift Spectrum reads the tables of a Glue database. The tables and their
-- partitions are no migrations: `user-behaviour migrate` defines the tables, the pipeline registers the partitions.
-- No region is named, so it is Redshift's own: Spectrum reads only buckets there.
-- It may create a database in Glue, which no transaction takes back:
-- transactional: false
create external schema if not exists spectrum
from data catalog database %(glue_database)s
iam_role %(iam_role)s
create external database if not exists;
