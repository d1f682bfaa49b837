"""Databases for tests that change what a warehouse is made of: empty, beside the shared one, gone afterwards."""

import secrets
from collections.abc import Iterator
from contextlib import closing, contextmanager

import psycopg2

from user_behaviour.local.stack import Stack


@contextmanager
def new_database(stack: Stack) -> Iterator[str]:
    """The URL of an empty database of the server, for as long as it is entered."""
    url, name = stack.endpoints().warehouse, f"test_{secrets.token_hex(6)}"
    with closing(psycopg2.connect(url)) as session, session.cursor() as cursor:
        session.autocommit = True
        cursor.execute(f"create database {name}")
        try:
            yield f"{url.rpartition('/')[0]}/{name}"
        finally:
            cursor.execute(f"drop database {name} with (force)")
