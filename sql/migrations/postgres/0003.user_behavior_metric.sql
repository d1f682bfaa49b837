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
