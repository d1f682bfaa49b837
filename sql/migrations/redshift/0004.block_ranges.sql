-- Nothing to do here: Redshift has no indexes, and the external tables are files.
select 1;
