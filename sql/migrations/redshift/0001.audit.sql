-- What the warehouse keeps of its writers and of the partitions they published.
create schema if not exists audit;

-- one row: writers lock this table first, so that they queue and readers of the metric do not
-- A table of one row is neither spread nor compressed; `all` puts it where every node finds it.
create table audit.writer_lock (
    table_name varchar(127) not null encode raw
)
diststyle all;

-- one row a published day of a warehouse table
-- Read alone, by table and days, and never joined: `even` gives no slice more than the others. The sort key is what
-- readers and writers select by; its first column stays raw, so that a block of it covers no more rows than a block of
-- the columns that are read with it. `sources` and `facts` are JSON texts that resemble each other: zstd.
create table audit.published_partition (
    table_name varchar(127) not null encode raw,
    insert_date date not null encode az64,
    batch_id varchar(64) not null encode zstd,
    written_at timestamp not null encode az64,
    row_count int not null encode az64,
    sources varchar(65535) not null encode zstd,
    facts varchar(65535) not null encode zstd
)
diststyle even
compound sortkey (table_name, insert_date);
