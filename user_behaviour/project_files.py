"""Where the files lie that are no Python of the package: in the checkout, or in the package of an installed wheel."""

from pathlib import Path

PACKAGE = Path(__file__).resolve().parent
_CHECKOUT = PACKAGE.parent
_IS_CHECKOUT = (_CHECKOUT / "pyproject.toml").is_file()

# `sql`, `spark_jobs` and `deploy` are in it; setup.py puts them into a wheel.
PROJECT_FILES = _CHECKOUT if _IS_CHECKOUT else PACKAGE / "files"


def working_directory() -> Path:
    """Where state and `.env` lie by default: the checkout; for an installed wheel, where the command is called."""
    return _CHECKOUT if _IS_CHECKOUT else Path.cwd()
