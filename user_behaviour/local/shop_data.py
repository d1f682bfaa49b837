"""What the shop and the vendor do, on one machine: purchases into the source database, files into the vendor's drop.

The sample that is generated is in `sample_shop` and `sample_vendor`; reading either side is the pipeline's business.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, NoReturn

from user_behaviour.local.purchase_file import PurchaseFile, PurchaseFileError, ShopDataError, opened
from user_behaviour.tables.days import DayRange
from user_behaviour.vendor.reviews import day_of

if TYPE_CHECKING:
    import psycopg2.extensions

    from user_behaviour.sample.shop import Shop

__all__ = ["Loaded", "ShopDataError", "deliver", "generate_files", "generate_purchases", "load_purchases"]

COLUMNS = "invoice_number, stock_code, detail, quantity, invoice_date, unit_price, customer_id, country"
_COPY = f"copy retail.user_purchase ({COLUMNS}) from stdin (format csv, header {{header}})"
_BLOCK = 1 << 20


class ForeignFileError(ShopDataError):
    """A file whose name is none that the vendor gives."""


@dataclass(frozen=True)
class Loaded:
    """What is in the source table after a load; the days are None where it is empty."""

    lines: int
    first_day: date | None
    last_day: date | None


def load_purchases(url: str, files: Sequence[Path]) -> Loaded:
    """Replaces the purchases by those of CSV files, in one transaction; raises `PurchaseFileError`."""
    import psycopg2

    with _replacing(url, None) as cursor:
        for path in files:
            with opened(path) as content:
                source = PurchaseFile(path, content)
                try:
                    cursor.copy_expert(_COPY.format(header="true"), source, size=_BLOCK)
                except psycopg2.Error as error:
                    _refuse(source, error)
        return _loaded(cursor)


def generate_purchases(url: str, shop: Shop, days: DayRange, *, whole_table: bool) -> Loaded:
    """Replaces the purchases of a range of days, or all there are, by the sample shop's."""
    with _replacing(url, None if whole_table else days) as cursor:
        source = _Chunks(shop.lines(days.first, days.last))
        cursor.copy_expert(_COPY.format(header="false"), source, size=_BLOCK)
        return _loaded(cursor)


def generate_files(drop: Path, shop: Shop, days: DayRange, *, whole_drop: bool) -> int:
    """Puts the sample vendor's files of a range of days into the drop; gives their number.

    Other vendor files of those days (of any day, for the whole drop) are removed, as the purchases are: the vendor of
    another seed would else add its reviews to this one's. A file that is there with this content is left alone, so
    that it is no new delivery.
    """
    from user_behaviour.sample.vendor import Vendor

    drop.mkdir(parents=True, exist_ok=True)
    vendor, names = Vendor(shop), set[str]()
    for day in days.days():
        for name, content in vendor.files(day).items():
            names.add(name)
            target = drop / name
            if not target.is_file() or target.read_bytes() != content:
                with _appearing(target) as part:
                    part.write(content)
    for path in drop.iterdir():
        day_of_file = day_of(path.name)
        if day_of_file and path.name not in names and (whole_drop or days.first <= day_of_file <= days.last):
            path.unlink()
    return len(names)


def deliver(drop: Path, files: Sequence[Path]) -> list[Path]:
    """Copies files into the drop; each appears there whole. Raises `ForeignFileError` before any is copied."""
    for path in files:
        if day_of(path.name) is None:
            raise ForeignFileError(
                f"{path.name} is no name of a vendor file, and nothing was delivered; the vendor's are "
                "movie_review_YYYY-MM-DD*.csv and movie_review_YYYY-MM-DD*.csv.gz."
            )
    drop.mkdir(parents=True, exist_ok=True)
    delivered = []
    for path in files:
        target = drop / path.name
        with path.open("rb") as content, _appearing(target) as part:
            shutil.copyfileobj(content, part, _BLOCK)
        delivered.append(target)
    return delivered


@contextmanager
def _appearing(target: Path) -> Iterator[BinaryIO]:
    """A file that gets its name when it is whole and on the disk; until then it is hidden."""
    part = target.with_name(f".delivery-{os.getpid()}.part")
    try:
        with part.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        part.rename(target)
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def _replacing(url: str, days: DayRange | None) -> Iterator[psycopg2.extensions.cursor]:
    """A transaction that has removed the purchases of the days, or all; what is put in is committed at its end."""
    import psycopg2

    with closing(psycopg2.connect(url, options="-c timezone=UTC -c datestyle=ISO,MDY")) as connection:
        with connection, connection.cursor() as cursor:
            # Readers go on; another load waits, and then sees what this one put in.
            cursor.execute("lock table retail.user_purchase in share row exclusive mode")
            # Deleted, not truncated: a run that took its snapshot before would find a truncated table empty.
            if days is None:
                cursor.execute("delete from retail.user_purchase")
            else:
                span = (days.first, days.end)
                cursor.execute("delete from retail.user_purchase where invoice_date >= %s and invoice_date < %s", span)
            yield cursor
        connection.autocommit = True
        with connection.cursor() as cursor:
            # What was deleted would slow down every reading until the server cleans up by itself.
            cursor.execute("vacuum (analyze) retail.user_purchase")


def _loaded(cursor: psycopg2.extensions.cursor) -> Loaded:
    cursor.execute(
        "select count(*), cast(min(invoice_date) as date), cast(max(invoice_date) as date) from retail.user_purchase"
    )
    ((lines, first, last),) = cursor.fetchall()
    return Loaded(lines, first, last)


def _refuse(source: PurchaseFile, error: psycopg2.Error) -> NoReturn:
    if source.error is not None:
        raise source.error from error
    raise PurchaseFileError(
        f"{source.path}, line {source.line_of(error)}: {error.diag.message_primary or error}; nothing was replaced."
    ) from error


class _Chunks:
    """An iterator of chunks as the file that COPY reads."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = iter(chunks)
        self._rest = b""

    def readline(self, _size: int = -1, /) -> bytes:
        """Not used by COPY, but part of what its type asks for."""
        raise NotImplementedError("COPY reads blocks")

    def read(self, size: int = _BLOCK, /) -> bytes:
        while len(self._rest) < size and (chunk := next(self._chunks, None)) is not None:
            self._rest += chunk
        block, self._rest = self._rest[:size], self._rest[size:]
        return block
