"""What may stand in a statement of Redshift's where nothing can be bound: names, places in S3, roles."""

import re
from dataclasses import dataclass

from psycopg2.extensions import AsIs, adapt

from user_behaviour.aws.iam_roles import ADVICE, is_role
from user_behaviour.aws.places import S3Place
from user_behaviour.tables.identifiers import UnsafeNameError

_IDENTIFIER = re.compile(r"[a-z_][a-z0-9_]{0,126}")


def require_identifier(name: str) -> str:
    """The name of a schema or table, or of a column of an external table: one that S3 and Glue have no doubts about."""
    if not _IDENTIFIER.fullmatch(name):
        raise UnsafeNameError(f"{name!r} is no name for Redshift; take a-z, 0-9 and _, no digit first, at most 127.")
    return name


def require_uri(uri: str) -> str:
    """An object in S3, or what the names of objects begin with. Raises `PlaceError`."""
    S3Place.parse(uri)
    return uri


def require_role(role: str) -> str:
    """A role that may follow IAM_ROLE."""
    if not is_role(role):
        raise UnsafeNameError(f"{role!r} is no IAM role; {ADVICE}.")
    return role


@dataclass(frozen=True)
class RoleParameter:
    """The role as a bound value of a statement, where it follows IAM_ROLE: a text, or the keyword `default`."""

    role: str

    def __conform__(self, protocol: object) -> object:
        """How psycopg2 asks a value for its text in SQL."""
        return AsIs("default") if require_role(self.role) == "default" else adapt(self.role)
