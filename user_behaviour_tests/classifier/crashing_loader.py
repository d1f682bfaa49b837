"""A program whose children load labels and die, as by kill -9, each at another step of the work.

Started by the tests: `python -m …crashing_loader ROOT BEFORE AFTER`. The n-th child works in ROOT/n: it loads the file
BEFORE and then dies at its n-th step while it loads AFTER. The last child is the first that came to its end.
"""

import itertools
import os
import sys
from pathlib import Path

from user_behaviour.classifier.labels import Labels
from user_behaviour.lake.local import LocalLake
from user_behaviour_tests.contracts.crashing_publisher import Death, arm


def main(root: Path, before: Path, after: Path) -> None:
    """Forks a child for each step."""
    for step in itertools.count(1):
        child = os.fork()
        if not child:
            labels = Labels(LocalLake(root=str(root / str(step))))
            labels.land([before])
            arm(Death(step))
            labels.land([after])
            os._exit(0)
        _, status = os.waitpid(child, 0)
        if (code := os.waitstatus_to_exitcode(status)) != 9:
            sys.exit(code)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
