"""The errors of the embedded stack, and of the files it is given, that a user can do something about."""


class StackError(Exception):
    """The embedded PostgreSQL could not do what was asked."""


class StackIsDown(StackError):
    """The embedded PostgreSQL is not running."""


class ShopDataError(Exception):
    """A file that cannot be taken for the shop's or the vendor's; nothing was changed."""
