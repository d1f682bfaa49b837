"""A delivery that would empty a day, or shrink it to under a tenth, waits until somebody approves it (docs/adr/0018).

An approval lets one delivery take the place of one batch. It is an object beside the day's batches, and is kept.
"""

import hashlib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, date, datetime

from user_behaviour.lake.conformity import AUDIT_COLUMN
from user_behaviour.lake.dataset import Dataset
from user_behaviour.lake.held_back import AwaitsApprovalError, UnreadableRecordError
from user_behaviour.lake.manifests import Approval, Manifest, RecordError, Rejection, timestamp

UNDER = 10  # the part of a day's rows that a delivery must have left
NAMED = 3  # sources, of those that are new


class Approvals:
    """The deliveries of one data set that wait, and the approvals that were given."""

    def __init__(self, dataset: Dataset) -> None:
        self._dataset = dataset

    def judge(self, before: Manifest, after: Manifest) -> Manifest:
        """The new manifest, with its approval if it needed one; raises `AwaitsApprovalError` where it has none."""
        if after.rows * UNDER >= before.rows:
            return after
        delivery = self._delivery(before, after)
        if approval := self._approval(after.day, delivery):
            words = {"approved_by": approval.by, "approved_at": approval.at, "approved_because": approval.why}
            return replace(after, facts={**after.facts, **words})
        new = [source.name for source in after.sources if source not in before.sources]
        names = f" ({', '.join(new[:NAMED])}{', …' if len(new) > NAMED else ''})" if new else ""
        raise AwaitsApprovalError(
            f"{after.rows} rows{names} would take the place of {before.rows}; if that is right, call `user-behaviour "
            f"approve {self._dataset.table.name}/{after.day}/{delivery} --why TEXT` and run the day again",
            sources=after.sources,
            awaits=delivery,
        )

    def waiting(self) -> Mapping[str, Rejection]:
        """The rejections that an approval would lift, by the name of what is to be approved."""

        def look(day: date) -> Rejection | None:
            with suppress(UnreadableRecordError):  # `reconcile` is for these
                found = self._dataset.rejection(day)
                return found if found and found.awaits and not self._approval(day, found.awaits) else None
            return None

        found = self._dataset.lake.at_once(look, self._dataset.days())
        return {f"{one.dataset}/{one.day}/{one.awaits}": one for one in found if one}

    def approve(self, rejection: Rejection, *, by: str, why: str) -> None:
        """Records who lets in, and why, what the rejection is about."""
        at, day, delivery = timestamp(datetime.now(UTC)), rejection.day, rejection.awaits
        said = rejection.reasons
        approval = Approval(rejection.dataset, day, delivery, rejection.in_force, by=by, at=at, why=why, said=said)
        self._dataset.lake.write(self._path(day, delivery), approval.to_json())

    def _approval(self, day: date, delivery: str) -> Approval | None:
        found = self._dataset.lake.read(self._path(day, delivery))
        with suppress(RecordError):  # cut off: it is to be given again
            return Approval.from_json(found[0]) if found else None
        return None

    def _path(self, day: date, delivery: str) -> str:
        return f"{self._dataset.directory(day)}/_approved-{delivery}.json"

    def _delivery(self, before: Manifest, after: Manifest) -> str:
        """Stands for the batch in force, the new sources and the new rows, in any order: that, and nothing else."""
        total = 0
        for batch in self._dataset.read(after):
            for row in batch.to_pylist():
                row.pop(AUDIT_COLUMN, None)
                total += int.from_bytes(hashlib.blake2b(repr(row).encode(), digest_size=16).digest())
        sources = sorted(f"{source.name} {source.version}" for source in after.sources)
        parts = (before.batch_id, *sources, str(after.rows), str(total))
        return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:12]
