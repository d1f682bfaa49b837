"""Batches whose files have a footer and no rows any more: to read one fails, to read a footer does not."""

from datetime import date

from user_behaviour.lake.dataset import Dataset


def blank_pages(dataset: Dataset, day: date) -> None:
    """Overwrites everything but the footer of the files in force of a day; they stay as large as they are."""
    manifest = dataset.current(day)
    for file in manifest.files:
        path = f"{dataset.batch_directory(day, manifest.batch_id)}/{file.name}"
        with dataset.lake.open(path) as stream:
            content = stream.read()
        footer = 8 + int.from_bytes(content[-8:-4], "little")  # its length, and `PAR1`, end the file
        dataset.lake.write(path, content[:4].ljust(len(content) - footer, b"\0") + content[-footer:])
