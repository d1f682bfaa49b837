"""The originals of the vendor's files: copied into the lake once for each version, and never changed or deleted."""

import io
from typing import BinaryIO

from user_behaviour.lake.held_back import HeldBackError
from user_behaviour.lake.objects import Objects
from user_behaviour.vendor.drop import DroppedFile, VendorDrop

ORIGINALS = "movie_review_file"  # their directory in the lake


class FileInFlightError(HeldBackError):
    """A file cannot be read, or changed or went away while it was copied."""


def keep(file: DroppedFile, drop: VendorDrop, lake: Objects, directory: str) -> str:
    """Where the lake keeps the file, below the directory; it is copied if it is not there yet."""
    directory = f"{directory}/{file.version}"
    path = f"{directory}/{file.name}"
    if file.name not in lake.list(directory) and not _is_copied(file, drop, lake, path):
        try:
            content = drop.open(file.name)
        except OSError as error:
            raise _in_flight(file, "opened", error) from error
        with content:
            lake.write(path, io.BufferedReader(_AsListed(content, file, drop)))
    return path


def _is_copied(file: DroppedFile, drop: VendorDrop, lake: Objects, path: str) -> bool:
    """Whether the store could do it, so that no byte of the file comes by here."""
    try:
        return drop.copy_to_lake(file, lake, path)
    except OSError as error:
        _require_unchanged(file, drop)
        raise _in_flight(file, "copied", error) from error


def _require_unchanged(file: DroppedFile, drop: VendorDrop) -> None:
    if (now := drop.find(file.name)) is None or now.version != file.version:
        raise FileInFlightError(f"{file.name} changed while it was read; rerun when it is whole.")


def is_of_one_file(error: OSError) -> bool:
    """A store that is out of reach is no fault of a file, and has no number of the operating system's."""
    return error.errno is not None or isinstance(error, FileNotFoundError | PermissionError)


class _AsListed(io.RawIOBase):
    """The bytes of a dropped file; raises `FileInFlightError` at their end where the file is another by then.

    So nothing is kept under a version that it is not of, and nothing has to be deleted that another run may have kept.
    """

    def __init__(self, content: BinaryIO, file: DroppedFile, drop: VendorDrop) -> None:
        self._content = content
        self._file = file
        self._drop = drop

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        try:
            data = self._content.read(len(buffer))
        except OSError as error:
            raise _in_flight(self._file, "read", error) from error
        if not data:
            _require_unchanged(self._file, self._drop)
        buffer[: len(data)] = data
        return len(data)


def _in_flight(file: DroppedFile, done: str, error: OSError) -> FileInFlightError:
    """What is wrong with a file of the drop; raises the error where it is none of the file's."""
    if not is_of_one_file(error):
        raise error
    if error.strerror:  # of the operating system, which gives a bare reason
        advice = "correct its access rights, or deliver it again"
        return FileInFlightError(f"{file.name} cannot be {done} ({error.strerror}); {advice}.")
    return FileInFlightError(f"{file.name} cannot be {done}. {error}")
