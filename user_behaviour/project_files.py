"""Where the files lie that are no Python of the package: in the checkout, or in the package of an installed wheel."""

from pathlib import Path

PACKAGE = Path(__file__).resolve().parent
_CHECKOUT = PACKAGE.parent
_OF_A_WHEEL = PACKAGE / "files"  # made by setup.py
_IS_CHECKOUT = not _OF_A_WHEEL.is_dir()

# `sql`, `spark_jobs` and `deploy` are in it.
PROJECT_FILES = _CHECKOUT if _IS_CHECKOUT else _OF_A_WHEEL


def working_directory() -> Path:
    """Where state and `.env` lie by default: the checkout; for an installed wheel, where the command is called."""
    return _CHECKOUT if _IS_CHECKOUT else Path.cwd()
