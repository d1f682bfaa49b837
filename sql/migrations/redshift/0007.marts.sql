-- What people look at: a star of dimensions and facts, and what is computed from it once.
-- The key of a dimension's member is a hash of what names it elsewhere, so that it is the same in every warehouse and
-- after every reconstruction; -1 is the member for what nobody knows. The day that no day has described yet is 1900.
-- Distribution: facts and what is computed from them by customer, since they are joined and counted by customer, as the
-- metric is; the lines of nobody known lie on one slice, which is less than what another key would move in each join.
-- Dimensions are small and whole on every node, so that no join with them moves rows.
-- Sort keys: facts by day, which is how they are replaced and read; a dimension by what it is looked up by.
-- Encodings: raw for a sort key, az64 for numbers, dates and moments, zstd for texts; raw for a boolean.
create schema if not exists staging;

create schema if not exists intermediate;

create schema if not exists marts;

-- one row a staged purchase line
create view staging.purchases as
select
    invoice_number,
    stock_code,
    detail,
    quantity,
    invoice_date,
    unit_price,
    customer_id,
    country,
    insert_date
from spectrum.user_purchase_staging
with no schema binding;

-- one row a classified review
create view staging.reviews as
select
    cast(cid as int) as customer_id,
    positive_review,
    probability,
    classifier,
    classifier_version,
    source_file,
    line_number,
    insert_date
from spectrum.movie_review_clean_stage
with no schema binding;

-- one row a customer
create table marts.dim_customer (
    customer_key bigint not null encode az64,
    customer_id int encode raw,
    country varchar(20) not null encode zstd,
    batch_id varchar(64) not null encode zstd,
    described_on date not null encode az64
)
diststyle all
compound sortkey (customer_id);

-- one row a country
create table marts.dim_country (
    country_key bigint not null encode az64,
    country varchar(20) not null encode raw,
    batch_id varchar(64) not null encode zstd,
    described_on date not null encode az64
)
diststyle all
compound sortkey (country);

-- one row a product
create table marts.dim_product (
    product_key bigint not null encode az64,
    stock_code varchar(20) not null encode raw,
    detail varchar(1000) not null encode zstd,
    batch_id varchar(64) not null encode zstd,
    described_on date not null encode az64
)
diststyle all
compound sortkey (stock_code);

insert into marts.dim_customer (customer_key, customer_id, country, batch_id, described_on)
values (-1, null, 'unknown', 'migration', '1900-01-01');

insert into marts.dim_country (country_key, country, batch_id, described_on)
values (-1, 'unknown', 'migration', '1900-01-01');

insert into marts.dim_product (product_key, stock_code, detail, batch_id, described_on)
values (-1, 'unknown', 'unknown', 'migration', '1900-01-01');

-- one row a staged purchase line
create table marts.fact_purchase_line (
    date_key int not null encode az64,
    customer_key bigint not null encode az64,
    country_key bigint not null encode az64,
    product_key bigint not null encode az64,
    invoice_number varchar(10) not null encode zstd,
    invoice_date timestamp not null encode az64,
    quantity int not null encode az64,
    unit_price decimal(8, 3) not null encode az64,
    amount decimal(18, 5) not null encode az64,
    batch_id varchar(64) not null encode zstd,
    insert_date date not null encode raw
)
diststyle key distkey (customer_key)
compound sortkey (insert_date);

-- one row a classified review
create table marts.fact_review (
    date_key int not null encode az64,
    customer_key bigint not null encode az64,
    positive_review boolean not null encode raw,
    probability decimal(7, 6) encode az64,
    classifier varchar(64) not null encode zstd,
    classifier_version varchar(16) not null encode zstd,
    source_file varchar(255) not null encode zstd,
    line_number int not null encode az64,
    batch_id varchar(64) not null encode zstd,
    insert_date date not null encode raw
)
diststyle key distkey (customer_key)
compound sortkey (insert_date);

-- one row a customer and day; the lines of nobody known are one row a country and day
create table intermediate.customer_day (
    customer_key bigint not null encode az64,
    country_key bigint not null encode az64,
    lines int not null encode az64,
    pieces bigint not null encode az64,
    invoices int not null encode az64,
    amount_spent decimal(18, 5) not null encode az64,
    reviews int not null encode az64,
    positive_reviews int not null encode az64,
    batch_id varchar(64) not null encode zstd,
    insert_date date not null encode raw
)
diststyle key distkey (customer_key)
compound sortkey (insert_date);
