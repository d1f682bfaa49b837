"""The versions of the classifier in the lake, and which of them is live.

A version is `review_classifier/<version>/`: `terms.parquet` (term string, length double, pull double) and `card.json`.
It never changes, and the same labels give the same one. `review_classifier/_live.json` says which one scores, and what
was put into force before: by whom, when and why.
"""

import getpass
import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from user_behaviour.classifier.review_scoring import FORMAT, REMEDY, TOKEN_RULES, Model, ModelError, model_of
from user_behaviour.decisions import decided
from user_behaviour.lake.manifests import timestamp
from user_behaviour.lake.objects import Objects

ROOT = "review_classifier"
BASELINE = ""  # what is live where no version is
_LIVE = f"{ROOT}/_live.json"
_TRAINED = f"{ROOT}/_trained.json"
_VERSION = re.compile("[0-9a-f]{12}")


class UnknownVersionError(ValueError):
    """There is no such version, or none to go back to."""


class UntrainableError(ValueError):
    """No version can be made: there is too little to learn from, or nothing to learn by."""


@dataclass(frozen=True)
class Decision:
    """A version, or the `BASELINE`, was put into force; by a plan, if it names one."""

    version: str
    who: str
    when: str
    why: str
    plan: str = ""

    @property
    def recorded(self) -> str:
        """When, by whom, why and by which plan."""
        return decided(self.when, self.who, self.why, self.plan)


class Models:
    """The versions in a lake."""

    def __init__(self, lake: Objects) -> None:
        self._lake = lake

    def directory(self, version: str) -> str:
        """Where a version lies."""
        return f"{ROOT}/{version}"

    def add(self, model: Model, facts: Mapping[str, Any]) -> str:
        """Keeps a model that was trained now; gives its version. `facts` are what its card says besides, of JSON."""
        terms = pa.BufferOutputStream()
        rows = sorted((term, *pair) for term, pair in model.weights.items())
        columns = {name: [row[at] for row in rows] for at, name in enumerate(("term", "length", "pull"))}
        pq.write_table(pa.table(columns), terms, compression="zstd")
        card = {
            "format": FORMAT,
            "token_rules": TOKEN_RULES,
            "terms": len(rows),
            "intercept": model.intercept,
            "slope": model.slope,
            "offset": model.offset,
            **facts,
        }
        content = json.dumps(rows).encode() + json.dumps(card, sort_keys=True).encode()
        version = hashlib.sha256(content).hexdigest()[:12]
        if self._lake.read(f"{self.directory(version)}/card.json") is None:
            self._lake.write(f"{self.directory(version)}/terms.parquet", bytes(terms.getvalue()))
            # Last: without it there is no version.
            described = json.dumps({"version": version, **card}, indent=2, sort_keys=True)
            self._lake.write(f"{self.directory(version)}/card.json", described.encode())
        self._lake.write(_TRAINED, json.dumps({"version": version}).encode())
        return version

    def trained(self) -> str:
        """The version that was trained last; "" before the first."""
        found = self._lake.read(_TRAINED)
        return str(json.loads(found[0])["version"]) if found else ""

    def versions(self) -> list[str]:
        """Those that are whole."""
        names = [name for name in self._lake.list(ROOT) if not name.startswith("_")]
        return [name for name in names if "card.json" in self._lake.list(self.directory(name))]

    def card(self, version: str) -> dict[str, Any]:
        """What is known of a version. Raises `UnknownVersionError`, and `ModelError` where it cannot be read."""
        found = self._lake.read(f"{self.directory(version)}/card.json") if _VERSION.fullmatch(version) else None
        if found is None:
            known = ", ".join(self.versions()) or "none; train one: `user-behaviour train`"
            raise UnknownVersionError(f"There is no version {version!r} of the classifier; there are: {known}.")
        with _readable(version):
            card = dict(json.loads(found[0]))
            if card["version"] != version:
                raise ValueError(f"its card is of {card['version']!r}")
            return card

    def model(self, version: str) -> Model:
        """A version, to score by. Raises `UnknownVersionError` and `ModelError`."""
        card = self.card(version)
        with _readable(version), self._lake.open(f"{self.directory(version)}/terms.parquet") as file:
            terms = pq.ParquetFile(pa.BufferReader(file.read())).read(use_threads=False)
            rows = zip(*(terms[name].to_pylist() for name in ("term", "length", "pull")), strict=True)
        return model_of(card, rows)

    def live(self) -> str:
        """The version that scores; `BASELINE` where none does."""
        decisions = self.decisions()
        return decisions[-1].version if decisions else BASELINE

    def decisions(self) -> list[Decision]:
        """What was put into force, the newest last."""
        return self._decisions()[0]

    def promote(self, version: str, *, why: str, who: str = "", plan: str = "") -> Decision:
        """Puts a version into force, from the next run on. Raises `UnknownVersionError`."""
        self.card(version)
        return self._decide(lambda _: version, why, who=who, plan=plan)

    def demote(self, *, why: str) -> Decision:
        """Puts into force what was before the live version, in the end the baseline. Raises `UnknownVersionError`."""

        def before(decisions: list[Decision]) -> str:
            if not decisions or decisions[-1].version == BASELINE:
                raise UnknownVersionError("The baseline is live, and there is nothing to go back to.")
            # A version that was taken back is none to come back to.
            kept: list[str] = [BASELINE]
            for decision in decisions:
                if decision.version in kept:
                    del kept[kept.index(decision.version) + 1 :]
                else:
                    kept.append(decision.version)
            return kept[-2]

        return self._decide(before, why)

    def _decisions(self) -> tuple[list[Decision], str | None]:
        found = self._lake.read(_LIVE)
        return ([Decision(**one) for one in json.loads(found[0])], found[1]) if found else ([], None)

    def _decide(self, choose: Callable[[list[Decision]], str], why: str, *, who: str = "", plan: str = "") -> Decision:
        while True:
            decisions, seen = self._decisions()
            moment = timestamp(datetime.now(UTC))
            decision = Decision(choose(decisions), who or getpass.getuser(), moment, why, plan)
            content = json.dumps([asdict(one) for one in (*decisions, decision)], indent=2).encode()
            if self._lake.swap(_LIVE, content, expected=seen):
                return decision


@contextmanager
def _readable(version: str) -> Iterator[None]:
    """Raises `ModelError` where what is done inside cannot be done."""
    try:
        yield
    except (KeyError, TypeError, ValueError, FileNotFoundError) as error:  # Arrow's are ValueErrors
        raise ModelError(f"Version {version} cannot be read ({type(error).__name__}: {error}). {REMEDY}") from error
