"""The error of runs that cannot be begun, apart from `runs` so that it can be caught without importing Dagster."""


class RunError(Exception):
    """A run that was asked for makes no sense; the message says what would."""
