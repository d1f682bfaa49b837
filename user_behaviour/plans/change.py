"""What a plan would change: rules, on the side of purchases, or the version of the classifier, on that of reviews.

The two have one anatomy: what is `wanted` in force, and what was `before`, when it was planned; what is `made` of what
is landed, `raw`; the external table of the `other` side; and the statements that sum each side by day and customer.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Self

from user_behaviour.classifier.models import Models
from user_behaviour.classifier.scored_days import days_of_another
from user_behaviour.deployments import Deployment
from user_behaviour.lake.manifests import Manifest
from user_behaviour.lake.objects import Objects
from user_behaviour.plans.new_sums import NewSums, reviewed, spent
from user_behaviour.rules import QuantityRule, RuleFile, Rules
from user_behaviour.tables import schemas


@dataclass(frozen=True)
class RulesChange:
    """A change of the quantity rules."""

    wanted: tuple[QuantityRule, ...]
    before: tuple[QuantityRule, ...]

    subject, is_scored = "rules", False
    raw, made, other = schemas.RAW_PURCHASES, schemas.STAGED_PURCHASES, schemas.MOVIE_REVIEW_CLEAN_STAGE
    sums, other_sums = "purchases_by_customer", "reviews_by_customer"

    def __str__(self) -> str:
        before, wanted = ("; ".join(rule.name for rule in rules) for rules in (self.before, self.wanted))
        return f"Rules: {wanted}" + (f" (so far: {before})" if before != wanted else "")

    def in_force(self, lake: Objects) -> tuple[QuantityRule, ...]:
        """What is in force by now, of what would change."""
        return RuleFile(lake).read().rules

    def days_of_others(self, made: Mapping[date, Manifest]) -> list[date]:
        """The days that others made than are wanted."""
        rules = Rules.of(self.wanted)
        return [day for day, found in made.items() if found.facts["rule"] != rules.in_force(day).name]

    def new_sums(self, deployed: Deployment, landed: Mapping[date, Manifest], *, plan: str) -> NewSums:  # noqa: ARG002
        """The sums of the side as they would be, and the reviews whose verdicts change most."""
        return spent(deployed.lake, Rules.of(self.wanted), landed)

    def recorded(self, **decision: Any) -> Self:
        """With `who` wants it, `when`, `why` and by which `plan`, where what is put into force keeps that itself."""
        # New are those that nobody has recorded, and that were not in force: the rule that is built in was.
        known = {rule.name for rule in self.before}
        rules = (rule if rule.name in known else replace(rule, **decision) for rule in self.wanted)
        return replace(self, wanted=tuple(rules))


@dataclass(frozen=True)
class VersionChange:
    """A change of the version of the classifier; `before` is empty where the baseline was live."""

    wanted: str
    before: str

    subject, is_scored = "live version", True
    raw, made, other = schemas.RAW_REVIEWS, schemas.CLASSIFIED_REVIEWS, schemas.USER_PURCHASE_STAGING
    sums, other_sums = "reviews_by_customer", "purchases_by_customer"

    def __str__(self) -> str:
        before = self.before or "the baseline"
        return f"Classifier: {self.wanted}" + (f", instead of {before}" if before != self.wanted else "")

    def in_force(self, lake: Objects) -> str:
        return Models(lake).live()

    def days_of_others(self, made: Mapping[date, Manifest]) -> list[date]:
        return [*days_of_another(made, self.wanted)]

    def new_sums(self, deployed: Deployment, landed: Mapping[date, Manifest], *, plan: str) -> NewSums:
        return reviewed(deployed, self.wanted, landed, plan=plan)

    def recorded(self, **_: Any) -> Self:
        return self


Change = RulesChange | VersionChange
