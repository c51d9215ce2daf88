"""Test databases: a name no other run has, and the removal of those whose run was killed."""

import hashlib
import re
import socket

import psutil
import psycopg
from psycopg import sql

from core.environment import PROJECT_FOLDER
from loyalty.databases import database_settings

_ABANDONABLE = re.compile(r"(?P<process_id>\d+)_(?P<started>\d+)(_\w+)?")


def own_name() -> str:
    """Return a name made of this clone, this process and its start, so that it tells whether its owner still lives."""
    process = psutil.Process()
    return f"{clone_prefix()}{process.pid}_{int(process.create_time())}"


def drop_abandoned() -> None:
    """Drop this clone's test databases whose process is gone."""
    with connect() as connection:
        rows = connection.execute("SELECT datname FROM pg_database WHERE starts_with(datname, %s)", [clone_prefix()])
        for (name,) in rows.fetchall():
            if not _has_living_owner(name):
                connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def clone_prefix() -> str:
    """A server may be shared by several machines, on which process ids mean different processes."""
    clone = f"{socket.gethostname()}\0{PROJECT_FOLDER}"
    return f"test_loyalty_{hashlib.sha256(clone.encode()).hexdigest()[:8]}_"


def connect() -> psycopg.Connection:
    """Return a connection to the server, to make and drop databases with."""
    address = database_settings()
    return psycopg.connect(
        host=address["HOST"],
        port=address["PORT"] or None,
        user=address["USER"],
        password=address["PASSWORD"] or None,
        dbname="postgres",
        autocommit=True,
    )


def _has_living_owner(name: str) -> bool:
    match = _ABANDONABLE.fullmatch(name.removeprefix(clone_prefix()))
    if match is None:
        return True
    try:
        return int(psutil.Process(int(match["process_id"])).create_time()) == int(match["started"])
    except psutil.Error:
        return False
