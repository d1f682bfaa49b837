"""The words of the sample, from `words.toml`: what its articles are called, and what its reviewers write."""

import tomllib
from pathlib import Path

_WORDS = tomllib.loads(Path(__file__).with_name("words.toml").read_text(encoding="utf-8"))

LOOKS: list[str] = _WORDS["articles"]["looks"]
MOTIFS: list[str] = _WORDS["articles"]["motifs"]
COLOURS: list[str] = _WORDS["articles"]["colours"]
SECTIONS: dict[str, list[str]] = _WORDS["articles"]["sections"]
REVIEW_WORDS: dict[str, list[str]] = _WORDS["reviews"]["words"]
REVIEW_SENTENCES: dict[str, list[str]] = _WORDS["reviews"]["sentences"]
