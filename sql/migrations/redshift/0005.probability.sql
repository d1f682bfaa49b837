-- Nothing to do here: `user-behaviour migrate` adds columns to the external tables.
select 1;
