"""Role: the lake. Its data sets are made of objects under one root; the algorithm of publishing is in `dataset`."""

import secrets
from collections.abc import Iterator

import dagster as dg
from pydantic import PrivateAttr

from user_behaviour.diagnosis import Diagnosis, bad, failed, good, judged
from user_behaviour.lake.dataset import Dataset
from user_behaviour.lake.footers import Footer
from user_behaviour.lake.objects import Objects
from user_behaviour.tables.table import Table

_NO_VERSION = f'"{"0" * 32}"'
_USE_ANOTHER = "Use S3 itself, or an endpoint that heeds If-Match and If-None-Match (AWS_ENDPOINT_URL)."


class Lake(Objects, dg.ConfigurableResource):  # type: ignore[type-arg]
    """Where the pipeline keeps its data sets, as immutable batches of Parquet files."""

    _footers: dict[str, Footer] = PrivateAttr(default_factory=dict)  # of this run

    def dataset(self, table: Table) -> Dataset:
        """The data set that holds the partitions of `table`."""
        return Dataset(self, table, self._footers)

    def self_check(self) -> Iterator[Diagnosis]:
        """Tries each verb that publishing needs on objects of its own, which are gone afterwards."""
        directory = f"_doctor-{secrets.token_hex(6)}"
        try:
            found = [*self._probed(directory)]
        finally:
            removed = self._removed(directory)
        yield from (*found, removed)

    def _probed(self, directory: str) -> Iterator[Diagnosis]:
        subject, path, data = "write", f"{directory}/probe", f"{directory}/data"
        try:
            self.write(path, b"one")
            yield good(subject, "an object was written")
            subject = "read"
            content, version = self.read(path) or (b"", None)
            yield judged(subject, content == b"one", f"{content.decode()!r} was read again", _USE_ANOTHER)
            # A pointer is replaced only if it is still the one that was read; else two runs would undo each other.
            subject = "conditional write"
            if any(self.swap(path, b"two", expected=wrong) for wrong in (None, _NO_VERSION)):
                yield bad(subject, "an object was replaced though it was another than expected", _USE_ANOTHER)
            elif not self.swap(path, b"two", expected=version):
                yield bad(subject, "an object was not replaced though it was the one expected", _USE_ANOTHER)
            else:
                yield good(subject, "done where the object is the expected one, refused where it is another")
            subject = "data files"
            with self.store_errors("Writing", data), self.filesystem().open_output_stream(data) as stream:
                stream.write(b"rows")
            listed = self.list(directory)
            yield judged(
                subject,
                listed == ["data", "probe"],
                f"one was written by pyarrow; listed: {', '.join(listed)}",
                _USE_ANOTHER,
            )
        except OSError as error:
            yield failed(subject, error)

    def _removed(self, directory: str) -> Diagnosis:
        try:
            self.delete(directory)
        except OSError as error:
            left = failed("delete", error)
            return bad("delete", f"{left.found}; {self.uri(directory)} stays", left.remedy)
        return good("delete", "all was deleted")
