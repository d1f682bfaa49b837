"""Building blocks of a page: texts, numbers, tables, charts, and the whole file with what it may do (its CSP).

Whatever is given is escaped here, and numbers are written here, the same on every page. No block knows what it shows.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from html import escape
from pathlib import Path
from typing import Any

from user_behaviour.report.vega_runtime import vega_runtime

Spec = Mapping[str, Any]  # of Vega-Lite, as `to_dict` of an Altair chart gives it
STYLE, SCRIPT = (Path(__file__).with_name(name).read_text(encoding="utf-8") for name in ("page.css", "page.js"))
LIGHT = dict(re.findall(r"--(\w+): (#\w+)", STYLE.partition("}")[0]))  # the colours by their names
NONE = "–"
_DRAW = "import sys, vl_convert; sys.stdout.buffer.write(vl_convert.vegalite_to_png(sys.stdin.read()))"


@dataclass(frozen=True)
class Link:
    """A text that leads to an address; where that is empty, only the text."""

    text: str
    url: str

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True)
class Figure:
    """A number that is shown large: what it is, the number as text, what is said of it; `alert` where it stands out."""

    name: str
    value: str
    says: str
    alert: bool = False


def shown(value: object) -> str:
    """A value as people write it: 12,345; 12,345.67 of a decimal; 71.9 % of a float, a share; a dash of none."""
    match value:
        case None:
            return NONE
        case bool():
            return "yes" if value else "no"
        case int():
            return f"{value:,}"
        case Decimal():
            return f"{value.quantize(Decimal('0.01'), ROUND_HALF_UP):,}"  # as the warehouse rounds
        case float():
            return f"{value:.1%}".replace("%", " %")
        case datetime():
            return f"{value:%Y-%m-%d %H:%M} UTC"  # as all moments of the project are
        case _:
            return str(value)


def day_in_words(day: date) -> str:
    """A day as `Friday, 9 December 2011`."""
    return f"{day:%A}, {day.day} {day:%B %Y}"


def counted(number: int, noun: str) -> str:
    """`1 day`, `1,234 days`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def paragraph(text: str, *, kind: str = "") -> str:
    """A text; its `kind` is `note` for how something is computed, `alert` for what somebody has to see."""
    return f'<p class="{kind}">{escape(text)}</p>' if kind else f"<p>{escape(text)}</p>"


def section(title: str, *blocks: str) -> str:
    """Blocks under a heading."""
    name = f"s-{hashlib.sha256(title.encode()).hexdigest()[:8]}"
    return f'<section aria-labelledby="{name}"><h2 id="{name}">{escape(title)}</h2>\n{"".join(blocks)}</section>\n'


def side(*blocks: str) -> str:
    """Blocks side by side, where there is room."""
    return f'<div class="side">{"".join(blocks)}</div>'


def figures(found: Iterable[Figure]) -> str:
    """Numbers side by side."""
    cards = "".join(
        f'<div class="{"alert" if one.alert else "usual"}"><dt>{escape(one.name)}</dt>'
        f'<dd class="value">{escape(one.value)}</dd><dd>{escape(one.says)}</dd></div>\n'
        for one in found
    )
    return f'<dl class="figures">\n{cards}</dl>\n'


def table(caption: str, head: Sequence[str], rows: Iterable[Sequence[object]], *, empty: str = "None.") -> str:
    """Rows, numbers to the right; `empty` is said in place of no rows."""
    lines = [list(row) for row in rows]
    if not lines:
        return paragraph(empty) if empty else ""
    heads = "".join(
        f'<th scope="col"{_side(one)}>{escape(name)}</th>' for name, one in zip(head, lines[0], strict=True)
    )
    body = "\n".join("<tr>" + "".join(map(_cell, line)) + "</tr>" for line in lines)
    return (
        f'<div class="wide" tabindex="0" role="region" aria-label="{escape(caption)}"><table>'
        f"<caption>{escape(caption)}</caption>\n<thead><tr>{heads}</tr></thead>\n<tbody>\n{body}\n</tbody></table></div>\n"
    )


def chart(spec: Spec, *, title: str, says: str, numbers: str) -> str:
    """A chart of Vega-Lite; `says` in a sentence what is to be seen, `numbers` is a table of all that it shows."""
    # A script of data, which no browser runs: it cannot end the script or begin a comment.
    content = json.dumps(spec, default=str).replace("<", "\\u003c")
    return (
        f"<figure><figcaption>{escape(title)}</figcaption>"
        f'<script type="application/json" class="spec">{content}</script>'
        f'<div class="chart" role="img" aria-label="{escape(title)}. {escape(says)}"></div>\n'
        f"<details><summary>{escape(title)}: the numbers</summary>{numbers}</details></figure>\n"
    )


def page(title: str, *, subtitle: str, body: Sequence[str], made: Sequence[str]) -> str:
    """The file: sections, and `made`, the blocks of its foot; with Vega where it has charts."""
    content = "".join(body)
    scripts = [vega_runtime(), SCRIPT] if 'class="spec"' in content else []
    allowed = {
        "default-src": "'none'",
        "script-src": " ".join(map(_digest, scripts)) or "'none'",
        "style-src": _digest(STYLE),
        "img-src": "data:",
        "base-uri": "'none'",
        "form-action": "'none'",
    }
    policy = "; ".join(f"{name} {value}" for name, value in allowed.items())
    return "".join(
        (
            '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n',
            f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n',
            '<meta name="viewport" content="width=device-width, initial-scale=1">\n',
            '<meta name="color-scheme" content="light dark">\n',
            f'<link rel="icon" href="data:,">\n<title>{escape(title)}</title>\n<style>{STYLE}</style>\n</head>\n',
            "<body>\n",
            f"<header><h1>{escape(title)}</h1>\n<p>{escape(subtitle)}</p></header>\n<main>\n{content}</main>\n",
            f"<footer>{''.join(made)}</footer>\n",
            *(f"<script>{script}</script>\n" for script in scripts),
            "</body>\n</html>\n",
        )
    )


def picture_in_markdown(name: str, spec: Spec, *, width: int = 480) -> str:
    """The chart as a picture (PNG) within a text of Markdown, in the colours of a light page.

    Drawn by a process of its own: the engine takes the better part of a second to start, and lets no other thread work.
    """
    text = json.dumps({**spec, "width": width, "background": LIGHT["card"]}, default=str)
    for colour, value in LIGHT.items():
        text = text.replace(f"var(--{colour})", value)
    png = subprocess.run([sys.executable, "-c", _DRAW], input=text.encode(), stdout=subprocess.PIPE, check=True).stdout
    return f"![{name}](data:image/png;base64,{base64.b64encode(png).decode()})"


def _cell(value: object) -> str:
    text = escape(shown(value))
    if isinstance(value, Link) and value.url:
        text = f'<a href="{escape(value.url)}">{text}</a>'
    return f"<td{_side(value)}>{text}</td>"


def _side(value: object) -> str:
    kind = "number" if isinstance(value, int | float | Decimal) else "date" if isinstance(value, date) else ""
    return f' class="{kind}"' if kind else ""


def _digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
