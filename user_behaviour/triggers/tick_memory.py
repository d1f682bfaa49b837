"""What a sensor remembers between two ticks, kept as its cursor. Pure: no Dagster, no clock.

Keys are whatever the sensor watches (file names, days), versions are short texts that change when the thing does.
Only what is open is remembered, requested or not; Dagster shows a cursor whole, so a long one is packed.
"""

from __future__ import annotations

import base64
import hashlib
import json
import zlib
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import date
from typing import Any

READABLE = 400  # characters: some lines of the sensor's page
QUIET_TICKS = 720  # six hours, at a tick every 30 seconds
_ALWAYS = ("serial", "requested", "seen", "reported")  # in a cursor, empty or not


class CursorError(ValueError):
    """A cursor is not one that this version of the sensor wrote."""


@dataclass(frozen=True)
class TickMemory:
    """`requested` and `seen` are versions by key; `seen` are those not requested yet.

    `reported` stands for what was reported last, and is empty where there was nothing.
    `answered` stands for the state after which nothing was left to request, of each part of the world by where it
    begins, without those of which something is left; `quiet` counts the ticks for which that is believed.
    `position` is where the part begins that is looked at next, "" at the beginning. `announced` are the days that
    events named, to be looked at besides, `receipts` those of the events, and `odd` says of a name why it is odd.
    `serial` counts the ticks that requested something. It goes into run keys, which Dagster remembers for ever: the
    same request on purpose later is another one, the same request again after a crash is not.
    """

    serial: int = 0
    requested: Mapping[str, str] = field(default_factory=dict)
    seen: Mapping[str, str] = field(default_factory=dict)
    reported: str = ""
    answered: Mapping[str, str] = field(default_factory=dict)
    quiet: int = 0
    position: str = ""
    announced: Sequence[str] = ()
    receipts: Sequence[str] = ()
    odd: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def from_cursor(cls, cursor: str | None) -> TickMemory:
        """The memory that a cursor holds; none is an empty memory. Raises `CursorError`."""
        if not cursor:
            return cls()
        try:
            text = cursor if cursor.startswith("{") else zlib.decompress(base64.b64decode(cursor, validate=True))
            values = json.loads(text)
            return cls(
                _count(values["serial"]),
                _texts_by_key(values["requested"]),
                _texts_by_key(values["seen"]),
                _reported(values["reported"]),
                _answered(values.get("answered", {})),
                _count(values.get("quiet", 0)),
                _text(values.get("position", "")),
                tuple(date.fromisoformat(day).isoformat() for day in values.get("announced", [])),
                tuple(_text(receipt) for receipt in values.get("receipts", [])),
                _texts_by_key(values.get("odd", {})),
            )
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError, zlib.error) as error:
            raise CursorError(
                f"The cursor {cursor[:60]!r}… cannot be read ({error!r}); reset it on the sensor's page. What was "
                "requested before and has not come yet will be requested again, which is harmless."
            ) from error

    def to_cursor(self) -> str:
        """The memory as text, packed where it is long; `from_cursor` reads it."""
        values = {name: value for name, value in asdict(self).items() if value or name in _ALWAYS}
        text = json.dumps(values, sort_keys=True, separators=(",", ":"))
        return text if len(text) <= READABLE else base64.b64encode(zlib.compress(text.encode(), 9)).decode()

    def unmoved(self, state: str, *, at: str = "") -> TickMemory | None:
        """The memory after a tick that has nothing to look for; None if it has.

        It has nothing in a `state` after which nothing was left to request, of the part that begins `at`. Now and then
        it looks all the same, since somebody may have removed what was made.
        """
        if self.answered.get(at) != state or self.quiet >= QUIET_TICKS:
            return None
        return replace(self, quiet=self.quiet + 1)

    def unrequested(self, now: Mapping[str, str]) -> dict[str, str]:
        """What is there now in a version that was not requested yet."""
        return {key: version for key, version in now.items() if self.requested.get(key) != version}

    def is_at_rest(self, key: str, version: str) -> bool:
        """Whether the previous tick saw the same version."""
        return self.seen.get(key) == version

    def after(
        self,
        now: Mapping[str, str],
        *,
        requested: Collection[str],
        state: str = "",
        covers: Callable[[str], bool] = lambda _: True,
    ) -> TickMemory:
        """The memory after a tick that saw `now` in the `state` of the world, and requested the keys `requested`.

        `covers` says of a key whether the tick would have seen it; of others everything is still believed.
        """
        open_before = self.unrequested(now)
        unseen = {key: version for key, version in self.requested.items() if not covers(key)}
        seen = {key: version for key, version in self.seen.items() if not covers(key)}
        seen |= {key: version for key, version in open_before.items() if key not in requested}
        asked = {key: version for key, version in now.items() if key in requested or key not in open_before}
        return replace(
            self,
            serial=self.serial + 1 if requested else self.serial,
            requested=unseen | asked,
            seen=seen,
            answered={"": state} if state and not seen else {},
            quiet=0,
        )


def _count(value: object) -> int:
    if type(value) is not int or not 0 <= value < 1 << 40:  # of ticks: one a second for thirty thousand years
        raise ValueError(f"{value!r} is no count")
    return value


def _reported(value: object) -> str:
    """Release 0.2.0 kept the names themselves."""
    if isinstance(value, list):
        return fingerprint(*map(_text, value)) if value else ""
    return _text(value)


def _answered(value: object) -> Mapping[str, str]:
    """Release 0.2.0 knew one part, the whole."""
    if isinstance(value, str):
        return {"": value} if value else {}
    return _texts_by_key(value)


def _texts_by_key(value: Any) -> dict[str, str]:
    return {_text(key): _text(text) for key, text in value.items()}


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no text")
    return value


def fingerprint(*parts: str) -> str:
    """A short text that stands for the parts, in their order."""
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:12]
