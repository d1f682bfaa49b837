"""Why a day is not published, or not there."""

import pyarrow as pa

from user_behaviour.lake.manifests import Source


class HeldBackError(Exception):
    """A day cannot be published now; the other days of the run can. Permanent: a retry would fail the same way.

    `quarantine` are the rows that led to it, to be kept for whoever corrects them.
    """

    def __init__(self, *reasons: str, quarantine: pa.Table | None = None, sources: tuple[Source, ...] = ()) -> None:
        super().__init__("; ".join(reasons))
        self.reasons = reasons
        self.quarantine = quarantine
        self.sources = sources


class MissingPartitionError(HeldBackError):
    """A partition that was asked for does not exist yet."""


class UnreadableRecordError(MissingPartitionError):
    """What the lake recorded of a partition cannot be read: a machine that lost its power may leave it cut off.

    `found` says which record and what is in it; the message says what to do as well.
    """

    def __init__(self, partition: str, found: str) -> None:
        super().__init__(f"{partition}: {found}; `user-behaviour reconcile --repair` restores the day.")
        self.found = found
