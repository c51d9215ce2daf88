"""Plans kept in the session: a large statement that is asked again and again is parsed and planned once.

Judging one player costs PostgreSQL four times as long to plan as to do. Within `plans_kept` such statements are
prepared under a name made of their text, and executed with their parameters alone. Which are prepared is asked of the
session when a block begins and kept nowhere else: so it does not matter who connects through which pool, what was
deallocated in between, or whether an earlier transaction was rolled back. Changed tables are PostgreSQL's business,
which plans anew.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from functools import lru_cache
from itertools import count
from typing import Any

from django.db import connection, transaction

from core.expressions import PLACEHOLDER, fetch_rows, run_statement

# For more keys than these it is worth a plan of their own.
KEYS_MAX = 100
# The plan of a large statement takes up to a megabyte of its session, with the statement itself.
PLANS_KEPT_MAX = 100
_PREFIX = "kept_"
_PREPARED: ContextVar[set[str] | None] = ContextVar("prepared_statements", default=None)


@contextmanager
def plans_kept(*, keys: int) -> Iterator[None]:
    """Let `run_planned` and `fetch_planned` keep the plans of what they execute within the block.

    Not where it is about many keys, as a plan that is kept knows nothing of its parameters. Must run inside a
    transaction, and where no temporary table hides one of the house's, as in a simulation: a plan made before would go
    on reading the house's.
    """
    if not connection.in_atomic_block:
        raise RuntimeError("plans are kept within a transaction: outside, a pooler may change the session meanwhile")
    if keys > KEYS_MAX or _PREPARED.get() is not None:
        yield
        return
    held = _PREPARED.set(_prepared())
    try:
        yield
    finally:
        _PREPARED.reset(held)


@contextmanager
def plans_kept_to_read(*, keys: int) -> Iterator[None]:
    """Let what only reads keep its plans too: where there is no transaction around it, in one of its own."""
    with nullcontext() if connection.in_atomic_block else transaction.atomic(), plans_kept(keys=keys):
        yield


def are_plans_kept() -> bool:
    """Tell whether this is within such a block, about a few keys."""
    return _PREPARED.get() is not None


def run_planned(sql: str, params: Sequence[Any]) -> int:
    """Execute a statement, by its kept plan where plans are kept, and return how many rows it wrote.

    Its parameters must be in places whose type the statement tells.
    """
    return run_statement(*_by_name(sql, list(params)))


def fetch_planned(sql: str, params: Sequence[Any]) -> list[tuple[Any, ...]]:
    """Execute a query the same way and return its rows."""
    return fetch_rows(*_by_name(sql, list(params)))


def _by_name(sql: str, params: list[Any]) -> tuple[str, list[Any]]:
    prepared = _PREPARED.get()
    if prepared is None:
        return sql, params
    name, text = _named(sql)
    if name not in prepared:
        run_statement(f"PREPARE {name} AS {text}", [])
        prepared.add(name)
    return f"EXECUTE {name} ({', '.join(['%s'] * len(params))})" if params else f"EXECUTE {name}", params


@lru_cache(maxsize=1024)
def _named(sql: str) -> tuple[str, str]:
    """Return the name of a statement, and its text with PostgreSQL's own placeholders (`%` stays doubled)."""
    numbers = count(1)
    text = PLACEHOLDER.sub(lambda found: "%%" if found[0] == "%%" else f"${next(numbers)}", sql)
    return _PREFIX + hashlib.sha256(text.encode()).hexdigest()[:40], text


def _prepared() -> set[str]:
    """Return what the session has prepared of ours; what is beyond the limit is dropped, the oldest first.

    Until the transaction ends plans are made without a look at parameters: each plan is for all that follow.
    """
    rows = fetch_rows(
        f"""
        SELECT coalesce(array_agg(name ORDER BY prepare_time DESC), ARRAY[]::text[]),
               set_config('plan_cache_mode', 'force_generic_plan', true)
        FROM pg_prepared_statements WHERE starts_with(name, '{_PREFIX}')
        """,
        [],
    )
    names: list[str] = rows[0][0]
    for name in names[PLANS_KEPT_MAX:]:
        run_statement(f"DEALLOCATE {name}", [])
    return set(names[:PLANS_KEPT_MAX])
