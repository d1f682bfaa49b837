alter table spectrum.movie_review_clean_stage drop column probability;
