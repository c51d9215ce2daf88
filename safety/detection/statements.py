"""Statements with named parameters: a detector's has too many to count them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import connection


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
