"""Role: the warehouse's tables, by the ledger of migrations and by the database itself."""

from __future__ import annotations

from collections.abc import Iterator

from user_behaviour.doctor.findings import Finding, Role, halves
from user_behaviour.migrations.drift import Drift

MIGRATIONS = Role("migrations")
_REMEDY = "Bring it there by a migration, or take the change back; `user-behaviour migrate --check` shows the same."


def examine_migrations(drift: Drift) -> Iterator[Finding]:
    """Every difference between the database and what the migrations make of it."""
    sentences = drift.findings()
    for sentence in sentences:
        found, remedy = halves(sentence)
        yield MIGRATIONS.bad("drift", found.rstrip("."), remedy or _REMEDY)
    if not sentences:
        yield MIGRATIONS.good("drift", "none: all are applied, and the tables are what they make")
