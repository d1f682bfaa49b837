-- With which probability a model calls a review positive; null of the baseline's verdicts, and of those before this.
-- The day stays the last column, as it is in every external table.
alter table spectrum.movie_review_clean_stage
add column if not exists probability decimal(7, 6),
add column day date;

update spectrum.movie_review_clean_stage set day = insert_date;

alter table spectrum.movie_review_clean_stage drop column insert_date;

alter table spectrum.movie_review_clean_stage rename column day to insert_date;

alter table spectrum.movie_review_clean_stage alter column insert_date set not null;

create index movie_review_clean_stage_day on spectrum.movie_review_clean_stage
using brin (insert_date) with (pages_per_range = 32, autosummarize = on);
