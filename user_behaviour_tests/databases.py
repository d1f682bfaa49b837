"""Databases for tests that change what a warehouse is made of: beside the shared one, gone afterwards."""

import secrets
from collections.abc import Iterator
from contextlib import closing, contextmanager
from urllib.parse import urlsplit, urlunsplit

import psycopg2


@contextmanager
def new_database(url: str, *statements: str, options: str = "") -> Iterator[str]:
    """The URL of a new database on the server of `url`, with what the statements make in it.

    At the end the superuser drops it: whoever is still leaving it, and PostgreSQL's own vacuum.
    """
    name = f"test_{secrets.token_hex(6)}"
    execute(url, f"create database {name} {options}")
    made = urlunsplit(urlsplit(url)._replace(path=f"/{name}"))
    try:
        execute(made, *statements)
        yield made
    finally:
        execute(elsewhere(url, user="postgres"), f"drop database {name} with (force)")


def elsewhere(url: str, **parts: str) -> str:
    """The URL with another user, password, host or port."""
    split = urlsplit(url)
    found = {"user": split.username, "password": split.password, "host": split.hostname, "port": split.port, **parts}
    return urlunsplit(split._replace(netloc="{user}:{password}@{host}:{port}".format(**found)))


def execute(url: str, *statements: str, parameters: tuple[object, ...] | None = None) -> None:
    """Carries out statements, each in a transaction of its own."""
    with closing(psycopg2.connect(url)) as connection, connection.cursor() as cursor:
        connection.autocommit = True
        for statement in statements:
            cursor.execute(statement, parameters)
