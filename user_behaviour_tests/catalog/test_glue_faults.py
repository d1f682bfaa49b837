"""What becomes of a registration when Glue is slow, answers or refuses in part, or another run comes between."""

from datetime import date
from pathlib import Path

import pytest

from user_behaviour.aws.errors import CredentialsRejectedError
from user_behaviour.catalog.external_tables import CatalogError
from user_behaviour_tests.cloud.glue_database import D1, D2, D3, EXTERNAL, Glue, new_glue
from user_behaviour_tests.cloud.glue_wire import Body, GlueWire, Proceed, Refused
from user_behaviour_tests.cloud.moto_server import Cloud


@pytest.fixture
def glue(cloud: Cloud, tmp_path: Path) -> Glue:
    return new_glue(cloud, tmp_path)


def failing(day: date, *codes: str, operation: str = "BatchCreatePartition") -> GlueWire:
    """Glue that carries out a batch except for one day, for which it gives the codes, one a call."""
    left = list(codes)

    def alter(name: str, request: Body, proceed: Proceed) -> Body:
        inputs = request.get("PartitionInputList", [])
        concerned = [one for one in inputs if one["Values"] == [day.isoformat()]]
        if name != operation or not concerned or not left:
            return proceed(request)
        answer = proceed({**request, "PartitionInputList": [one for one in inputs if one not in concerned]})
        detail = {"ErrorCode": left.pop(0), "ErrorMessage": "it does not want to."}
        return {"Errors": [*answer.get("Errors", []), {"PartitionValues": [str(day)], "ErrorDetail": detail}]}

    return GlueWire(alter)


def test_the_answer_to_a_range_is_read_to_its_last_page(glue: Glue, cloud: Cloud) -> None:
    for day in (D1, D2, D3):
        glue.publish(day, "one", "a")
    glue.external.register(EXTERNAL, glue.dataset, [D1, D2, D3])

    def paged(operation: str, request: Body, proceed: Proceed) -> Body:
        answer = proceed(request)
        if operation != "GetPartitions":
            return answer
        at = int(request.get("NextToken", "0"))
        more = {"NextToken": str(at + 1)} if at < 2 else {}
        return {"Partitions": answer["Partitions"][at : at + 1], **more}

    with cloud.behind(GlueWire(paged)):
        assert glue.batches() == {D1: "one", D2: "one", D3: "one"}


def test_keys_that_glue_did_not_come_to_are_asked_for_again(glue: Glue, cloud: Cloud) -> None:
    for day in (D1, D2):
        glue.publish(day, "one", "a")
    glue.external.register(EXTERNAL, glue.dataset, [D1, D2])

    def lazy(operation: str, request: Body, proceed: Proceed) -> Body:
        if operation != "BatchGetPartition":
            return proceed(request)
        first, rest = request["PartitionsToGet"][:1], request["PartitionsToGet"][1:]
        return {**proceed({**request, "PartitionsToGet": first}), "UnprocessedKeys": rest}

    wire = GlueWire(lazy)
    with cloud.behind(wire):
        glue.external.register(EXTERNAL, glue.dataset, [D1, D2])
    assert len(wire.named("BatchGetPartition")) == 2
    assert wire.named("BatchCreatePartition") == []


def test_a_throttled_call_is_made_again(glue: Glue, cloud: Cloud) -> None:
    glue.publish(D1, "one", "a")
    throttled = iter([True])

    def alter(operation: str, request: Body, proceed: Proceed) -> Body:
        if operation == "BatchCreatePartition" and next(throttled, False):
            raise Refused("ThrottlingException", "Rate exceeded")
        return proceed(request)

    with cloud.behind(GlueWire(alter)):
        glue.external.register(EXTERNAL, glue.dataset, [D1])
    assert glue.batches() == {D1: "one"}


