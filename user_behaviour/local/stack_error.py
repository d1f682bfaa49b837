"""The errors of the embedded stack that a user can do something about."""


class StackError(Exception):
    """The embedded PostgreSQL could not do what was asked."""


class StackIsDown(StackError):
    """The embedded PostgreSQL is not running."""
