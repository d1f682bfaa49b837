"""Vega, Vega-Lite and their embedding as one script, from the package vl-convert; the pages carry it.

Bundling takes seconds, so it is kept in the Python environment: `make setup` does it, elsewhere the first page.
"""

import hashlib
import sys
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path

KEPT = Path(sys.prefix) / "vega"
_EXPOSED = "window.vegaEmbed = vegaEmbed;"


def vega_runtime() -> str:
    """The script; it gives the page `vegaEmbed`, and can stand between `<script>` and `</script>`."""
    name = hashlib.sha256(f"{version('vl-convert-python')} {_EXPOSED}".encode()).hexdigest()[:12]
    kept = KEPT / f"{name}.js"
    with suppress(FileNotFoundError):
        return kept.read_text(encoding="utf-8")
    import vl_convert

    script: str = vl_convert.javascript_bundle(_EXPOSED).replace("</script", "<\\/script")
    with suppress(OSError):  # an environment that this user may not write to: bundled anew for each page
        KEPT.mkdir(exist_ok=True)
        part = kept.with_suffix(".part")
        part.write_text(script, encoding="utf-8")
        part.replace(kept)
    return script


if __name__ == "__main__":
    vega_runtime()
