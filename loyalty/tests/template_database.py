"""One database that the migrations have made, kept and copied: they take many seconds, the copy of one none.

Its name holds a digest of all that the migrations read, so that what other migrations made is never copied. What
`post_migrate` writes is not in it: each copy gets that from the code as it is now.
"""

from __future__ import annotations

import ast
import hashlib
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from unittest import mock

import django
import psycopg
from django.conf import settings
from django.db import connection
from psycopg import sql

from core.environment import PROJECT_FOLDER
from loyalty.databases import migration_address
from loyalty.tests import own_database

_making: list[subprocess.Popen[bytes]] = []


@contextmanager
def ready_to_copy() -> Iterator[None]:
    """Have Django make its test database as a copy, inside the block; make the template first where there is none."""
    with _alone() as server:
        connection.settings_dict["TEST"]["TEMPLATE"] = _made(server)
        yield


def copy_to(name: str) -> None:
    """Make a database of that name as a copy where the template is there; otherwise leave it to be migrated."""
    with _alone() as server:
        template = template_name()
        if _exists(server, template):
            copy = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
            server.execute(copy.format(sql.Identifier(name), sql.Identifier(template)))


def make_beside() -> None:
    """Make the template in a process of its own where there is none, while the workers still look for their tests."""
    with own_database.connect() as server:
        if not _exists(server, template_name()):
            program = [sys.executable, "-m", __name__]
            _making.append(subprocess.Popen(program, cwd=PROJECT_FOLDER, stderr=subprocess.DEVNULL))


def wait_until_made() -> None:
    """Return when what `make_beside` began has ended, however: who needs the template makes it where that failed."""
    for process in _making:
        process.wait()


def template_name() -> str:
    """Return the name of the template that today's migrations make."""
    return f"{_prefix()}{_digest()}"


def _prefix() -> str:
    return f"{own_database.clone_prefix()}template_"


@contextmanager
def _alone() -> Iterator[psycopg.Connection]:
    """Let one process of this clone in at a time: nobody makes it twice or drops it under another's hands."""
    with own_database.connect() as server:
        server.execute("SELECT pg_advisory_lock(hashtextextended(%s, 0))", [own_database.clone_prefix()])
        yield server


def _made(server: psycopg.Connection) -> str:
    name = template_name()
    if not _exists(server, name):
        for earlier in _templates(server):
            server.execute(sql.SQL("DROP DATABASE {}").format(sql.Identifier(earlier)))
        _make(server, name)
    return name


def _exists(server: psycopg.Connection, name: str) -> bool:
    return name in _templates(server)


def _templates(server: psycopg.Connection) -> list[str]:
    rows = server.execute("SELECT datname FROM pg_database WHERE starts_with(datname, %s)", [_prefix()])
    return [name for (name,) in rows.fetchall()]


def _make(server: psycopg.Connection, name: str) -> None:
    """Migrate this run's own database and give it the template's name last, so that a template is always whole."""
    usual = connection.settings_dict["NAME"]
    connection.settings_dict["TEST"]["TEMPLATE"] = None
    with mock.patch("django.core.management.commands.migrate.emit_post_migrate_signal"):
        made = connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
    connection.close()
    settings.DATABASES["default"]["NAME"] = connection.settings_dict["NAME"] = usual
    database, template = sql.Identifier(made), sql.Identifier(name)
    # A database that somebody, autovacuum for one, is connected to can be neither renamed nor copied.
    server.execute(sql.SQL("ALTER DATABASE {} WITH ALLOW_CONNECTIONS false").format(database))
    server.execute(sql.SQL("ALTER DATABASE {} RENAME TO {}").format(database, template))


def _digest() -> str:
    """Return a digest of the files, the versions, the roles and the day: some partitions are made for its month."""
    files = sorted(_files_read())
    facts = [
        sys.version,
        *sorted(path.name for path in Path(django.__file__).parents[1].glob("*.dist-info")),
        *(str(day) for day in (date.today(), datetime.now(UTC).date())),
        settings.TIME_ZONE,
        connection.settings_dict["USER"],
        (migration_address() or {}).get("USER", ""),
        *(f"{file} {hashlib.sha256(file.read_bytes()).hexdigest()}" for file in files),
    ]
    return hashlib.sha256("\0".join(facts).encode()).hexdigest()[:16]


def _files_read() -> set[Path]:
    """Return the migrations, the modules of ours they import, however far away, and the texts beside them."""
    found: set[Path] = set()
    waiting = [*PROJECT_FOLDER.glob("*/migrations/*.py"), *PROJECT_FOLDER.glob("loyalty/settings/*.py")]
    while waiting:
        file = waiting.pop()
        if file not in found:
            found.add(file)
            waiting.extend(_modules_imported(file))
    return found | {*PROJECT_FOLDER.glob("*/sql/**/*.sql"), *PROJECT_FOLDER.glob("*/*.txt")}


def _modules_imported(file: Path) -> Iterator[Path]:
    for name in _names_imported(ast.parse(file.read_bytes())):
        place = PROJECT_FOLDER
        for part in name.split("."):
            place /= part
            yield from (path for path in (place.with_suffix(".py"), place / "__init__.py") if path.is_file())


def _names_imported(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


if __name__ == "__main__":
    django.setup()
    with ready_to_copy():
        pass
