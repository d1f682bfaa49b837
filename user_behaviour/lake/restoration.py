"""Records of a data set that cannot be read: where there are such, and what puts the day right again.

They are written in one step, yet a machine that loses its power, or a hand, may leave one cut off.
"""

from datetime import date

from user_behaviour.lake.dataset import CURRENT, REJECTED, Dataset
from user_behaviour.lake.held_back import UnreadableRecordError
from user_behaviour.lake.manifests import lies_ahead


def unreadable(dataset: Dataset, day: date) -> UnreadableRecordError | None:
    """Says which record of the day cannot be read, if one cannot: which batch is in force, or what was rejected."""
    try:
        dataset.published(day)
        dataset.rejection(day)
    except UnreadableRecordError as error:
        return error
    return None


def restore(dataset: Dataset, day: date) -> None:
    """Puts the newest batch of the day in force if the record of that cannot be read; removes an unreadable rejection.

    The newest is the one that publishing would have left in force. Where the day has no batch any more, it is missing.
    """
    directory = dataset.directory(day)
    try:
        dataset.published(day)
    except UnreadableRecordError:
        manifests = [found for name in dataset.batches(day) if (found := dataset.batch(day, name))]
        if manifests:
            newest = max(manifests, key=lambda found: (not lies_ahead(found.as_of), found.as_of, found.written_at))
            dataset.lake.write(f"{directory}/{CURRENT}", newest.to_json())
        else:
            dataset.lake.delete(f"{directory}/{CURRENT}")
    if unreadable(dataset, day):
        dataset.lake.delete(f"{directory}/{REJECTED}")
