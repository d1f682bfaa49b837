"""What a sensor remembers between two ticks, kept as the JSON text of its cursor. Pure: no Dagster, no clock.

Keys are whatever the sensor watches (file names, days), versions are short texts that change when the thing does.
Only what is still there is remembered, so the memory does not outgrow what is watched: about 50 bytes a file.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field, replace


class CursorError(ValueError):
    """A cursor is not one that this version of the sensor wrote."""


@dataclass(frozen=True)
class TickMemory:
    """`requested` and `seen` are versions by key; `seen` are those not requested yet. `reported` are odd keys.

    `answered` stands for the state of the world after which nothing was left to request, empty while something is;
    `quiet` counts the ticks since then that found it unchanged.
    `serial` counts the ticks that requested something. It goes into run keys, which Dagster remembers for ever: the
    same request on purpose later is another one, the same request again after a crash is not.
    """

    serial: int = 0
    requested: Mapping[str, str] = field(default_factory=dict)
    seen: Mapping[str, str] = field(default_factory=dict)
    reported: tuple[str, ...] = ()
    answered: str = ""
    quiet: int = 0

    @classmethod
    def from_cursor(cls, cursor: str | None) -> TickMemory:
        """The memory that a cursor holds; none is an empty memory. Raises `CursorError`."""
        if not cursor:
            return cls()
        try:
            values = json.loads(cursor)
            return cls(
                _count(values["serial"]),
                {_text(key): _text(version) for key, version in values["requested"].items()},
                {_text(key): _text(version) for key, version in values["seen"].items()},
                tuple(_text(key) for key in values["reported"]),
                _text(values.get("answered", "")),
                _count(values.get("quiet", 0)),
            )
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise CursorError(
                f"The cursor {cursor[:60]!r}… cannot be read ({error!r}); reset it on the sensor's page. What was "
                "requested before will be requested again, which is harmless."
            ) from error

    def to_cursor(self) -> str:
        """The memory as text; `from_cursor` reads it."""
        return json.dumps(asdict(self), sort_keys=True, separators=(",", ":"))

    def renamed(self, old: Mapping[str, str], new: Mapping[str, str]) -> TickMemory:
        """The same memory, where versions of things that did not change are written in a new way."""
        known = {key: new[key] if key in new and old.get(key) == was else was for key, was in self.requested.items()}
        return replace(self, requested=known)

    def unrequested(self, now: Mapping[str, str]) -> dict[str, str]:
        """What is there now in a version that was not requested yet."""
        return {key: version for key, version in now.items() if self.requested.get(key) != version}

    def is_at_rest(self, key: str, version: str) -> bool:
        """Whether the previous tick saw the same version."""
        return self.seen.get(key) == version

    def after(
        self, now: Mapping[str, str], *, requested: Collection[str], reported: Collection[str] = ()
    ) -> TickMemory:
        """The memory after a tick that saw `now` and requested the keys `requested`."""
        open_before = self.unrequested(now)
        return TickMemory(
            self.serial + 1 if requested else self.serial,
            {key: version for key, version in now.items() if key in requested or key not in open_before},
            {key: version for key, version in open_before.items() if key not in requested},
            tuple(sorted(reported)),
        )


def _count(value: object) -> int:
    if type(value) is not int or not 0 <= value < 1 << 40:  # of ticks: one a second for thirty thousand years
        raise ValueError(f"{value!r} is no count")
    return value


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no text")
    return value


def fingerprint(*parts: str) -> str:
    """A short text that stands for the parts, in their order."""
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:12]
