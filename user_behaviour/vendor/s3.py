"""Twin of the vendor's drop: the objects directly below a prefix of S3. An object is there when its upload is whole."""

import io
from collections.abc import Callable, Mapping, Sequence
from typing import Any, BinaryIO

from user_behaviour.aws.s3_prefix import InS3
from user_behaviour.vendor.drop import DroppedFile, VendorDrop


class S3VendorDrop(InS3, VendorDrop):
    """The vendor's drop as a prefix of a bucket on Amazon S3, without what lies in folders below it."""

    def files(self, named: Callable[[str], bool] = lambda _: True) -> Sequence[DroppedFile]:
        pages = self.place.pages(self.place.below(""), Delimiter="/")
        found = (self._dropped(item) for page in pages for item in page.get("Contents", ()))
        return sorted((file for file in found if file.name and named(file.name)), key=lambda file: file.name)

    def open(self, name: str) -> BinaryIO:
        return io.BufferedReader(self.place.open(name), 1 << 20)

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
