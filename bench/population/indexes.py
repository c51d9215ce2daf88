"""Bulk loading: indexes and foreign keys are taken off a table and put back over the loaded rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from bench import database

_CONSTRAINTS = """
    SELECT format('ALTER TABLE %%I DROP CONSTRAINT %%I', c.conrelid::regclass, c.conname),
           format('ALTER TABLE %%I ADD CONSTRAINT %%I %%s',
                  c.conrelid::regclass, c.conname, pg_get_constraintdef(c.oid))
    FROM pg_constraint c WHERE c.conrelid = %(table)s::regclass AND c.contype IN ('f', 'u')
    ORDER BY c.contype DESC
"""
_INDEXES = """
    SELECT format('DROP INDEX %%s', i.indexrelid::regclass), pg_get_indexdef(i.indexrelid)
    FROM pg_index i WHERE i.indrelid = %(table)s::regclass
    AND NOT EXISTS (SELECT 1 FROM pg_constraint c WHERE c.conindid = i.indexrelid)
"""


@contextmanager
def taken_off(tables: Sequence[str]) -> Iterator[None]:
    """Load tables without their foreign keys, unique constraints and plain indexes; all come back as they were."""
    pairs = [pair for table in tables for query in (_CONSTRAINTS, _INDEXES) for pair in _statements(query, table)]
    for drop, _ in pairs:
        database.execute(drop)
    yield
    for _, add in pairs:
        database.execute(add)


def _statements(query: str, table: str) -> list[tuple[str, str]]:
    with database.connect() as connection:
        return list(connection.execute(query.encode(), {"table": table}).fetchall())
