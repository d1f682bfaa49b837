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
