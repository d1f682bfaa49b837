"""Where a secret can be read afterwards: files, databases, buckets, the statements that a server was sent.

Looks into what is packed (gzip, zlib, zip), for the secret as URLs and JSON spell it too. Finds are named, not quoted.
"""

import gzip
import io
import json
import re
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg2
from psycopg2 import sql

from user_behaviour.aws.clients import Aws

_TABLES = """
select n.nspname, c.relname
from pg_class as c
inner join pg_namespace as n on n.oid = c.relnamespace
where c.relkind in ('r', 'm') and n.nspname not in ('pg_catalog', 'information_schema', 'pg_toast')
order by 1, 2
"""
_PACKED_COLUMNS = """
select attname from pg_attribute
where attrelid = %s::regclass and atttypid = 'bytea'::regtype and attnum > 0 and not attisdropped
"""


def places_that_hold(
    secret: str,
    *roots: Path,
    databases: Sequence[str] = (),
    buckets: Sequence[tuple[Aws, str]] = (),
    statements: Iterable[str] = (),
) -> list[str]:
    """The places from which somebody could read the secret: `databases` are URLs, `statements` texts that were sent.

    Rows of Parquet files are not unpacked; their footers are plain.
    """
    wanted = [form.encode() for form in {secret, quote(secret, safe=""), quote(secret), json.dumps(secret)[1:-1]}]
    found = [*_in_files(wanted, roots)]
    for url in databases:
        found += _in_database(wanted, url)
    for aws, bucket in buckets:
        found += _in_bucket(wanted, aws, bucket)
    found += [f"statement {number}" for number, text in enumerate(statements) if _holds(text.encode(), wanted)]
    return found


def _in_files(wanted: Sequence[bytes], roots: Sequence[Path]) -> Iterator[str]:
    for root in roots:
        paths = sorted(root.rglob("*")) if root.is_dir() else [root]
        for path in paths:
            if _holds(path.name.encode(), wanted):
                yield f"name of {path.parent}/…"
            if path.is_file() and not path.is_symlink() and _holds(path.read_bytes(), wanted):
                yield str(path)


def _in_database(wanted: Sequence[bytes], url: str) -> Iterator[str]:
    with closing(psycopg2.connect(url)) as connection, connection.cursor() as cursor:
        cursor.execute(_TABLES)
        for schema, table in cursor.fetchall():
            name = sql.Identifier(schema, table)
            # A row as a text is every column of it, and binary ones in hex.
            texts = [form.decode() for form in wanted] + [form.hex() for form in wanted]
            asked = sql.SQL("select count(*) from {} as t where ").format(name)
            hits = sql.SQL(" or ").join(sql.SQL("position({} in t::text) > 0").format(sql.Literal(t)) for t in texts)
            cursor.execute(asked + hits)
            ((rows,),) = cursor.fetchall()
            if rows or _in_packed_columns(cursor, wanted, name):
                yield f"table {schema}.{table} of {connection.info.dbname}"


def _in_packed_columns(cursor: Any, wanted: Sequence[bytes], name: sql.Identifier) -> bool:
    """Dagster keeps snapshots of jobs as zlib in a binary column."""
    cursor.execute(_PACKED_COLUMNS, (name.as_string(cursor),))
    for (column,) in cursor.fetchall():
        cursor.execute(sql.SQL("select {} from {}").format(sql.Identifier(column), name))
        if any(_holds(bytes(value), wanted) for (value,) in cursor.fetchall() if value is not None):
            return True
    return False


def _in_bucket(wanted: Sequence[bytes], aws: Aws, bucket: str) -> Iterator[str]:
    client = aws.client("s3")
    for page in client.get_paginator("list_object_versions").paginate(Bucket=bucket):
        for version in page.get("Versions", ()):
            key = version["Key"]
            answer = client.get_object(Bucket=bucket, Key=key, VersionId=version["VersionId"])
            headers = repr(answer.get("Metadata", {})) + key
            if _holds(answer["Body"].read(), wanted) or _holds(headers.encode(), wanted):
                yield f"s3://{bucket}/{_hidden(key, wanted)} (version {version['VersionId']})"


def _hidden(text: str, wanted: Sequence[bytes]) -> str:
    return re.sub("|".join(re.escape(form.decode()) for form in wanted), "…", text)


def _holds(content: bytes, wanted: Sequence[bytes]) -> bool:
    return any(form in text for text in (content, *_unpacked(content)) for form in wanted)


def _unpacked(content: bytes) -> Iterator[bytes]:
    try:
        if content.startswith(b"\x1f\x8b"):
            yield gzip.decompress(content)
        elif content[:1] == b"\x78":
            yield zlib.decompress(content)
        elif content.startswith(b"PK\x03\x04"):
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                yield from (archive.read(name) for name in archive.namelist())
    except (OSError, EOFError, zlib.error, zipfile.BadZipFile):
        return  # it only looked packed, or was cut
