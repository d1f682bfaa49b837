"""Role: the place where the vendor drops files. Files are only read here; the lake keeps the originals."""

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO

import dagster as dg

from user_behaviour.diagnosis import Diagnosis, failed, good


@dataclass(frozen=True)
class DroppedFile:
    """A file as the vendor left it. `version` changes with every delivery; `modified_at` is in seconds of the epoch.

    `is_whole` says that the store shows a file only when its upload is finished; else it must be seen to rest.
    """

    name: str
    size: int
    version: str
    modified_at: float
    is_whole: bool = False


class VendorDrop(dg.ConfigurableResource):  # type: ignore[type-arg]
    """Where the vendor drops files: one prefix, without folders."""

    @abstractmethod
    def files(self) -> Sequence[DroppedFile]:
        """What is there now, by name."""

    @abstractmethod
    def open(self, name: str) -> BinaryIO:
        """The file as a stream of bytes; FileNotFoundError where it is gone."""

    @abstractmethod
    def find(self, name: str) -> DroppedFile | None:
        """One file, as it is now."""

    @abstractmethod
    def uri(self) -> str:
        """The place as people address it."""

    def self_check(self) -> Iterator[Diagnosis]:
        """Lists the files and opens the newest."""
        subject = "files"
        try:
            files = self.files()
            yield good(subject, f"{self.uri()} can be listed; files: {len(files):,}")
            subject = "read"
            # With permission to read, an absent file is reported as absent; without, the request is refused.
            name = max(files, key=lambda file: file.modified_at).name if files else "_doctor-asks-for-what-is-not-there"
            self.open(name).close()
            yield good(subject, f"{name} was opened")
        except FileNotFoundError:
            yield good(subject, "allowed; there is no file to read")
        except OSError as error:
            yield failed(subject, error)
