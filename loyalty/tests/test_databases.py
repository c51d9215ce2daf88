"""Database addresses, the owner's role, and test databases that nobody needs any more."""

import os

import psutil
import psycopg
import pytest
from django.core.management import call_command
from django.db import connection
from psycopg import sql

from core.environment import EnvironmentValueError
from loyalty.databases import broker_url, migration_address, parse_database_url, redis_url
from loyalty.embedded import folders
from loyalty.management.commands.migrate import connected_as_owner
from loyalty.tests import own_database


def test_an_address_is_taken_apart() -> None:
    address = parse_database_url(
        "DATABASE_URL", "postgresql://al%40ice:p%2Fw@db.example:6432/loyal%20ty?sslmode=require"
    )

    assert address == {
        "NAME": "loyal ty",
        "USER": "al@ice",
        "PASSWORD": "p/w",
        "HOST": "db.example",
        "PORT": "6432",
        "OPTIONS": {"sslmode": "require"},
    }


def test_a_socket_folder_may_be_given_as_an_option() -> None:
    address = parse_database_url("DATABASE_URL", "postgresql:///loyalty?host=/run/postgresql")

    assert (address["HOST"], address["PORT"], address["OPTIONS"]) == ("/run/postgresql", "", {})


@pytest.mark.parametrize(
    ("url", "needed"),
    [
        ("postgresql://alice:secret@host", "the database's name is needed after the host"),
        ("postgresql://alice:secret@host:http/db", "a port from 1 to 65535 is needed"),
    ],
)
def test_an_incomplete_address_is_refused_without_its_password(url: str, needed: str) -> None:
    with pytest.raises(EnvironmentValueError) as error:
        parse_database_url("DATABASE_URL", url)

    assert str(error.value) == f"DATABASE_URL is 'postgresql://…': {needed}"


def test_redis_is_the_embedded_one_unless_a_url_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("REDIS_URL", raising=False)
    socket = folders.sockets() / "redis.sock"
    assert (redis_url(), broker_url()) == (f"unix://{socket}?db=0", f"redis+socket://{socket}?virtual_host=0")

    monkeypatch.setenv("REDIS_URL", "rediss://redis.example:6380/2")
    assert (redis_url(), broker_url()) == ("rediss://redis.example:6380/2",) * 2


def test_migrating_needs_the_same_database(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://app@host/loyalty")
    monkeypatch.setenv("MIGRATE_DATABASE_URL", "postgresql://owner@host/other")

    with pytest.raises(EnvironmentValueError, match="the database that DATABASE_URL names is needed"):
        migration_address()


@pytest.mark.django_db(transaction=True)
def test_migrations_run_as_the_owner_and_the_rest_as_the_usual_role(monkeypatch: pytest.MonkeyPatch) -> None:
    owner = f"owner_{os.getpid()}"
    settings = connection.settings_dict
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE ROLE {owner} LOGIN SUPERUSER PASSWORD 'secret'")
        cursor.execute("SELECT current_user")
        (usual,) = cursor.fetchone()
    name = parse_name()
    host = settings["HOST"]
    monkeypatch.setenv("MIGRATE_DATABASE_URL", f"postgresql://{owner}:secret@/{name}?host={host}")
    try:
        with connected_as_owner("default"), connection.cursor() as cursor:
            cursor.execute("SELECT current_user, current_database()")
            assert cursor.fetchone() == (owner, settings["NAME"])
        call_command("migrate", verbosity=0)
        with connection.cursor() as cursor:
            cursor.execute("SELECT current_user")
            assert cursor.fetchone() == (usual,)
    finally:
        with connection.cursor() as cursor:
            cursor.execute(f"DROP ROLE {owner}")


def parse_name() -> str:
    """Return the database's name outside the tests: the test database's connection knows only its own."""
    from loyalty.databases import database_settings

    return str(database_settings()["NAME"])


def test_a_test_database_is_dropped_when_its_run_is_gone_and_kept_while_it_lives() -> None:
    prefix = own_database._clone_prefix()
    abandoned = f"{prefix}999999999_1_gw0"
    reused = f"{prefix}{os.getpid()}_{int(psutil.Process().create_time()) - 1000}"
    living = f"{prefix}{os.getpid()}_{int(psutil.Process().create_time())}_gw7"
    with own_database._connect() as server:
        for name in (abandoned, reused, living):
            server.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))

        own_database.drop_abandoned()

        assert names(server) & {abandoned, reused, living} == {living}
        server.execute(sql.SQL("DROP DATABASE {}").format(sql.Identifier(living)))


def names(server: psycopg.Connection) -> set[str]:
    """Return the names of all databases."""
    return {name for (name,) in server.execute("SELECT datname FROM pg_database")}
