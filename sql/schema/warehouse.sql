-- The warehouse of the local deployment: the metric, the audit of published partitions, and tables that stand for the
-- external ones. Texts are checked by bytes, because Redshift counts bytes.
create schema if not exists spectrum;

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

-- one row a registered partition of an external table: what AWS Glue keeps
create table if not exists spectrum.registered_partition (
    table_name varchar(127) not null,
    insert_date date not null,
    location varchar(1024) not null,
    batch_id varchar(64) not null,
    row_count int not null,
    registered_at timestamp not null,
    primary key (table_name, insert_date)
);

-- one row a staged purchase line
create table if not exists spectrum.user_purchase_staging (
    invoice_number varchar(10) check (octet_length(invoice_number) <= 10),
    stock_code varchar(20) check (octet_length(stock_code) <= 20),
    detail varchar(1000) check (octet_length(detail) <= 1000),
    quantity int,
    invoice_date timestamp,
    unit_price decimal(8, 3),
    customer_id int,
    country varchar(20) check (octet_length(country) <= 20),
    batch_id varchar(64),
    insert_date date not null
);

create index if not exists user_purchase_staging_day on spectrum.user_purchase_staging (insert_date);

-- one row a review
create table if not exists spectrum.movie_review_clean_stage (
    cid varchar(10) check (octet_length(cid) <= 10),
    positive_review boolean,
    classifier varchar(64),
    classifier_version varchar(16),
    source_file varchar(255) check (octet_length(source_file) <= 255),
    line_number int,
    batch_id varchar(64),
    insert_date date not null
);

create index if not exists movie_review_clean_stage_day on spectrum.movie_review_clean_stage (insert_date);

-- one row a customer and day
create table if not exists public.user_behavior_metric (
    customerid int not null,
    amount_spent decimal(18, 5) not null,
    review_score int not null,
    review_count int not null,
    batch_id varchar(64) not null,
    insert_date date not null
);

create index if not exists user_behavior_metric_day on public.user_behavior_metric (insert_date);
