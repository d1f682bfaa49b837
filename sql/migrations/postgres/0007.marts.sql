-- What people look at: a star of dimensions and facts, and what is computed from it once.
-- The key of a dimension's member is a hash of what names it elsewhere, so that it is the same in every warehouse and
-- after every reconstruction; -1 is the member for what nobody knows. The day that no day has described yet is 1900.
create schema if not exists staging;

create schema if not exists intermediate;

create schema if not exists marts;

-- As Redshift's function of this name, of the base 16 alone: what it knows nothing of is null, and a key is never null.
create or replace function public.strtol(digits text, base int) returns bigint
language sql immutable strict parallel safe
as $$ select case when base = 16 then ('x' || lpad(digits, 16, '0'))::bit(64)::bigint end $$;

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
from spectrum.user_purchase_staging;

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
from spectrum.movie_review_clean_stage;

-- one row a customer
create table marts.dim_customer (
    customer_key bigint not null,
    customer_id int,
    country varchar(20) not null check (octet_length(country) <= 20),
    batch_id varchar(64) not null,
    described_on date not null
);

-- one row a country
create table marts.dim_country (
    country_key bigint not null,
    country varchar(20) not null check (octet_length(country) <= 20),
    batch_id varchar(64) not null,
    described_on date not null
);

-- one row a product
create table marts.dim_product (
    product_key bigint not null,
    stock_code varchar(20) not null check (octet_length(stock_code) <= 20),
    detail varchar(1000) not null check (octet_length(detail) <= 1000),
    batch_id varchar(64) not null,
    described_on date not null
);

insert into marts.dim_customer (customer_key, customer_id, country, batch_id, described_on)
values (-1, null, 'unknown', 'migration', '1900-01-01');

insert into marts.dim_country (country_key, country, batch_id, described_on)
values (-1, 'unknown', 'migration', '1900-01-01');

insert into marts.dim_product (product_key, stock_code, detail, batch_id, described_on)
values (-1, 'unknown', 'unknown', 'migration', '1900-01-01');

-- one row a staged purchase line
create table marts.fact_purchase_line (
    date_key int not null,
    customer_key bigint not null,
    country_key bigint not null,
    product_key bigint not null,
    invoice_number varchar(10) not null check (octet_length(invoice_number) <= 10),
    invoice_date timestamp not null,
    quantity int not null,
    unit_price decimal(8, 3) not null,
    amount decimal(18, 5) not null,
    batch_id varchar(64) not null,
    insert_date date not null
);

-- one row a classified review
create table marts.fact_review (
    date_key int not null,
    customer_key bigint not null,
    positive_review boolean not null,
    probability decimal(7, 6),
    classifier varchar(64) not null,
    classifier_version varchar(16) not null,
    source_file varchar(255) not null check (octet_length(source_file) <= 255),
    line_number int not null,
    batch_id varchar(64) not null,
    insert_date date not null
);

-- one row a customer and day; the lines of nobody known are one row a country and day
create table intermediate.customer_day (
    customer_key bigint not null,
    country_key bigint not null,
    lines int not null,
    pieces bigint not null,
    invoices int not null,
    amount_spent decimal(18, 5) not null,
    reviews int not null,
    positive_reviews int not null,
    batch_id varchar(64) not null,
    insert_date date not null
);

-- Days are replaced and read as ranges, and lie together: as in 0004.
create index fact_purchase_line_day on marts.fact_purchase_line
using brin (insert_date) with (pages_per_range = 32, autosummarize = on);

create index fact_review_day on marts.fact_review
using brin (insert_date) with (pages_per_range = 32, autosummarize = on);

create index customer_day_day on intermediate.customer_day
using brin (insert_date) with (pages_per_range = 32, autosummarize = on);
