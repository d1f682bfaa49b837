-- What the migrations of version 0.2.0 made in the local warehouse, and one day in it. %(lake)s is the lake's URI.
create table audit.writer_lock (table_name varchar(127) not null);
create table audit.published_partition (
    table_name varchar(127) not null, insert_date date not null, batch_id varchar(64) not null,
    written_at timestamp not null, row_count int not null, sources varchar(65535) not null,
    facts varchar(65535) not null
);
create index published_partition_day on audit.published_partition (table_name, insert_date);

create schema spectrum;
create table spectrum.registered_partition (
    table_name varchar(127) not null, insert_date date not null, location varchar(1024) not null,
    batch_id varchar(64) not null, row_count int not null, registered_at timestamp not null,
    primary key (table_name, insert_date)
);
create table spectrum.user_purchase_staging (
    invoice_number varchar(10) check (octet_length(invoice_number) <= 10),
    stock_code varchar(20) check (octet_length(stock_code) <= 20),
    detail varchar(1000) check (octet_length(detail) <= 1000),
    quantity int, invoice_date timestamp, unit_price decimal(8, 3), customer_id int,
    country varchar(20) check (octet_length(country) <= 20),
    batch_id varchar(64), insert_date date not null
);
create index user_purchase_staging_day on spectrum.user_purchase_staging (insert_date);
create table spectrum.movie_review_clean_stage (
    cid varchar(10) check (octet_length(cid) <= 10),
    positive_review boolean, classifier varchar(64), classifier_version varchar(16),
    source_file varchar(255) check (octet_length(source_file) <= 255),
    line_number int, batch_id varchar(64), insert_date date not null
);
create index movie_review_clean_stage_day on spectrum.movie_review_clean_stage (insert_date);

create table public.user_behavior_metric (
    customerid int not null, amount_spent decimal(18, 5) not null, review_score int not null,
    review_count int not null, batch_id varchar(64) not null, insert_date date not null
);
create index user_behavior_metric_day on public.user_behavior_metric (insert_date);

insert into spectrum.user_purchase_staging values
('536365', '20120G', 'VINTAGE FERN APRON', 12, '2010-12-01 08:06', 3.750, 14648, 'France', '8f3a1315', '2010-12-01'),
('536365', '79535', null, 10, '2010-12-01 08:06', 1.950, 14648, 'France', '8f3a1315', '2010-12-01');
insert into spectrum.movie_review_clean_stage values
('14648', true, 'token_good', '1', 'movie_review_2010-12-01.csv', 2, '8f3a1315', '2010-12-01');
insert into spectrum.registered_partition values
(
    'spectrum.user_purchase_staging', '2010-12-01', %(lake)s || '/staged_purchases/insert_date=2010-12-01/8f3a1315/',
    '8f3a1315', 2, '2026-11-26 01:06:38.405900'
),
(
    'spectrum.movie_review_clean_stage', '2010-12-01',
    %(lake)s || '/classified_reviews/insert_date=2010-12-01/8f3a1315/', '8f3a1315', 1, '2026-11-26 01:06:39.571849'
);
insert into audit.published_partition values (
    'public.user_behavior_metric', '2010-12-01', '8f3a1315', '2026-11-26 01:06:42.427638', 1,
    '{"spectrum.user_purchase_staging": "8f3a1315", "spectrum.movie_review_clean_stage": "8f3a1315"}',
    '{"insert_date": "2010-12-01", "customers_in_metric": 1, "customers_without_review": 0, '
    '"money_without_review": "0", "reviews_without_purchase": 0, "lines_without_customer": 0, '
    '"money_without_customer": "0"}'
);
insert into public.user_behavior_metric values (14648, 64.5, 1, 1, '8f3a1315', '2010-12-01');
