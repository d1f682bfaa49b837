-- Which published numbers changed, when and why, and the rows as they were before.
-- When a day was published first; of the days before this migration, when they were written last.
alter table audit.published_partition add column if not exists first_written_at timestamp;

update audit.published_partition set first_written_at = written_at
where first_written_at is null;

-- one row a day and time that its numbers in the metric changed
create table if not exists audit.restatement (
    moment timestamp not null,
    batch_id varchar(64) not null,
    customers_before int not null,
    customers_after int not null,
    amount_spent_before decimal(28, 5) not null,
    amount_spent_after decimal(28, 5) not null,
    review_count_before int not null,
    review_count_after int not null,
    review_score_before int not null,
    review_score_after int not null,
    rows_changed int not null,
    cause varchar(65535) not null,
    insert_date date not null
);

-- one row a customer and day of the metric as it was until a restatement, whose moment is superseded_at
create table if not exists audit.superseded_metric (
    customerid int not null,
    amount_spent decimal(18, 5) not null,
    review_score int not null,
    review_count int not null,
    batch_id varchar(64) not null,
    superseded_at timestamp not null,
    insert_date date not null
);

create index if not exists superseded_metric_day on audit.superseded_metric (insert_date, superseded_at);