def test_a_day_that_fails_within_a_batch_for_a_passing_reason_is_tried_again_alone(glue: Glue, cloud: Cloud) -> None:
    for day in (D1, D2, D3):
        glue.publish(day, "one", "a")
    wire = failing(D2, "InternalServiceException", "ThrottlingException")

    with cloud.behind(wire):
        glue.external.register(EXTERNAL, glue.dataset, [D1, D2, D3])

    assert [len(one["PartitionInputList"]) for one in wire.named("BatchCreatePartition")] == [3, 1, 1]
    assert glue.batches() == {D1: "one", D2: "one", D3: "one"}


def test_a_day_that_is_refused_is_named_and_the_others_are_registered(glue: Glue, cloud: Cloud) -> None:
    for day in (D1, D2, D3):
        glue.publish(day, "one", "a")

    said = r"1 partitions of spectrum.parcels could not be registered \(2010-12-02: InvalidInputException: it does not"
    with cloud.behind(failing(D2, "InvalidInputException")), pytest.raises(CatalogError, match=said):
        glue.external.register(EXTERNAL, glue.dataset, [D1, D2, D3])
    assert glue.batches() == {D1: "one", D3: "one"}


def test_a_number_of_rows_that_another_run_writes_at_the_same_moment_stands(glue: Glue, cloud: Cloud) -> None:
    """It is a hint; no registration fails for it, and nothing else of the table is taken back."""
    glue.publish(D1, "one", "a")

    def alter(operation: str, request: Body, proceed: Proceed) -> Body:
        if operation == "UpdateTable":
            raise Refused("ConcurrentModificationException")
        return proceed(request)

    with cloud.behind(GlueWire(alter)):
        glue.external.register(EXTERNAL, glue.dataset, [D1])

    assert glue.batches() == {D1: "one"}
    assert "numRows" not in glue.table()["Parameters"]
    assert glue.external.define(EXTERNAL, glue.dataset)
    assert glue.table()["Parameters"]["numRows"] == "1"


def test_expired_credentials_are_one_clear_error(glue: Glue, cloud: Cloud) -> None:
    glue.publish(D1, "one", "a")

    def alter(operation: str, request: Body, proceed: Proceed) -> Body:
        raise Refused("ExpiredTokenException", "The security token included in the request is expired")

    wire = GlueWire(alter)
    said = rf"batch_get_partition of {glue.database}.parcels failed: Glue says ExpiredTokenException: .*Log in again"
    with cloud.behind(wire), pytest.raises(CredentialsRejectedError, match=said):
        glue.external.register(EXTERNAL, glue.dataset, [D1])
    assert len(wire.calls) == 1
    assert glue.batches() == {}


def test_the_older_batch_is_not_left_behind_by_a_run_that_writes_late(glue: Glue, cloud: Cloud) -> None:
    """A run has looked up batch one and is about to write it, when another publishes and registers batch two."""
    glue.publish(D1, "one", "a")
    late = iter([True])

    def alter(operation: str, request: Body, proceed: Proceed) -> Body:
        if operation == "BatchCreatePartition" and next(late, False):
            glue.publish(D1, "two", "b")
            glue.external.register(EXTERNAL, glue.dataset, [D1])
        return proceed(request)

    wire = GlueWire(alter)
    with cloud.behind(wire):
        given = glue.external.register(EXTERNAL, glue.dataset, [D1])

    written = [
        one["Entries"][0]["PartitionInput"]["Parameters"]["batch_id"] for one in wire.named("BatchUpdatePartition")
    ]
    assert written == ["one", "two"]
    assert given[D1].batch_id == "two"
    assert glue.batches() == {D1: "two"}


def test_a_day_that_is_published_without_end_is_given_up(glue: Glue, cloud: Cloud) -> None:
    glue.publish(D1, "one", "a")
    numbers = iter(range(1000))

    def alter(operation: str, request: Body, proceed: Proceed) -> Body:
        if operation == "BatchCreatePartition":
            glue.publish(D1, f"again-{next(numbers)}")
        return proceed(request)

    with (
        cloud.behind(GlueWire(alter)),
        pytest.raises(CatalogError, match="2010-12-01: the batch in force changed 20 times"),
    ):
        glue.external.register(EXTERNAL, glue.dataset, [D1])
