"""The login roles of the embedded server. PostgreSQL lets each role change its own password and settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from psycopg2.extensions import cursor

# Large objects need no schema: by these every role could write, a reader too.
FOR_NOBODY = "revoke execute on function lo_creat(int), lo_create(oid), lo_from_bytea(oid, bytea) from public"
_LOCK = 7_310_114  # any number that nothing else in the database locks


def make_role(cursor: cursor, role: str, may: str, password: str) -> None:
    """Makes a role where there is none, and makes one that is there what it was."""
    cursor.execute("select from pg_roles where rolname = %s", (role,))
    if not cursor.rowcount:
        cursor.execute(f"create role {role}")
    restore_role(cursor, role, may, password)


def restore_role(cursor: cursor, role: str, may: str, password: str) -> None:
    """Makes a login role what it was, if it is there."""
    from psycopg2.extensions import encrypt_password

    cursor.execute(f"select pg_advisory_lock({_LOCK})")  # two at once would meet "tuple concurrently updated"
    cursor.execute("select from pg_roles where rolname = %s", (role,))
    if cursor.rowcount:
        # Encrypted here, since the server writes statements that fail into its log.
        encrypted = encrypt_password(password, role, cursor.connection, "scram-sha-256")
        cursor.execute(f"alter role {role} login {may} password %s", (encrypted,))
        cursor.execute(f"alter role {role} reset all")
    cursor.execute(f"select pg_advisory_unlock({_LOCK})")
