"""Commands that come before the first migration."""

import os
import subprocess
import sys
from urllib.parse import quote

import psycopg
import pytest
from psycopg import sql

from core.environment import PROJECT_FOLDER
from loyalty.databases import database_settings
from loyalty.tests import own_database


@pytest.mark.parametrize("command", [["makemigrations", "--check", "--dry-run"], ["migrate", "--plan"], ["check"]])
def test_a_database_without_tables_is_no_error(command: list[str]) -> None:
    name = f"{own_database.own_name()}_empty"
    with own_database.connect() as server:
        server.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        try:
            assert run(name, command) == 0
        finally:
            drop(server, name)


def run(database: str, command: list[str]) -> int:
    """Return the exit code of a management command on the database."""
    address = database_settings()
    login = f"{address['USER']}:{quote(address['PASSWORD'], safe='')}"
    url = f"postgresql://{login}@/{database}?host={address['HOST']}&port={address['PORT']}"
    settings = {"DATABASE_URL": url, "REDIS_URL": "redis://127.0.0.1:1", "DJANGO_SETTINGS_MODULE": "loyalty.settings"}
    return subprocess.run(
        [sys.executable, "manage.py", *command],
        cwd=PROJECT_FOLDER,
        env={**os.environ, **settings},
        check=False,
        stdout=subprocess.DEVNULL,
    ).returncode


def drop(server: psycopg.Connection, name: str) -> None:
    """Drop the database."""
    server.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
