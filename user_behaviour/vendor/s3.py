"""Twin of the vendor's drop: the objects directly below a prefix of S3. An object is there when its upload is whole."""

import io
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, BinaryIO
from urllib.parse import unquote_plus

from pydantic import Field

from user_behaviour.aws.errors import aws_errors
from user_behaviour.aws.s3_prefix import InS3
from user_behaviour.diagnosis import Diagnosis, good
from user_behaviour.lake.objects import Objects
from user_behaviour.lake.s3 import S3Lake
from user_behaviour.vendor.drop import DropEvents, DropPage, DroppedFile, VendorDrop

_RECEIVES = 5  # in a tick
_MESSAGES = 10  # of a request to SQS, at most
_AFTER_ALL = chr(0x10FFFF)


class S3VendorDrop(InS3, VendorDrop):
    """The vendor's drop as a prefix of a bucket on Amazon S3, without what lies in folders below it."""

    queue: str = Field(default="", description="The URL of the SQS queue of the bucket's events; empty: there is none.")

    def files(self, named: Callable[[str], bool] = lambda _: True) -> Sequence[DroppedFile]:
        pages = self.place.pages(self.place.below(""), Delimiter="/")
        found = (self._dropped(item) for page in pages for item in page.get("Contents", ()))
        return sorted((file for file in found if file.name and named(file.name)), key=lambda file: file.name)

    def page(self, limit: int, *, after: str = "", prefix: str = "") -> DropPage:
        below = self.place.below("")
        options = {"StartAfter": f"{below}{after}"} if after else {}
        pages = self.place.pages(f"{below}{prefix}", Delimiter="/", PaginationConfig={"PageSize": limit}, **options)
        answer = next(pages)
        names = [item["Key"] for item in answer.get("Contents", ())]
        # A folder stands for all that is in it, and comes again after each of that.
        names += [folder["Prefix"] + _AFTER_ALL for folder in answer.get("CommonPrefixes", ())]
        return DropPage(
            [file for item in answer.get("Contents", ()) if (file := self._dropped(item)).name],
            prefix=prefix,
            after=after,
            last=max(names).removeprefix(below) if answer["IsTruncated"] else None,
        )

    def events(self) -> DropEvents:
        names, receipts = set(), []
        for _ in range(_RECEIVES if self.queue else 0):
            if not (messages := self._received()):
                break
            for message in messages:
                # What is no message of a bucket's is left to the queue, which sets it aside.
                if (named := self._names_in(message["Body"])) is not None:
                    names |= named
                    receipts.append(message["ReceiptHandle"])
        return DropEvents(sorted(names), receipts)

    def forget(self, receipts: Sequence[str]) -> None:
        for start in range(0, len(receipts), _MESSAGES):
            entries = [{"Id": str(n), "ReceiptHandle": r} for n, r in enumerate(receipts[start : start + _MESSAGES])]
            with aws_errors("sqs", "Deleting messages of", self.queue):
                self.aws.client("sqs").delete_message_batch(QueueUrl=self.queue, Entries=entries)

    def self_check(self) -> Iterator[Diagnosis]:
        yield from super().self_check()
        if self.queue:
            self._received(VisibilityTimeout=0)  # seen by the sensor all the same
            yield good("events", f"{self.queue} can be received from")

    def open(self, name: str) -> BinaryIO:
        return io.BufferedReader(self.place.open(name), 1 << 20)

    def copy_to_lake(self, file: DroppedFile, lake: Objects, path: str) -> bool:
        if is_s3 := isinstance(lake, S3Lake):
            source = {"Bucket": self.bucket, "Key": self.place.key(file.name)}
            lake.copy_in(path, source, etag=file.version.partition("-")[2])
        return is_s3

    def find(self, name: str) -> DroppedFile | None:
        # By the listing and not by HEAD, whose time has not the same resolution: both must give the same version.
        key = self.place.key(name)
        page = next(self.place.pages(key, PaginationConfig={"PageSize": 1}))  # a key comes before all that it begins
        return next((self._dropped(item) for item in page.get("Contents", ()) if item["Key"] == key), None)

    def uri(self) -> str:
        return self.place.uri("")

    def _dropped(self, item: Mapping[str, Any]) -> DroppedFile:
        """The object as a listing shows it. The same bytes have the same ETag, but for parts and keys of KMS."""
        name = item["Key"].removeprefix(self.place.below(""))
        modified_at = item["LastModified"].timestamp()
        etag = item["ETag"].strip('"')
        version = f"{item['Size']:x}-{etag}"
        formerly = f"{int(modified_at * 1000):x}-{version}"
        return DroppedFile(name, item["Size"], version, modified_at, is_whole=True, formerly=formerly)

    def _received(self, **options: int) -> list[dict[str, Any]]:
        with aws_errors("sqs", "Receiving from", self.queue):
            sqs = self.aws.client("sqs")
            answer = sqs.receive_message(QueueUrl=self.queue, MaxNumberOfMessages=_MESSAGES, **options)
        return list(answer.get("Messages", ()))

    def _names_in(self, body: str) -> set[str] | None:
        """The names that an event of the bucket is about, which may be none; None where it is no event."""
        try:
            said = json.loads(body)
            records = () if said.get("Event") == "s3:TestEvent" else said["Records"]
            objects = {(one["s3"]["bucket"]["name"], unquote_plus(one["s3"]["object"]["key"])) for one in records}
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            return None
        below = self.place.below("")
        return {key.removeprefix(below) for bucket, key in objects if bucket == self.bucket and key.startswith(below)}
