-- What Redshift Spectrum and AWS Glue are on AWS: tables that stand for the external ones, and which partitions are
-- registered. Texts are checked by bytes, because Redshift counts bytes; no column of an external table is `not null`.
create schema if not exists spectrum;

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
