"""What the shop and the vendor do, on one machine: purchases into the source database, files into the vendor's drop.

The sample is generated in `sample`; reading either side is the pipeline's business.
"""

import io
import os
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import BinaryIO

import psycopg2
import psycopg2.extensions

from user_behaviour.local.errors import ShopDataError
from user_behaviour.local.purchase_files import cell_tables
from user_behaviour.local.purchase_lines import COLUMNS, Reading, copy_lines
from user_behaviour.sample.shop import Shop
from user_behaviour.sample.vendor import Vendor
from user_behaviour.tables.days import DayRange
from user_behaviour.vendor.file_name import day_of

SAMPLE_LABELS = "labels/sample_labels.csv"  # below the home
_COPY = f"copy retail.user_purchase ({', '.join(column.name for column in COLUMNS)}) from stdin (format csv)"
_BLOCK = 1 << 20


@dataclass(frozen=True)
class Loaded:
    """What is in the source table after a load; the days are None where it is empty."""

    lines: int
    first_day: date | None
    last_day: date | None


def require_empty(url: str) -> None:
    """Raises `ShopDataError` where the source holds purchases: those of a shop are not replaced."""
    with closing(psycopg2.connect(url)) as connection, connection.cursor() as cursor:
        cursor.execute("select exists (select from retail.user_purchase)")
        if cursor.fetchall() == [(True,)]:
            raise ShopDataError(
                "retail.user_purchase of USER_BEHAVIOUR_SOURCE_URL holds purchases, and only an empty one is filled; "
                "empty it, or load into it by means of its own."
            )


def load_purchases(url: str, files: Sequence[Path], reading: Reading) -> Loaded:
    """Replaces the purchases by those of files, in one transaction.

    The files are as `purchase_files` reads them, with the columns of `purchase_lines`. Raises `ShopDataError`.
    """
    with tempfile.TemporaryFile() as lines:
        for path in files:
            lines.writelines(_lines(path, reading))
        lines.seek(0)
        with _replacing(url, None) as cursor:
            cursor.copy_expert(_COPY, lines)
            return _loaded(cursor)


def generate_purchases(url: str, shop: Shop, days: DayRange, *, whole_table: bool) -> Loaded:
    """Replaces the purchases of a range of days, or all there are, by the sample shop's."""
    with _replacing(url, None if whole_table else days) as cursor:
        for lines in shop.lines(days.first, days.last):
            cursor.copy_expert(_COPY, io.BytesIO(lines))
        return _loaded(cursor)


def generate_files(drop: Path, shop: Shop, days: DayRange, *, whole_drop: bool) -> int:
    """Puts the sample vendor's files of a range of days into the drop; gives their number.

    Other vendor files of those days (of any day, for the whole drop) are removed, as the purchases are: the vendor of
    another seed would else add its reviews to this one's. A file that is there with this content is left alone, so
    that it is no new delivery.
    """
    drop.mkdir(parents=True, exist_ok=True)
    vendor, names = Vendor(shop), set[str]()
    for day in days.days():
        for name, content in vendor.files(day).items():
            names.add(name)
            target = drop / name
            if not target.is_file() or target.read_bytes() != content:
                _put(io.BytesIO(content), target)
    for path in drop.iterdir():
        day_of_file = day_of(path.name)
        of_these_days = day_of_file and (whole_drop or days.first <= day_of_file <= days.last)
        if of_these_days and path.name not in names and not path.is_dir():
            path.unlink()
    return len(names)


def generate_labels(home: Path, shop: Shop) -> Path:
    """Puts the sample vendor's labelled reviews into the home; gives the file."""
    target = home / SAMPLE_LABELS
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    _put(io.BytesIO(Vendor(shop).labels()), target)
    return target


def deliver(drop: Path, files: Sequence[Path]) -> list[Path]:
    """Copies files into the drop; each appears there whole. Raises `ShopDataError` before any is copied."""
    for path in files:
        if day_of(path.name) is None:
            raise ShopDataError(
                f"{path.name} is no name of a vendor file, and nothing was delivered; the vendor's are "
                "movie_review_YYYY-MM-DD*.csv and movie_review_YYYY-MM-DD*.csv.gz."
            )
    drop.mkdir(parents=True, exist_ok=True)
    for path in files:
        with path.open("rb") as content:
            _put(content, drop / path.name)
    return [drop / path.name for path in files]


def _put(content: BinaryIO, target: Path) -> None:
    """Makes a file that gets its name when it is whole and on the disk; until then it is hidden."""
    part = target.with_name(f".delivery-{os.getpid()}.part")
    try:
        with part.open("wb") as file:
            shutil.copyfileobj(content, file, _BLOCK)
            file.flush()
            os.fsync(file.fileno())
        part.rename(target)
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def _replacing(url: str, days: DayRange | None) -> Iterator[psycopg2.extensions.cursor]:
    """A transaction that has removed the purchases of the days, or all; what is put in is committed at its end."""
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


def _lines(path: Path, reading: Reading) -> Iterator[bytes]:
    try:
        for table in cell_tables(path, reading.encoding):
            yield from copy_lines(table, reading)
    except ShopDataError as error:
        raise ShopDataError(f"{error}; nothing was replaced.") from error
    except (EOFError, NotImplementedError, OSError, zipfile.BadZipFile, zlib.error) as error:
        raise ShopDataError(f"{path} cannot be unpacked ({error}); nothing was replaced.") from error
