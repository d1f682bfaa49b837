drop table audit.superseded_metric;

drop table audit.restatement;

alter table audit.published_partition drop column first_written_at;
