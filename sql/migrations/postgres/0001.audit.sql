-- What the warehouse keeps of its writers and of the partitions they published.
-- `if not exists`: an installation made before there were migrations has these tables, and is taken over as it is.
create schema if not exists audit;

-- one row: writers lock this table first, so that they queue and readers of the metric do not
create table if not exists audit.writer_lock (
    table_name varchar(127) not null
);

-- one row a published day of a warehouse table
create table if not exists audit.published_partition (
    table_name varchar(127) not null,
    insert_date date not null,
    batch_id varchar(64) not null,
    written_at timestamp not null,
    row_count int not null,
    sources varchar(65535) not null,
    facts varchar(65535) not null
);

create index if not exists published_partition_day on audit.published_partition (table_name, insert_date);
