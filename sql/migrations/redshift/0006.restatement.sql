-- Which published numbers changed, when and why, and the rows as they were before.
-- When a day was published first; of the days before this migration, when they were written last. Nullable, since
-- Redshift adds no other column without a default.
alter table audit.published_partition add column first_written_at timestamp encode az64;

update audit.published_partition set first_written_at = written_at
where first_written_at is null;

-- one row a day and time that its numbers in the metric changed
-- Read alone or by the few days that changed, and never joined by customer: `even`. Readers select by day, so days are
-- the sort key, and raw (see 0003); az64 is made for numbers and moments; zstd for texts that resemble each other.
create table audit.restatement (
    moment timestamp not null encode az64,
    batch_id varchar(64) not null encode zstd,
    customers_before int not null encode az64,
    customers_after int not null encode az64,
    amount_spent_before decimal(28, 5) not null encode az64,
    amount_spent_after decimal(28, 5) not null encode az64,
    review_count_before int not null encode az64,
    review_count_after int not null encode az64,
    review_score_before int not null encode az64,
    review_score_after int not null encode az64,
    rows_changed int not null encode az64,
    cause varchar(65535) not null encode zstd,
    insert_date date not null encode raw
)
diststyle even
compound sortkey (insert_date);

-- one row a customer and day of the metric as it was until a restatement, whose moment is superseded_at
-- As the metric (0003) but for its distribution: it is read by day, for one customer hardly ever, and a day's rows
-- that were superseded many times would lie on the slice of their customer.
create table audit.superseded_metric (
    customerid int not null encode az64,
    amount_spent decimal(18, 5) not null encode az64,
    review_score int not null encode az64,
    review_count int not null encode az64,
    batch_id varchar(64) not null encode zstd,
    superseded_at timestamp not null encode az64,
    insert_date date not null encode raw
)
diststyle even
compound sortkey (insert_date);
