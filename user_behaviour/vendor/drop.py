"""Role: the place where the vendor drops files. Files are only read here; the lake keeps the originals."""

from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import BinaryIO

import dagster as dg

from user_behaviour.diagnosis import Diagnosis, failed, good


@dataclass(frozen=True)
class DroppedFile:
    """A file as the vendor left it. `version` is that of its bytes; `modified_at` is in seconds of the epoch.

    `is_whole` says that the store shows a file only when its upload is finished; else it must be seen to rest.
    `formerly` is the version that release 0.2.0 gave the file, and may go with the last batch of that time.
    """

    name: str
    size: int
    version: str
    modified_at: float
    is_whole: bool = False
    formerly: str = ""


class VendorDrop(dg.ConfigurableResource):  # type: ignore[type-arg]
    """Where the vendor drops files: one prefix, without folders."""

    @abstractmethod
    def files(self, named: Callable[[str], bool] = lambda _: True) -> Sequence[DroppedFile]:
        """The files that are there now, by name; of those whose name is not wanted nothing is read."""

    def names(self) -> Sequence[str]:
        """The names of the files that are there now."""
        return [file.name for file in self.files()]

    def unusable(self) -> Mapping[str, str]:
        """What else is there now, by name, each with a few words on what it is; nobody opens it."""
        return {}

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
