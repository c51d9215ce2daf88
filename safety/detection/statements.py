"""Statements with named parameters: a detector's has too many to count them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from django.db import connection

from core.expressions import written_out
from core.plans import are_plans_kept, fetch_planned, run_planned

_PARAMETER = re.compile(r"%%|%\((\w+)\)s")
# What differs from look to look; a plan is kept for everything else as it stands, thresholds among it.
_OPEN = {"scope_players": "varchar[]", "at": "timestamptz", "since": "timestamptz"}


def run_named(sql: str, parameters: Mapping[str, Any]) -> int:
    """Execute a statement and return how many rows it wrote."""
    with connection.cursor() as cursor:
        cursor.execute(sql, dict(parameters))
        return int(cursor.rowcount)


def fetch_named(sql: str, parameters: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """Execute a query and return its rows."""
    with connection.cursor() as cursor:
        cursor.execute(sql, dict(parameters))
        return list(cursor.fetchall())


def run_for_few(sql: str, parameters: Mapping[str, Any]) -> int:
    """Execute a statement about the players of a scope, by its kept plan where plans are kept."""
    return run_planned(*_placed(sql, parameters)) if are_plans_kept() else run_named(sql, parameters)


def fetch_for_few(sql: str, parameters: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """Execute a query the same way and return its rows."""
    return fetch_planned(*_placed(sql, parameters)) if are_plans_kept() else fetch_named(sql, parameters)


def _placed(sql: str, parameters: Mapping[str, Any]) -> tuple[str, list[Any]]:
    """Return the statement with what is open in its place, and the rest as literals in it."""
    bound: list[Any] = []
    literals: dict[str, str] = {}

    def placed(found: re.Match[str]) -> str:
        name = found[1]
        if name is None:
            return "%%"
        if name in _OPEN:
            bound.append(parameters[name])
            return f"%s::{_OPEN[name]}"
        if name not in literals:
            literals[name] = written_out("%s", [parameters[name]])
        return literals[name]

    return _PARAMETER.sub(placed, sql), bound


def make_temporary(table: str, query: str, parameters: Mapping[str, Any], *, index: str = "") -> int:
    """Fill a table that lasts until the transaction ends, replacing one of that name; return its number of rows."""
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TABLE IF EXISTS pg_temp.{table}")
        cursor.execute(f"CREATE TEMP TABLE {table} ON COMMIT DROP AS {query}", dict(parameters))
        rows = int(cursor.rowcount)
        if index:
            cursor.execute(f"CREATE INDEX ON {table} ({index})")
        cursor.execute(f"ANALYZE {table}")
    return rows
