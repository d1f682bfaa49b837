"""What the name of a vendor's file says: whether it is the vendor's, and of which day the file is."""

import re
from datetime import date

from user_behaviour.tables.schemas import RAW_REVIEWS

_NAME = re.compile(r"movie_review_([0-9]{4}-[0-9]{2}-[0-9]{2})[^\x00-\x1f]*\.csv(?:\.gz)?")
_LONGEST = next(column.max_bytes or 0 for column in RAW_REVIEWS.columns if column.name == "source_file")


def day_of(name: str) -> date | None:
    """The day that a vendor file's name says, or None for a foreign name and for a day that no calendar has.

    The vendor's names are `movie_review_YYYY-MM-DD*.csv` and `….csv.gz`, case included; of a path the last component
    counts. A name too long for the column `source_file` is foreign.
    """
    name = name.rpartition("/")[2]
    match = _NAME.fullmatch(name)
    if match is None:
        return None
    try:
        # A name that is not UTF-8 could not stand in the column either.
        return date.fromisoformat(match.group(1)) if len(name.encode()) <= _LONGEST else None
    except ValueError:
        return None
