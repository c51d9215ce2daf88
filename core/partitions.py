"""Monthly range partitions: made ahead of time, never while a row waits for one."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from django.db import connection, transaction
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

MONTHS_AHEAD = 3


def months_from(first: date, *, count: int) -> Iterator[tuple[date, date]]:
    """Yield `count` months as (first day, first day of the next month)."""
    year, month = first.year, first.month
    for _ in range(count):
        start = date(year, month, 1)
        year, month = (year + 1, 1) if month == 12 else (year, month + 1)
        yield start, date(year, month, 1)


def partition_sql(table: str, *, start: date, end: date) -> str:
    """Return the statement that makes one monthly partition where there is none."""
    # A partition's bounds are UTC instants whatever the session's time zone.
    return (
        f"CREATE TABLE IF NOT EXISTS {table}_{start:%Y_%m} PARTITION OF {table} "
        f"FOR VALUES FROM ('{start} 00:00:00+00') TO ('{end} 00:00:00+00')"
    )


def ensure_month_partitions(*, table: str, today: date, months_ahead: int = MONTHS_AHEAD) -> list[str]:
    """Make this month's partition and those of the months ahead; return the names of the new ones.

    A month that already has rows in the default partition is left there: the rows are found all the same. A role that
    does not own the table makes none; then the owner's `manage.py migrate` does.
    """
    made: list[str] = []
    if not _is_ours(table):
        return made
    for start, end in months_from(today, count=months_ahead + 1):
        name = f"{table}_{start:%Y_%m}"
        if not _exists(name) and not _default_holds(table, start=start, end=end):
            made += _make_partition(table, name, start=start, end=end)
    return made


def _make_partition(table: str, name: str, *, start: date, end: date) -> list[str]:
    """Make a partition unless another worker has just made it; return its name where it is new."""
    with transaction.atomic(), connection.cursor() as cursor:
        # CREATE TABLE IF NOT EXISTS fails where two come at once, so they come one after the other.
        cursor.execute("LOCK TABLE month_partitioned_tables IN SHARE ROW EXCLUSIVE MODE")
        if _exists(name):
            return []
        cursor.execute(partition_sql(table, start=start, end=end))
        guard_partitions(table)
    return [name]


def guard_partitions(table: str) -> None:
    """Give each partition its table's triggers against TRUNCATE: unlike those for rows, they are not inherited."""
    with connection.cursor() as cursor:
        cursor.execute(_UNGUARDED, [table])
        for (statement,) in cursor.fetchall():
            cursor.execute(statement)


# 32 is the bit of pg_trigger.tgtype for TRUNCATE, 2 the one for BEFORE.
_UNGUARDED = """
    SELECT format('CREATE TRIGGER %%I %%s TRUNCATE ON %%s FOR EACH STATEMENT EXECUTE FUNCTION %%s()', t.tgname,
                  CASE WHEN t.tgtype & 2 <> 0 THEN 'BEFORE' ELSE 'AFTER' END, i.inhrelid::regclass, t.tgfoid::regproc)
    FROM pg_trigger t JOIN pg_inherits i ON i.inhparent = t.tgrelid
    WHERE t.tgrelid = %s::regclass AND t.tgtype & 32 <> 0 AND NOT t.tgisinternal
      AND NOT EXISTS (SELECT 1 FROM pg_trigger o WHERE o.tgrelid = i.inhrelid AND o.tgname = t.tgname)
"""


def _is_ours(table: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_has_role(relowner, 'USAGE') FROM pg_class WHERE oid = %s::regclass", [table])
        return bool(cursor.fetchone()[0])


def _exists(name: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass(%s) IS NOT NULL", [name])
        return bool(cursor.fetchone()[0])


def _default_holds(table: str, *, start: date, end: date) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT partition_column FROM month_partitioned_tables WHERE table_name = %s", [table])
        column = cursor.fetchone()[0]
        cursor.execute(
            f"SELECT EXISTS (SELECT 1 FROM {table}_default WHERE {column} >= %s::date AND {column} < %s::date)",
            [start, end],
        )
        return bool(cursor.fetchone()[0])


def partition_by_month(
    schema_editor: BaseDatabaseSchemaEditor, *, table: str, column: str, first: date, months: int, foreign_key: str = ""
) -> None:
    """Turn the new and empty `table` into one partitioned by month of `column`, with its constraints kept.

    `foreign_key` is the table constraint to add again, since a copied table has none. For migrations.
    """
    indexes = _index_definitions(schema_editor, table)
    by_month = f"RANGE ({column})"
    statements = [
        f"ALTER TABLE {table} RENAME TO {table}_plain",
        f"CREATE TABLE {table} (LIKE {table}_plain INCLUDING DEFAULTS INCLUDING CONSTRAINTS) PARTITION BY {by_month}",
        f"DROP TABLE {table}_plain",
        f"CREATE SEQUENCE {table}_id_seq OWNED BY {table}.id",
        f"ALTER TABLE {table} ALTER COLUMN id SET DEFAULT nextval('{table}_id_seq')",
        f"ALTER TABLE {table} ADD CONSTRAINT {table}_pkey PRIMARY KEY (id, {column})",
        *indexes,
        *([f"ALTER TABLE {table} ADD {foreign_key}"] if foreign_key else []),
        f"CREATE TABLE {table}_default PARTITION OF {table} DEFAULT",
        *(partition_sql(table, start=start, end=end) for start, end in months_from(first, count=months)),
        f"INSERT INTO month_partitioned_tables VALUES ('{table}', '{column}')",
    ]
    for statement in statements:
        schema_editor.execute(statement)


def _index_definitions(schema_editor: BaseDatabaseSchemaEditor, table: str) -> list[str]:
    with schema_editor.connection.cursor() as cursor:
        cursor.execute(
            "SELECT indexdef FROM pg_indexes WHERE tablename = %s AND schemaname = current_schema() "
            "AND indexname NOT LIKE '%%_pkey'",
            [table],
        )
        return [definition for (definition,) in cursor.fetchall()]
