"""How the stores behind the lake and the vendor's drop may fail: messages say what was tried, found, and what to do.

What is worth a second try was tried again before: whoever meets one of these need not.
"""

from __future__ import annotations


class StoreError(Exception):
    """A store refused or failed for good."""


class StoreAccessError(StoreError, PermissionError):
    """Whoever asks may not do this. As for a file: a PermissionError, with `strerror`."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.strerror = message


class StoreCredentialsError(StoreError):
    """There are no credentials, or the store does not take them, or no longer."""


class StorePlaceError(StoreError):
    """The bucket is not there, or not in this region."""


class StoreUnavailableError(StoreError):
    """Throttled, broken off or out of order at every attempt; a later run may succeed."""
