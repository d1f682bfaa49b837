"""What the doctor finds out, as values. Nothing here asks or prints anything."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at. `ok` None: it cannot be told from here, or it is no hindrance to a run.

    `remedy` says what to do: always where `ok` is False, and where `ok` is None what would be better.
    """

    role: str
    subject: str
    ok: bool | None
    found: str
    remedy: str = ""


def halves(sentence: str) -> tuple[str, str]:
    """An error of this project's in the form `what was found; what to do`, as two texts."""
    found, _, remedy = sentence.strip().partition("; ")
    return found, f"{remedy[:1].upper()}{remedy[1:]}"


@dataclass(frozen=True)
class Role:
    """The findings about one role."""

    name: str

    def good(self, subject: str, found: str) -> Finding:
        return Finding(self.name, subject, ok=True, found=found)

    def bad(self, subject: str, found: str, remedy: str) -> Finding:
        return Finding(self.name, subject, ok=False, found=found, remedy=remedy)

    def unknown(self, subject: str, found: str, remedy: str = "") -> Finding:
        return Finding(self.name, subject, ok=None, found=found, remedy=remedy)
