"""Databases of the bench's own on the server the project uses: made, switched to, copied and dropped."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import quote, urlencode

import psycopg
from psycopg import sql

_SERVER_SETTINGS = ("server_version", "shared_buffers", "work_mem", "max_wal_size", "synchronous_commit")

# A copy of files waits for two checkpoints, a copy through the log writes everything twice.
_LARGE_BYTES = 256 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchDatabase:
    """One database by name; nothing happens to it before a method is called."""

    name: str

    def exists(self) -> bool:
        with _maintenance() as connection:
            known = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [self.name]).fetchone()
        return known is not None

    def create(self, *, template: BenchDatabase | None = None) -> None:
        """Make it anew, empty or as a copy of `template`, to which nobody may be connected."""
        self.drop()
        command = sql.SQL("CREATE DATABASE {}").format(sql.Identifier(self.name))
        if template is not None:
            copied = sql.SQL("{} TEMPLATE {} STRATEGY {}")
            strategy = sql.SQL("FILE_COPY" if template.size() > _LARGE_BYTES else "WAL_LOG")
            command = copied.format(command, sql.Identifier(template.name), strategy)
        leave()
        with _maintenance() as connection:
            connection.execute(command)

    def size(self) -> int:
        """Return how many bytes it takes."""
        with _maintenance() as connection:
            row = connection.execute("SELECT pg_database_size(%s)", [self.name]).fetchone()
        return int(row[0]) if row else 0

    def drop(self) -> None:
        leave()
        with _maintenance() as connection:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(self.name)))

    def use(self) -> None:
        """Point Django, and every process started from now on, at it."""
        from django.db import connection

        leave()
        connection.settings_dict["NAME"] = self.name
        os.environ["DATABASE_URL"] = self.url()

    def url(self) -> str:
        """Return its address in the form that DATABASE_URL takes."""
        address = _server()
        user = quote(address["USER"], safe="")
        password = f":{quote(address['PASSWORD'], safe='')}" if address["PASSWORD"] else ""
        options = urlencode({"host": address["HOST"], **({"port": address["PORT"]} if address["PORT"] else {})})
        return f"postgresql://{user}{password}@/{quote(self.name, safe='')}?{options}"


def connect(*, autocommit: bool = True) -> psycopg.Connection:
    """Open a plain connection to the database in use, for what runs beside Django's own."""
    from django.db import connection

    return _open(connection.settings_dict["NAME"], autocommit=autocommit)


def leave() -> None:
    """Close Django's connection, so that the database can be copied or dropped."""
    from django.db import connections

    connections.close_all()


@contextmanager
def session_setting(name: str, value: str) -> Iterator[None]:
    """Hold a setting for Django's session, and put the server's own back."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config(%s, %s, false)", [name, value])
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute(f"RESET {name}")


def server_settings() -> dict[str, str]:
    """Return the settings a reader needs to judge the figures."""
    with _maintenance() as connection:
        rows = connection.execute(
            "SELECT name, current_setting(name) FROM unnest(%s::text[]) name", [list(_SERVER_SETTINGS)]
        )
        return dict(rows.fetchall())


def execute(statement: str, parameters: dict[str, object] | None = None) -> None:
    """Run one statement in the database in use and commit it."""
    with connect() as connection:
        connection.execute(statement.encode(), parameters)


def scalar(statement: str, parameters: dict[str, object] | None = None) -> int:
    """Return the one number a statement answers with."""
    with connect() as connection:
        row = connection.execute(statement.encode(), parameters).fetchone()
    return int(row[0]) if row else 0


def _maintenance() -> psycopg.Connection:
    return _open("postgres", autocommit=True)


def _open(name: str, *, autocommit: bool) -> psycopg.Connection:
    address = _server()
    return psycopg.connect(
        host=address["HOST"],
        port=address["PORT"] or None,
        user=address["USER"],
        password=address["PASSWORD"] or None,
        dbname=name,
        autocommit=autocommit,
    )


def _server() -> dict[str, str]:
    from django.db import connection

    return {key: str(connection.settings_dict[key]) for key in ("USER", "PASSWORD", "HOST", "PORT")}
