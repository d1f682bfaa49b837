-- The schema audit stays: the log of migrations is in it.
drop table audit.published_partition;

drop table audit.writer_lock;
