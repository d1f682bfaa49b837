"""A batch that would empty a day, or shrink it to under a tenth, waits for an approval: on every lake."""

import itertools
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from user_behaviour.lake.approvals import Approvals
from user_behaviour.lake.dataset import Dataset
from user_behaviour.lake.held_back import AwaitsApprovalError
from user_behaviour.lake.local import LocalLake
from user_behaviour.lake.manifests import Manifest, Rejection, Source
from user_behaviour_tests.contracts.test_dataset import DAY, PARCELS, parcels

BIG, SMALL = 20, 1
_MOMENTS = itertools.count()


def written(dataset: Dataset, batch_id: str, rows: int, *, code: str = "a", version: str = "") -> Manifest:
    """A batch of so many rows, with a later view than the one before, not published; of a file if it has a version."""
    with dataset.write(DAY, batch_id) as writer:
        writer.write(parcels(*[(code, number) for number in range(rows)]))
        sources = (Source("parcels.csv", rows, version),) if version else ()
        return writer.manifest(as_of=f"2010-12-02T06:00:00.{next(_MOMENTS):06}Z", sources=sources)


def land(dataset: Dataset, manifest: Manifest) -> str:
    """Publishes it as a guarded data set is; where that is refused, the rejection is recorded, and its name given."""
    approvals = Approvals(dataset)
    try:
        assert dataset.publish(manifest, judge=approvals.judge)
    except AwaitsApprovalError as error:
        in_force = dataset.current(DAY).batch_id
        dataset.reject(
            Rejection(
                "parcels",
                DAY,
                manifest.batch_id,
                manifest.as_of,
                error.reasons,
                in_force=in_force,
                awaits=error.awaits,
            )
        )
        (name,) = approvals.waiting()
        return name
    return ""


def approve(dataset: Dataset, name: str) -> None:
    approvals = Approvals(dataset)
    approvals.approve(approvals.waiting()[name], by="ann", why="the vendor's mail of 2 December")


def test_a_tenth_is_enough_and_less_waits(tmp_path: Path) -> None:
    cases = [(20, 2, False), (20, 1, True), (1, 0, True), (0, 0, False), (11, 1, True), (10, 1, False), (0, 9, False)]
    for before, after, waits in cases:
        dataset = LocalLake(root=str(tmp_path / f"{before}-{after}")).dataset(PARCELS)
        dataset.publish(written(dataset, "before", before))
        assert bool(land(dataset, written(dataset, "after", after))) is waits, (before, after)
        assert dataset.current(DAY).rows == (before if waits else after)


def test_the_same_delivery_waits_in_every_run_until_it_is_approved(dataset: Dataset) -> None:
    dataset.publish(written(dataset, "before", BIG))
    name = land(dataset, written(dataset, "run-1", SMALL, version="v1"))
    assert land(dataset, written(dataset, "run-2", SMALL, version="v1")) == name
    assert dataset.batch(DAY, "run-2") is None  # never published

    approve(dataset, name)

    assert not Approvals(dataset).waiting()
    assert land(dataset, written(dataset, "run-3", SMALL, version="v1")) == ""
    facts = dataset.current(DAY).facts
    assert (facts["approved_by"], facts["approved_because"]) == ("ann", "the vendor's mail of 2 December")
    found = dataset.lake.read(f"{dataset.directory(DAY)}/_approved-{name.rpartition('/')[2]}.json")
    assert found is not None
    record = json.loads(found[0])
    assert (record["in_force"], record["by"], record["at"]) == ("before", "ann", facts["approved_at"])
    assert record["said"] == [
        "1 rows (parcels.csv) would take the place of 20; if that is right, call `user-behaviour approve "
        f"{name} --why TEXT` and run the day again"
    ]


OTHERS = {
    "other rows": {"code": "b", "version": "v1"},
    "another version of the file": {"version": "v2"},
    "fewer rows": {"rows": 0, "version": "v1"},
}


@pytest.mark.parametrize("other", OTHERS)
def test_an_approval_is_for_one_delivery(dataset: Dataset, other: str) -> None:
    dataset.publish(written(dataset, "before", BIG))
    name = land(dataset, written(dataset, "run-1", SMALL, version="v1"))
    approve(dataset, name)

    assert land(dataset, written(dataset, "run-2", **{"rows": SMALL, **OTHERS[other]})) not in ("", name)  # type: ignore[arg-type]


def test_an_approval_is_for_the_place_of_one_batch(dataset: Dataset) -> None:
    """A source that is emptied, filled, and emptied once more looks the same both times."""
    dataset.publish(written(dataset, "before", BIG))
    approve(dataset, land(dataset, written(dataset, "run-1", 0)))
    assert land(dataset, written(dataset, "run-2", 0)) == ""
    assert land(dataset, written(dataset, "run-3", BIG)) == ""

    assert land(dataset, written(dataset, "run-4", 0))
    assert dataset.current(DAY).batch_id == "run-3"


def test_what_another_run_publishes_meanwhile_is_weighed_too(dataset: Dataset) -> None:
    """The day was empty when the small batch was judged first, and a full one came before it could be published."""
    dataset.publish(written(dataset, "before", 0))
    full, small = written(dataset, "full", BIG), written(dataset, "small", SMALL)
    judged = []

    def judge(before: Manifest, after: Manifest) -> Manifest:
        judged.append(before.batch_id)
        if len(judged) == 1:
            dataset.publish(full)
        return Approvals(dataset).judge(before, after)

    with pytest.raises(AwaitsApprovalError):
        dataset.publish(small, judge=judge)

    assert judged == ["before", "full"]
    assert dataset.current(DAY).batch_id == "full"


def test_an_approval_that_was_cut_off_is_to_be_given_again(dataset: Dataset) -> None:
    dataset.publish(written(dataset, "before", BIG))
    name = land(dataset, written(dataset, "run-1", 0))
    dataset.lake.write(f"{dataset.directory(DAY)}/_approved-{name.rpartition('/')[2]}.json", b'{"by": "an')

    assert land(dataset, written(dataset, "run-2", 0)) == name
    approve(dataset, name)
    assert land(dataset, written(dataset, "run-3", 0)) == ""


STEPS = st.lists(st.just("approve") | st.tuples(st.sampled_from([0, 1, 2, 10, 25]), st.sampled_from("ab")), max_size=9)


@pytest.mark.search
@given(steps=STEPS)
def test_no_day_shrinks_without_the_word_for_that_delivery_in_that_place(
    tmp_path_factory: pytest.TempPathFactory, steps: list[str | tuple[int, str]]
) -> None:
    dataset = LocalLake(root=str(tmp_path_factory.mktemp("lake"))).dataset(PARCELS)
    in_force, approved, waits = (-1, 0), set[object](), None
    for number, step in enumerate(steps):
        if isinstance(step, str):
            for name in Approvals(dataset).waiting():
                approve(dataset, name)
            approved.add(waits)
            continue
        rows, code = step
        delivery = (in_force, rows, code if rows else "")
        may_land = 10 * rows >= in_force[1] or delivery in approved
        assert bool(land(dataset, written(dataset, f"run-{number}", rows, code=code))) is not may_land
        in_force, waits = ((number, rows), None) if may_land else (in_force, delivery)
        assert dataset.manifests([DAY])[DAY].rows == in_force[1]
