"""Files of labels: what counts, what is kept out and why, and versions that are named after what the files say."""

import csv
import gzip
import subprocess
import sys
from pathlib import Path

import pytest

from user_behaviour.classifier.labels import Labels, LabelsError
from user_behaviour.lake.local import LocalLake
from user_behaviour_tests.classifier import crashing_loader

HEADER = "review_str,positive_review\n"
GOOD = "".join(f"a film of {number} hours,{'true' if number % 2 else 'FALSE'}\n" for number in range(20))


@pytest.fixture
def labels(tmp_path: Path) -> Labels:
    return Labels(LocalLake(root=str(tmp_path / "lake")))


def file(tmp_path: Path, text: str, name: str = "labels.csv") -> Path:
    content = text.encode()
    (tmp_path / name).write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    return tmp_path / name


@pytest.mark.parametrize("name", ["labels.csv", "labels.csv.gz"])
def test_rows_are_kept_with_their_lines(labels: Labels, tmp_path: Path, name: str) -> None:
    text = HEADER + '"one\n""two"", <br />",1\nthree,0\n' + GOOD
    landed = labels.land([file(tmp_path, text, name)])

    rows = labels.read(landed.version)
    assert [(row.review_str, row.positive_review, row.source_file, row.line_number) for row in rows[:3]] == [
        ('one\n"two", <br />', True, name, 2),
        ("three", False, name, 4),
        ("a film of 0 hours", False, name, 5),
    ]
    assert (landed.rows, landed.positives, landed.quarantined, landed.duplicates) == (22, 11, 0, 0)
    assert labels.current() == landed


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("a film", "2 fields expected, 1 found"),
        ("a,b,true", "2 fields expected, 3 found"),
        ("a film,perhaps", "the label is 'perhaps', and not true or false"),
        ("a film,", "the label is '', and not true or false"),
        (",true", "the text has no letter and no digit"),
        ("<br /> !,true", "the text has no letter and no digit"),
    ],
)
def test_a_row_that_cannot_be_used_is_kept_out_with_its_reason(
    labels: Labels, tmp_path: Path, row: str, reason: str
) -> None:
    landed = labels.land([file(tmp_path, f"{HEADER}{row}\n{GOOD}")])

    (bad,) = labels.quarantine(landed.version)
    assert (bad.line_number, bad.reason) == (2, reason)
    assert landed.rows == 20


def test_a_text_with_both_labels_is_kept_out_and_a_repeated_one_counts_once(labels: Labels, tmp_path: Path) -> None:
    text = HEADER + "Mixed <i>one</i>!,true\nfine,true\nmixed one,false\nfine,true\n" + GOOD
    landed = labels.land([file(tmp_path, text)])

    assert [(bad.line_number, bad.reason) for bad in labels.quarantine(landed.version)] == [
        (2, "the same text has both labels"),
        (4, "the same text has both labels"),
    ]
    assert (landed.rows, landed.duplicates) == (21, 1)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("review,label\na,true\n", "begins with 'review, label'; expected is 'review_str, positive_review'"),
        ("", "begins with ''"),
        (HEADER + GOOD + "a,x\nb,x\nc,x\n", "3 of 23 rows cannot be used, which is more than 10%: labels.csv, line 22"),
        (HEADER + "a,true\nb,true\n", "2 of 2 labels are positive; there must be both kinds"),
        (HEADER + 'a,true\n"b,false\nc,true\n', "the row that begins on line 3: unexpected end of data"),
        (
            HEADER + "".join(f"a film {at},{at % 2}\n" for at in range(4)),
            "2 of 4 labels are positive; there must be both",
        ),
        (HEADER, "0 of 0 labels are positive"),
    ],
)
def test_files_that_cannot_be_taken_leave_what_is_there(labels: Labels, tmp_path: Path, text: str, says: str) -> None:
    before = labels.land([file(tmp_path, HEADER + GOOD)])

    with pytest.raises(LabelsError, match=says):
        labels.land([file(tmp_path, text)])
    assert labels.current() == before


