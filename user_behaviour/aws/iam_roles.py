"""How a role is named by which Redshift acts: the setting, COPY, UNLOAD and the external schema take the same."""

import re

_ROLE = r"arn:aws[a-z-]*:iam::\d{12}:role/[A-Za-z0-9_+=.@/-]+"
_ROLES = re.compile(rf"{_ROLE}(,{_ROLE})*")

ADVICE = "take arn:aws:iam::<account>:role/<name>, or default"


def is_role(text: str) -> bool:
    """Whether it is `default`, or the ARN of a role; of roles that are assumed one after the other, with commas."""
    return text == "default" or _ROLES.fullmatch(text) is not None
