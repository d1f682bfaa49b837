"""The software-defined assets, in the order in which data flows; one module per stage."""

from user_behaviour.assets.landing import raw_purchases, raw_reviews
from user_behaviour.assets.sources import movie_review_file, user_purchase
from user_behaviour.assets.spectrum import movie_review_clean_stage, user_purchase_staging
from user_behaviour.assets.staging import classified_reviews, staged_purchases
from user_behaviour.assets.warehouse import user_behavior_metric

SOURCES = [user_purchase, movie_review_file]
ASSETS = [
    raw_purchases,
    raw_reviews,
    staged_purchases,
    classified_reviews,
    user_purchase_staging,
    movie_review_clean_stage,
    user_behavior_metric,
]
