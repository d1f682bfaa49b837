"""Role: the place where the vendor drops files. Files are only read here; the lake keeps the originals."""

from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import BinaryIO

import dagster as dg

from user_behaviour.diagnosis import Diagnosis, failed, good
from user_behaviour.lake.objects import Objects
from user_behaviour.vendor.file_name import day_of


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


@dataclass(frozen=True)
class DropPage:
    """What is there of the names that begin with `prefix` and come after `after`, in their order.

    `last` is the name up to which that is all; None: to the end. `unusable` says what is there beside the files.
    """

    files: Sequence[DroppedFile]
    unusable: Mapping[str, str] = field(default_factory=dict)
    prefix: str = ""
    after: str = ""
    last: str | None = None

    def covers(self, name: str) -> bool:
        """Whether the file would be in `files` if it were there."""
        return name.startswith(self.prefix) and name > self.after and (self.last is None or name <= self.last)

    def of_whole_days(self) -> "DropPage":
        """The page without the files of a day that goes on behind its end, unless it has no others."""
        day = None if self.last is None else day_of(self.last)
        before = [file for file in self.files if day and file.name < prefix_of(day)]
        return replace(self, files=before, last=before[-1].name) if before else self


@dataclass(frozen=True)
class DropEvents:
    """The names of which the store says that something came, and the receipts by which it forgets to have said so."""

    names: Sequence[str] = ()
    receipts: Sequence[str] = ()


def prefix_of(day: date) -> str:
    """What the names of the vendor's files of a day begin with."""
    return f"movie_review_{day.isoformat()}"


class VendorDrop(dg.ConfigurableResource):  # type: ignore[type-arg]
    """Where the vendor drops files: one prefix, without folders."""

    @abstractmethod
    def files(self, named: Callable[[str], bool] = lambda _: True) -> Sequence[DroppedFile]:
        """The files that are there now, by name; of those whose name is not wanted nothing is read."""

    @abstractmethod
    def page(self, limit: int, *, after: str = "", prefix: str = "") -> DropPage:
        """The first of what is there now under the names that begin with `prefix` and come after `after`.

        What it costs is bounded by `limit`, and does not grow with what lies there besides.
        """

    def events(self) -> DropEvents:
        """What the store says of its own accord; again and again until it is made to forget it."""
        return DropEvents()

    def forget(self, receipts: Sequence[str]) -> None:
        """Has the store not say again what it said with these receipts."""

    def names(self) -> Sequence[str]:
        """The names of the files that are there now."""
        return [file.name for file in self.files()]

    def unusable(self) -> Mapping[str, str]:
        """What else is there now, by name, each with a few words on what it is; nobody opens it."""
        return {}

    @abstractmethod
    def open(self, name: str) -> BinaryIO:
        """The file as a stream of bytes; FileNotFoundError where it is gone."""

    def copy_to_lake(self, file: DroppedFile, lake: Objects, path: str) -> bool:  # noqa: ARG002 (for twins to use)
        """Has the store copy the file, as it was listed, to a path of the lake; False where it cannot."""
        return False

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
