"""The events of the vendor's bucket, as moto's S3 puts them into moto's SQS; what is none, the test puts there."""

import json
from dataclasses import dataclass
from typing import Any

import pytest

from user_behaviour.doctor.examination import ROLE_ERRORS, checked
from user_behaviour.vendor.s3 import S3VendorDrop
from user_behaviour_tests.cloud.moto_server import Cloud
from user_behaviour_tests.doctor.said import said
from user_behaviour_tests.vendor.files import drop_with_queue

NAME = "movie_review_2010-12-01 ø+1.csv"  # its key is encoded in the event


@dataclass(frozen=True)
class Heard:
    """A drop whose bucket tells a queue what comes."""

    drop: S3VendorDrop
    s3: Any
    sqs: Any

    def put(self, key: str) -> None:
        self.s3.put_object(Bucket=self.drop.bucket, Key=key, Body=b"1")

    def say(self, message: object) -> None:
        text = message if isinstance(message, str) else json.dumps(message)
        self.sqs.send_message(QueueUrl=self.drop.queue, MessageBody=text)

    def waiting(self) -> int:
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        found = self.sqs.get_queue_attributes(QueueUrl=self.drop.queue, AttributeNames=names)["Attributes"]
        return sum(map(int, found.values()))

    def show_again(self, receipts: Any) -> None:
        """As when the visibility timeout has passed."""
        for receipt in receipts:
            self.sqs.change_message_visibility(QueueUrl=self.drop.queue, ReceiptHandle=receipt, VisibilityTimeout=0)


@pytest.fixture
def heard(cloud: Cloud) -> Heard:
    return Heard(drop_with_queue(cloud), cloud.aws.client("s3"), cloud.aws.client("sqs"))


def test_an_event_names_its_file_again_and_again_until_it_is_forgotten(heard: Heard) -> None:
    heard.put(f"drops/{NAME}")

    first = heard.drop.events()
    assert (list(first.names), list(heard.drop.events().names)) == ([NAME], [])
    heard.show_again(first.receipts)
    second = heard.drop.events()
    assert list(second.names) == [NAME]
    heard.drop.forget(second.receipts)

    assert heard.waiting() == 0


def test_what_is_not_of_the_drop_names_nothing_and_what_is_no_event_is_left_to_the_queue(heard: Heard) -> None:
    heard.put("other/movie_review_2010-12-02.csv")
    elsewhere = {"s3": {"bucket": {"name": "other"}, "object": {"key": "drops/movie_review_2010-12-03.csv"}}}
    heard.say({"Records": [elsewhere]})
    for poison in ("{", "[]", "7", "[" * 100_000, {"Records": 7}, {"Records": [{"s3": None}]}, {"Records": [{}]}):
        heard.say(poison)
    heard.put(f"drops/{NAME}")

    found = heard.drop.events()
    heard.drop.forget(found.receipts)

    assert list(found.names) == [NAME]
    assert heard.waiting() == 7


def test_a_drop_says_whether_its_queue_can_be_received_from(heard: Heard) -> None:
    heard.put(f"drops/{NAME}")
    assert f"✓ events: {heard.drop.queue} can be received from" in said(heard.drop.self_check())
    assert list(heard.drop.events().names) == [NAME]

    heard.sqs.delete_queue(QueueUrl=heard.drop.queue)
    found = said(checked([heard.drop.self_check], expected=ROLE_ERRORS))
    assert "✗ error: Receiving from" in found
    assert "Create the queue (the template in deploy/ does), or correct USER_BEHAVIOUR_VENDOR_QUEUE" in found
