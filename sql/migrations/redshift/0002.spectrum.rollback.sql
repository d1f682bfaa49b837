-- The Glue database stays, and with it the external tables and their partitions: others may read them.
drop schema spectrum;
