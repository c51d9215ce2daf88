"""What statements over very many rows tell the planner: which look-ups they prove themselves, how to join."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from core.expressions import fetch_rows


@contextmanager
def trusted_keys(*, are_many: bool = True) -> Iterator[None]:
    """Let PostgreSQL skip the foreign keys of rows that are inserted meanwhile, where it may be told to.

    For statements that take every key from rows read or locked in the same transaction: a look-up per row would prove
    what they already say. Triggers rest meanwhile, so nothing that a trigger guards may be updated or deleted. Without
    the privilege, or for few rows, the look-ups are made. Must run inside a transaction, whose end undoes it.
    """
    if are_many:
        _set_replication_role("replica")
    yield
    if are_many:
        _set_replication_role("origin")


@contextmanager
def hashed_joins() -> Iterator[None]:
    """Have PostgreSQL join by hash tables alone meanwhile, look-ups by LATERAL aside.

    For statements that join what they have made themselves, which the planner takes for a few rows. Must run inside a
    transaction; outside of one it says nothing.
    """
    _set_other_joins("off")
    yield
    _set_other_joins("on")


def _set_other_joins(value: str) -> None:
    fetch_rows(
        "SELECT set_config('enable_nestloop', %s, true), set_config('enable_mergejoin', %s, true)", [value, value]
    )


def _set_replication_role(role: str) -> None:
    fetch_rows(
        "SELECT set_config('session_replication_role', %s, true) "
        "WHERE has_parameter_privilege('session_replication_role', 'SET')",
        [role],
    )
