"""What of the vendor's drop the lake was not made from yet, and what cannot be taken. Pure: no Dagster, no clock.

The state of drop and lake decides, and not who looked before: a sensor that has just been switched on, a run and a
person come to the same answer.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import date

from user_behaviour.lake.manifests import Manifest
from user_behaviour.tables.days import DayRange
from user_behaviour.vendor.drop import DroppedFile
from user_behaviour.vendor.file_name import day_of


def new_files(files: Iterable[DroppedFile], in_force: Mapping[date, Manifest]) -> dict[date, list[DroppedFile]]:
    """By day, the files that the batch in force of their day was not made from: by name, size and version.

    The batch may be one of release 0.2.0.
    """
    found: dict[date, list[DroppedFile]] = defaultdict(list)
    for file in files:
        if (day := day_of(file.name)) is not None and not _is_landed(file, in_force.get(day)):
            found[day].append(file)
    return dict(found)


def objections(names: Iterable[str], unusable: Mapping[str, str], partitions: DayRange | None) -> dict[str, str]:
    """Why what is in the drop cannot be taken now, by name.

    `names` are those of files, `unusable` says what else is there, `partitions` are the days that exist as partitions.
    """
    found = ((name, _objection(name, partitions)) for name in names)
    no_files = {name: f"it is {kind}; it is left alone" for name, kind in unusable.items()}
    return no_files | {name: objection for name, objection in found if objection}


def _is_landed(file: DroppedFile, manifest: Manifest | None) -> bool:
    return manifest is not None and any(
        (source.name, source.size) == (file.name, file.size) and source.version in (file.version, file.formerly)
        for source in manifest.sources
    )


def _objection(name: str, partitions: DayRange | None) -> str:
    day = day_of(name)
    if day is None:
        return "not a name of the vendor's, movie_review_YYYY-MM-DD*.csv[.gz]; it is left alone"
    if partitions is None or day > partitions.last:
        last = f"the last is {partitions.last}" if partitions else "there is none"
        return f"its day has no partition yet ({last}); it is taken when the day has one"
    if day < partitions.first:
        return f"its day is before the first partition, {partitions.first}; it is left alone"
    return ""
