"""Twin of the vendor's drop: a directory of this machine."""

import errno
import hashlib
import heapq
import io
import os
import stat
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from pydantic import Field

from user_behaviour.diagnosis import Diagnosis, unknown
from user_behaviour.vendor.drop import DropPage, DroppedFile, VendorDrop

_KINDS = {
    stat.S_IFLNK: "a link, which is not followed",
    stat.S_IFDIR: "a directory",
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}
_LARGEST = 1 << 30  # bytes: a second's reading; what is larger is told by its status alone
_TICK = 2_000_000_000  # nanoseconds, more than a file system's clock needs to move on
_VERSIONS_KEPT = 10_000
# The version of each file, and the status in which this process read it; of the files read last.
_VERSIONS: dict[Path, tuple[tuple[int, ...], str]] = {}


class LocalVendorDrop(VendorDrop):
    """The vendor's drop as a directory of this machine; a hidden file is not there yet."""

    directory: str = Field(description="The directory of the files.")

    def files(self, named: Callable[[str], bool] = lambda _: True) -> Sequence[DroppedFile]:
        found = self._entries(name for name in self._names() if named(name))
        return [_dropped(path, status) for path, status in found if not isinstance(status, str)]

    def page(self, limit: int, *, after: str = "", prefix: str = "") -> DropPage:
        names = heapq.nsmallest(limit + 1, (n for n in self._names() if n > after and n.startswith(prefix)))
        found = [*self._entries(names[:limit])]
        return DropPage(
            [_dropped(path, status) for path, status in found if not isinstance(status, str)],
            {path.name: status for path, status in found if isinstance(status, str)},
            prefix=prefix,
            after=after,
            last=names[limit - 1] if len(names) > limit else None,
        )

    def names(self) -> Sequence[str]:
        return [path.name for path, status in self._entries(self._names()) if not isinstance(status, str)]

    def unusable(self) -> Mapping[str, str]:
        return {path.name: status for path, status in self._entries(self._names()) if isinstance(status, str)}

    def open(self, name: str) -> BinaryIO:
        return _opened(Path(self.directory) / name)

    def find(self, name: str) -> DroppedFile | None:
        path = Path(self.directory) / name
        status = _status(path)
        return None if status is None or isinstance(status, str) else _dropped(path, status)

    def uri(self) -> str:
        return f"file://{self.directory}"

    def self_check(self) -> Iterator[Diagnosis]:
        if Path(self.directory).exists():
            yield from super().self_check()
        else:
            remedy = "`user-behaviour generate` makes a sample, `user-behaviour deliver FILE` takes a file of yours."
            yield unknown("files", f"{self.directory} is not there yet", remedy)

    def _names(self) -> Iterator[str]:
        with suppress(FileNotFoundError), os.scandir(self.directory) as entries:
            yield from (entry.name for entry in entries if not entry.name.startswith("."))

    def _entries(self, names: Iterable[str]) -> Iterator[tuple[Path, os.stat_result | OSError | str]]:
        for path in (Path(self.directory) / name for name in sorted(names)):
            # One by one, since the vendor may clear a file away between two looks.
            if (status := _status(path)) is not None:
                yield path, status


def _status(path: Path) -> os.stat_result | OSError | str | None:
    """The status of a file, or why it has none; of anything else what it is; None where there is nothing."""
    try:
        status = path.lstat()
    except FileNotFoundError:
        return None
    except OSError as error:
        return error  # it may well be a file, which is missed if its day lands without it
    return status if stat.S_ISREG(status.st_mode) else _KINDS.get(stat.S_IFMT(status.st_mode), "no file")


def _opened(path: Path) -> io.BufferedReader:
    """The file as a stream; what was put in its place since it was seen is neither followed nor waited for."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        return os.fdopen(descriptor, "rb")
    os.close(descriptor)
    raise OSError(errno.EINVAL, "not a file any more", str(path))


def _dropped(path: Path, status: os.stat_result | OSError) -> DroppedFile:
    if isinstance(status, OSError):
        return DroppedFile(path.name, 0, "unread", 0.0)
    formerly = f"{status.st_mtime_ns:x}-{status.st_size:x}-{status.st_ino:x}"
    return DroppedFile(path.name, status.st_size, _version(path, status), status.st_mtime, formerly=formerly)


def _version(path: Path, status: os.stat_result) -> str:
    """Size and digest. The bytes are read where the status is another than before; no program can set its ctime."""
    mark = (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
    known, version = _VERSIONS.get(path, ((), ""))
    if known == mark:
        return version
    if status.st_size > _LARGEST:
        return "-".join(f"{part:x}" for part in mark[1:])
    try:
        with _opened(path) as file:
            digest = hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()
    except OSError:
        # That it cannot be read, and why, is found again by whoever lands it.
        return f"unread-{status.st_ctime_ns:x}"
    version = f"{status.st_size:x}-{digest}"
    if not 0 <= time.time_ns() - status.st_ctime_ns < _TICK:  # else it may change once more and keep its times
        _VERSIONS.pop(path, None)
        _VERSIONS[path] = (mark, version)
        if len(_VERSIONS) > _VERSIONS_KEPT:
            _VERSIONS.pop(next(iter(_VERSIONS)))
    return version
