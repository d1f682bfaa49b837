-- A row of retail.user_purchase is one line of one invoice: so many pieces of an article, at a unit price.
-- The source of the pipeline; invoice_date is UTC, and rows may repeat, as they do in the public Online Retail file.

create schema if not exists retail;

create table if not exists retail.user_purchase (
    invoice_number varchar(10) not null,
    stock_code varchar(20) not null,
    detail varchar(1000),
    quantity int not null,
    invoice_date timestamp not null,
    unit_price numeric(8, 3) not null,
    customer_id int,
    country varchar(20) not null
);

create index if not exists user_purchase_invoice_date on retail.user_purchase (invoice_date);

revoke all on database shop from public;
