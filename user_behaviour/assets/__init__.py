"""The software-defined assets, in the order in which data flows; one module per stage.

`SOURCES` are external: others make or decide them. `ASSETS` are made by day. `REPORTS` are made by each run that makes
the metric, once. `CLASSIFIER_ASSETS` are made on demand, and are in no job or backfill of days.
"""

from user_behaviour.assets.classifier import (
    classifier_evaluation,
    labelled_reviews,
    live_review_classifier,
    review_classifier,
)
from user_behaviour.assets.landing import raw_purchases, raw_reviews
from user_behaviour.assets.marts import MARTS
from user_behaviour.assets.report import daily_report
from user_behaviour.assets.sources import movie_review_file, user_purchase
from user_behaviour.assets.spectrum import movie_review_clean_stage, user_purchase_staging
from user_behaviour.assets.staging import classified_reviews, staged_purchases
from user_behaviour.assets.warehouse import user_behavior_metric

SOURCES = [user_purchase, movie_review_file, live_review_classifier]
CLASSIFIER_ASSETS = [labelled_reviews, review_classifier, classifier_evaluation]
ASSETS = [
    raw_purchases,
    raw_reviews,
    staged_purchases,
    classified_reviews,
    user_purchase_staging,
    movie_review_clean_stage,
    user_behavior_metric,
    *MARTS,
]
REPORTS = [daily_report]
