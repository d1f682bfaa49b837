drop view marts.left_out_by_the_join;

drop view marts.products_of_unhappy_customers;

drop view marts.sentiment_and_spend;

drop view marts.customer_segments_by_month;

drop view marts.spend_and_sentiment_by_month;

drop view marts.dim_date;
