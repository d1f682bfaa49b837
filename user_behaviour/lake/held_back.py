"""Why a day is not published, or not there."""

from user_behaviour.lake.manifests import Source


class HeldBackError(Exception):
    """A day cannot be published now; the other days of the run can. Permanent: a retry would fail the same way.

    `awaits` is the delivery that an approval would let in.
    """

    def __init__(self, *reasons: str, sources: tuple[Source, ...] = (), awaits: str = "") -> None:
        super().__init__("; ".join(reasons))
        self.reasons = reasons
        self.sources = sources
        self.awaits = awaits


class AwaitsApprovalError(HeldBackError):
    """A delivery would empty a day, or shrink it to under a tenth."""


class MissingPartitionError(HeldBackError):
    """A partition that was asked for does not exist yet."""


class UnreadableRecordError(MissingPartitionError):
    """What the lake recorded of a partition cannot be read: a machine that lost its power may leave it cut off.

    `found` says which record and what is in it; the message says what to do as well.
    """

    def __init__(self, partition: str, found: str) -> None:
        super().__init__(f"{partition}: {found}; `user-behaviour reconcile --repair` restores the day.")
        self.found = found
