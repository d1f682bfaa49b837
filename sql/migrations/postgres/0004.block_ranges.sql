-- The rows of the external tables lie in the order of their days, so that block ranges tell days apart as well as an
-- entry for each row did, which cost a sixth of what it takes to load them.
drop index if exists spectrum.user_purchase_staging_day;

drop index if exists spectrum.movie_review_clean_stage_day;

create index user_purchase_staging_day on spectrum.user_purchase_staging
using brin (insert_date) with (pages_per_range = 32, autosummarize = on);

create index movie_review_clean_stage_day on spectrum.movie_review_clean_stage
using brin (insert_date) with (pages_per_range = 32, autosummarize = on);