def test_a_file_that_unpacks_to_more_than_labels_can_be_is_refused_before_it_is_read(
    labels: Labels, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("user_behaviour.classifier.labels.MOST_BYTES", 999)
    (tmp_path / "bomb.csv.gz").write_bytes(gzip.compress(b"a" * 1_000))
    with pytest.raises(LabelsError, match=r"bomb\.csv\.gz has more than 999 bytes, unpacked"):
        labels.land([tmp_path / "bomb.csv.gz"])


def test_bytes_that_are_no_text_are_refused(labels: Labels, tmp_path: Path) -> None:
    packed = gzip.compress((HEADER + GOOD).encode())
    broken = packed[:10] + b"\xff" + packed[11:]  # no such kind of block
    for name, content in (
        ("a.csv", b"\xff\xfe"),
        ("b.csv.gz", b"no gz"),
        ("c.csv.gz", packed[:-12]),
        ("d.csv.gz", broken),
    ):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(LabelsError, match=f"{name} cannot be read"):
            labels.land([tmp_path / name])
    assert labels.current() is None


def test_the_same_files_are_the_same_version_and_changed_ones_another(labels: Labels, tmp_path: Path) -> None:
    one, two = file(tmp_path, HEADER + GOOD), file(tmp_path, HEADER + "more,true\n", "more.csv")
    first, both = labels.land([one]), labels.land([two, one])

    assert labels.land([one, two]) == both
    assert first.version != both.version
    assert labels.land([one]) == first
    assert labels.current() == first


def test_all_of_a_group_are_on_the_same_side_and_one_group_in_ten_is_kept_from_training(
    labels: Labels, tmp_path: Path
) -> None:
    rows = "".join(
        f"Film {n} is fine,true\nfilm {n} is <b>fine</b>!,true\nFilm {n} is dull,false\n" for n in range(700)
    )
    found = labels.read(labels.land([file(tmp_path, HEADER + rows)]).version)

    sides = {}
    for label in found:
        assert sides.setdefault(label.group, label.is_test) == label.is_test
    assert len(sides) == 1_400
    assert 100 < sum(sides.values()) < 180


def test_the_real_labels(labels: Labels, real_data: Path) -> None:
    path = real_data / "labelled_reviews.csv.gz"
    with gzip.open(path, "rt", encoding="utf-8", newline="") as opened:
        rows = {(row["review_str"], row["positive_review"]) for row in csv.DictReader(opened)}

    landed = labels.land([path])

    assert (landed.rows + landed.quarantined, landed.rows + landed.quarantined + landed.duplicates) == (
        len(rows),
        25_000,
    )
    assert landed.positives == sum(said == "true" for _, said in rows)


def test_near_copies_are_on_the_same_side(labels: Labels, tmp_path: Path) -> None:
    long = " ".join(f"word{number}" for number in range(200))
    text = HEADER + GOOD + "".join(f"{long} {number},{number % 2}\n" for number in range(20))

    landed = labels.read(labels.land([file(tmp_path, text)]).version)

    found = [label for label in landed if label.review_str.startswith("word0")]
    assert len(found) == 20
    assert len({label.group for label in found}) == len({label.is_test for label in found}) == 1


def test_after_a_death_at_any_step_the_labels_before_are_taken_and_loading_again_takes_the_others(
    tmp_path: Path,
) -> None:
    before, after = file(tmp_path, HEADER + GOOD, "before.csv"), file(tmp_path, HEADER + GOOD + "more,1\n", "after.csv")
    (root := tmp_path / "lakes").mkdir()
    done = subprocess.run(
        [sys.executable, "-m", crashing_loader.__name__, str(root), str(before), str(after)],
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"")

    states = []
    for step in range(1, len(list(root.iterdir())) + 1):
        loaded = Labels(LocalLake(root=str(root / str(step))))
        current = loaded.current()
        assert current is not None
        states.append(len(loaded.read(current.version)))
        assert len(loaded.read(loaded.land([after]).version)) == 21
        assert (loaded.current() or current).rows == 21

    assert states == [20] * states.count(20) + [21] * states.count(21)
    assert states.count(20) > 10
    assert states.count(21) >= 1


def test_a_load_that_another_overtakes_is_taken_last(
    labels: Labels, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine, rival = file(tmp_path, HEADER + GOOD, "mine.csv"), file(tmp_path, HEADER + GOOD + "more,1\n", "rival.csv")
    swap = LocalLake.swap

    def overtaken(lake: LocalLake, path: str, content: bytes, *, expected: str | None) -> bool:
        monkeypatch.setattr(LocalLake, "swap", swap)
        labels.land([rival])
        return swap(lake, path, content, expected=expected)

    monkeypatch.setattr(LocalLake, "swap", overtaken)
    landed = labels.land([mine])

    assert (landed.files, landed) == (["mine.csv"], labels.current())
