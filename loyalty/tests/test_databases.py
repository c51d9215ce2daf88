"""Database addresses, the owner's role, and test databases that nobody needs any more."""

import os
from collections.abc import Iterator

import psutil
import psycopg
import pytest
from django.core.management import call_command
from django.db import connection
from psycopg import sql

from core.environment import EnvironmentValueError
from loyalty.databases import broker_url, database_settings, migration_address, parse_database_url, redis_url
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


@pytest.fixture
def owner_and_house() -> Iterator[tuple[str, str]]:
    """Make an owner who may do everything and a house role that may do nothing yet."""
    owner, house = f"owner_{os.getpid()}", f"house_{os.getpid()}"
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE ROLE {owner} LOGIN SUPERUSER PASSWORD 'secret'; CREATE ROLE {house} LOGIN")
    yield owner, house
    with connection.cursor() as cursor:
        cursor.execute(f"DROP OWNED BY {house}; DROP ROLE {owner}; DROP ROLE {house}")


@pytest.mark.django_db(transaction=True)
def test_migrations_run_as_the_owner_and_leave_the_usual_role_its_rights(
    owner_and_house: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    owner, house = owner_and_house
    settings = connection.settings_dict
    url = f"postgresql://{owner}:secret@/{database_settings()['NAME']}?host={settings['HOST']}"
    monkeypatch.setenv("MIGRATE_DATABASE_URL", url)
    usual = settings["USER"]

    with connected_as_owner("default"):
        assert current_user() == owner
    monkeypatch.setitem(settings, "USER", house)
    call_command("migrate", verbosity=0)

    assert current_user() == house
    assert has_right(house, "transactions", "INSERT")
    assert not has_right(house, "transactions", "UPDATE")
    connection.close()
    monkeypatch.setitem(settings, "USER", usual)


def current_user() -> str:
    """Return who we are connected as."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user")
        return str(cursor.fetchone()[0])


def has_right(role: str, table: str, right: str) -> bool:
    """Tell whether the role has the right on the table."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT has_table_privilege(%s, %s, %s)", [role, table, right])
        return bool(cursor.fetchone()[0])


def test_a_test_database_is_dropped_when_its_run_is_gone_and_kept_while_it_lives() -> None:
    prefix = own_database.clone_prefix()
    abandoned = f"{prefix}999999999_1_gw0"
    reused = f"{prefix}{os.getpid()}_{int(psutil.Process().create_time()) - 1000}"
    living = f"{prefix}{os.getpid()}_{int(psutil.Process().create_time())}_gw7"
    with own_database.connect() as server:
        for name in (abandoned, reused, living):
            server.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))

        own_database.drop_abandoned()

        assert names(server) & {abandoned, reused, living} == {living}
        server.execute(sql.SQL("DROP DATABASE {}").format(sql.Identifier(living)))


def names(server: psycopg.Connection) -> set[str]:
    """Return the names of all databases."""
    return {name for (name,) in server.execute("SELECT datname FROM pg_database")}
