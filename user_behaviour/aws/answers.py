"""What AWS said instead of doing it, as boto3 has it in an answer and pyarrow in a sentence."""

from __future__ import annotations

import re
from dataclasses import dataclass

from botocore.exceptions import ClientError


@dataclass(frozen=True)
class Answer:
    """Its code and message; `operation` is AWS's name, `region` the bucket's, `attempts` counts what was asked."""

    code: str
    message: str
    operation: str
    status: int = 0
    attempts: int = 1
    region: str = ""

    @classmethod
    def of_boto(cls, error: ClientError) -> Answer:
        said, answer = error.response.get("Error", {}), error.response.get("ResponseMetadata", {})
        return cls(
            said.get("Code", "no code"),
            said.get("Message", "no message"),
            error.operation_name,
            status=answer.get("HTTPStatusCode", 0),
            attempts=answer.get("RetryAttempts", 0) + 1,
            region=answer.get("HTTPHeaders", {}).get("x-amz-bucket-region", ""),
        )

    @classmethod
    def of_arrow(cls, text: str) -> Answer | None:
        """None where the error is not of S3. Of a code that pyarrow does not know it tells the name, or the status."""
        found = re.search(r"AWS Error (\w+)(?: \(HTTP status (\d+)\))?(?: during (\w+) operation)?", text)
        if not found:
            return None
        code, status, operation = found.groups()
        unknown = re.search(r"ExceptionName: ([\w.]+)", text)
        message = text.split(" operation: ", 1)[-1]
        return cls(unknown[1] if unknown else status or code, message, operation or "")
