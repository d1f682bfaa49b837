-- The rows are copies of the lake's files; `run` loads them again.
drop table spectrum.movie_review_clean_stage;

drop table spectrum.user_purchase_staging;

drop table spectrum.registered_partition;

drop schema spectrum;
