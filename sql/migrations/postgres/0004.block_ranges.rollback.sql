drop index spectrum.movie_review_clean_stage_day;

drop index spectrum.user_purchase_staging_day;

create index user_purchase_staging_day on spectrum.user_purchase_staging (insert_date);

create index movie_review_clean_stage_day on spectrum.movie_review_clean_stage (insert_date);
