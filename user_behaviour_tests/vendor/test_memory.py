"""What a landing and its checks hold in memory is bounded by settings, whatever the vendor delivers."""

import gzip
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from user_behaviour.vendor.review_file import LONGEST_RECORD
from user_behaviour_tests.vendor.files import FIRST, HEADER

pytestmark = pytest.mark.takes(40)


def land(root: Path, *, share: float) -> dict[str, Any]:
    """Lands and checks what is in `root`/vendor, in a process of its own."""
    command = [sys.executable, "-W", "ignore", "-m", "user_behaviour_tests.vendor.landing_process", str(root)]
    done = subprocess.run([*command, str(share)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout.splitlines()[-1]))


def test_memory_does_not_grow_with_what_is_delivered(tmp_path: Path) -> None:
    """Bad rows used to wait in memory, several times; what was said of an unreadable file held on to its buffers."""
    vendor, wide = tmp_path / "vendor", b"x" * 6_000
    vendor.mkdir()
    # 180 MB, of which half cannot be used; and 80 files with a line that is too long.
    (vendor / FIRST).write_bytes(HEADER + (b"1," + wide + b"\n2,," + wide + b"\n") * 15_000)
    for number in range(80):
        (vendor / f"movie_review_2010-12-02_{number}.csv").write_bytes(HEADER + b"x" * (LONGEST_RECORD + 1))

    found = land(tmp_path, share=0.6)

    assert found["rows"] == [30_000]
    assert found["checks"]["reviews_in_files_equal_landed_and_quarantined"]
    assert found["risen"] < 100


@pytest.mark.slow
@pytest.mark.search
def test_millions_of_bad_rows_are_landed_and_checked_in_400_mib(tmp_path: Path, searching: bool) -> None:
    """Five million, 9.8 KB of gzip, used to take 2.1 GB. They are landed by `make search`, and else two million."""
    millions = 5 if searching else 2
    (tmp_path / "vendor").mkdir()
    with gzip.open(tmp_path / "vendor" / f"{FIRST}.gz", "wb") as file:
        file.writelines([HEADER, *[b"x\n" * 10_000] * 100 * millions])

    found = land(tmp_path, share=1)

    assert found["rows"] == [millions * 1_000_000, 0]
    assert found["checks"]["reviews_in_files_equal_landed_and_quarantined"]
    assert not found["checks"]["quarantine_is_empty"]
    assert found["peak"] < 400
