"""Who put something into force, a rule or a version of the classifier, in the words that all places have for it."""


def decided(when: str, who: str, why: str, plan: str) -> str:
    """As `2011-02-01T09:00:00Z  ann: pairs are for resale (plan 1a2b3c4d)`; without a plan, as far as the reason."""
    return f"{when}  {who}: {why}" + (f" (plan {plan})" if plan else "")
