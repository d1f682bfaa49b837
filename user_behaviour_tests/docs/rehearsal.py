"""docs/aws.md as a script: its commands in their order, each by whom the line above it names, on what stands for AWS.

By the AWS CLI itself, in `.venv/aws`. What takes the place of an example of the guide, such as a
network, is the test's business. `user-behaviour` runs without what `pip install .` would not install.
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.metadata import distribution, packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from user_behaviour_tests.cloud.authority import Authority
from user_behaviour_tests.cloud.moto_server import ENVIRONMENT

CHECKOUT = Path(__file__).resolve().parents[2]
GUIDE = (CHECKOUT / "docs" / "aws.md").read_text(encoding="utf-8")
AWS_CLI = Path(sys.prefix) / "aws" / "bin" / "aws"
ON_A_MACHINE = "on a new host"  # what only a machine of its own can show
_COMMAND = """#!{python}
import sys
ABSENT = {absent!r}
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ABSENT:
            raise ModuleNotFoundError(f"{{name}} is no part of a production installation", name=name)
sys.meta_path.insert(0, Absent())
from user_behaviour.commands.cli import main
main()
"""


@dataclass(frozen=True)
class Block:
    """Commands of the guide: who carries them out, where, and the text."""

    who: str
    where: str
    text: str


def blocks() -> list[Block]:
    """All that is rehearsed. A block that nobody is named for is none, and must not be marked as shell."""
    found = [
        Block(*match) for match in re.findall(r"\*([A-Z][\w ]+), ([\w ]+):\*\n\n```sh\n(.*?)```", GUIDE, re.DOTALL)
    ]
    return [block for block in found if block.where != ON_A_MACHINE]


@dataclass
class Rehearsal:
    """A directory that is the checkout, the identities with their variables, and the log of what was carried out."""

    directory: Path
    url: str
    identities: dict[str, dict[str, str]]
    authority: Authority
    examples: dict[str, str]
    log: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        if not AWS_CLI.exists():
            pytest.fail(f"the AWS CLI is not at {AWS_CLI}; make it by `make {AWS_CLI.relative_to(AWS_CLI.parents[3])}`")
        (self.directory / "bin").mkdir(parents=True)
        for name in ("deploy", "sql"):
            (self.directory / name).symlink_to(CHECKOUT / name)
        (self.directory / "bin" / "aws").symlink_to(AWS_CLI)
        command = self.directory / "bin" / "user-behaviour"
        command.write_text(_COMMAND.format(python=sys.executable, absent=sorted(absent_in_production())))
        command.chmod(0o755)

    def carry_out(self, block: Block) -> str:
        """One block, to its end or its first error; what it printed."""
        text = block.text
        for example, real in self.examples.items():
            text = text.replace(example, real)
        settings = "set -a; . ./.env; set +a\n" if block.where == "on the host" and self.env.exists() else ""
        place = self.directory / ".user_behaviour" / "vendor" if block.who == "Vendor" else self.directory
        told = {name: value for name, value in self.settings.items() if name == "USER_BEHAVIOUR_VENDOR_DROP"}
        clean = {n: v for n, v in os.environ.items() if not n.startswith(("USER_BEHAVIOUR", "DAGSTER", "AWS"))}
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", settings + text],
            cwd=place,
            env={
                **clean,
                **{name: value for name, value in ENVIRONMENT.items() if "KEY" not in name},
                **(told if block.who == "Vendor" else {}),
                **self.identities[block.who],
                "AWS_ENDPOINT_URL": self.url,
                "PYTHONPATH": str(CHECKOUT),
                "PATH": f"{self.directory}/bin:{Path(sys.executable).parent}:{os.environ['PATH']}",
            },
            capture_output=True,
            text=True,
            check=False,
            timeout=600,
        )
        commands = "; ".join(" ".join(line.split()[:3]) for line in text.replace("\\\n", " ").splitlines())
        self.log.append(f"{block.who}, {block.where}: {commands}")
        self.log += [f"    {line}" for line in (done.stdout + done.stderr).splitlines()[-12:]]
        assert done.returncode == 0, "\n".join([*self.log, done.stdout, done.stderr, *self.authority.refused])
        return done.stdout

    @property
    def env(self) -> Path:
        return self.directory / ".env"

    @property
    def settings(self) -> dict[str, str]:
        """What the host's .env says by now."""
        lines = self.env.read_text().splitlines() if self.env.exists() else []
        return dict(line.split("=", 1) for line in lines)


def absent_in_production() -> set[str]:
    """The modules that are installed here and would not be by `pip install .`, without extras."""
    installed = set(_closure("user_behaviour", set()))
    return {
        module
        for module, owners in packages_distributions().items()
        if not any(_normal(owner) in installed for owner in owners) and module not in ("user_behaviour", "__pycache__")
    }


def _closure(name: str, seen: set[str], extras: frozenset[str] = frozenset()) -> Iterator[str]:
    """The distributions that one needs, itself included."""
    if (key := f"{_normal(name)}{sorted(extras)}") in seen:
        return
    seen.add(key)
    yield _normal(name)
    for text in distribution(name).requires or ():
        need = Requirement(text)
        wanted = [{"extra": extra} for extra in ("", *extras)]
        if need.marker is None or any(need.marker.evaluate(one) for one in wanted):
            yield from _closure(need.name, seen, frozenset(need.extras))


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
