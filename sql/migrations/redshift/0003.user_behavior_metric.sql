-- one row a customer and day
-- Distribution: by customer. The table is joined and grouped by customer, there are many of them, and none has more
-- than one row a day; by day, the rows of a backfilled or queried day would be on one slice. AUTO would do as well
-- while the table is small (it then means ALL), but AUTO changes by itself, and cannot be compared with this text.
-- Sort key: by day. Days are replaced and read as ranges, and their blocks are found without a scan. It is compound,
-- since interleaved keys gain nothing on a column that only grows.
-- Encodings: raw for the sort key, so that a block of it covers no more rows than a block of the columns that are read
-- with it; az64 is made for numbers; zstd for the batch, a text that a whole day shares.
create table public.user_behavior_metric (
    customerid int not null encode az64,
    amount_spent decimal(18, 5) not null encode az64,
    review_score int not null encode az64,
    review_count int not null encode az64,
    batch_id varchar(64) not null encode zstd,
    insert_date date not null encode raw
)
diststyle key distkey (customerid)
compound sortkey (insert_date);
