"""Taking a lock away, so that a race can be seen to end wrongly without it."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from django.db import connection, transaction
from django.test import TransactionTestCase

import wallet.expiry
import wallet.ledger
import wallet.play
from loyalty.tests.restoring import restore_after
from wallet.ledger_shape import PLAYER_LEDGER

_LOCK = re.compile(r"FOR NO KEY UPDATE(?: OF \w+)?")
_LOCK_IN_KEY_ORDER = (
    "PERFORM 1 FROM players o WHERE o.player_id = ANY (account_keys) ORDER BY o.player_id FOR NO KEY UPDATE;"
)
_LOCK_AS_THEY_COME = (
    "PERFORM (SELECT 1 FROM players o WHERE o.player_id = p.account_key FOR NO KEY UPDATE) FROM unnest(postings) p;"
)


@contextmanager
def core_without_lock() -> Iterator[None]:
    """Install the posting core without its lock for the block."""
    real = PLAYER_LEDGER.posting_sql()
    without, taken = _LOCK.subn("", real)
    assert taken >= 2, "a posting of its own and a set of them must each have a lock"
    with _installed(without, back=real):
        yield


@contextmanager
def core_that_locks_in_the_order_of_the_postings() -> Iterator[None]:
    """Install the posting core with a set's locks taken as they come, not in key order, for the block."""
    real = PLAYER_LEDGER.posting_sql()
    assert real.count(_LOCK_IN_KEY_ORDER) == 1
    with _installed(real.replace(_LOCK_IN_KEY_ORDER, _LOCK_AS_THEY_COME), back=real):
        yield


@contextmanager
def lock_players_doing_nothing() -> Iterator[None]:
    """Put nothing in the place of `wallet.ledger.lock_players`, wherever it was imported, for the block."""
    real = wallet.ledger.lock_players

    def lock_nobody(player_ids: Sequence[str]) -> None:
        """Look away."""

    holders = [module for module in list(sys.modules.values()) if vars(module).get("lock_players") is real]
    assert wallet.ledger in holders
    for module in holders:
        vars(module)["lock_players"] = lock_nobody
    try:
        yield
    finally:
        for module in holders:
            vars(module)["lock_players"] = real


@contextmanager
def restrictions_without_lock() -> Iterator[None]:
    """Have the database store restrictions without a lock on their players for the block."""
    _execute("ALTER TABLE player_restrictions DISABLE TRIGGER restrictions_imposed")
    try:
        yield
    finally:
        _execute("ALTER TABLE player_restrictions ENABLE TRIGGER restrictions_imposed")


@contextmanager
def expiry_without_lock() -> Iterator[None]:
    """Have expiry choose its lots without a lock on their owners for the block."""
    real = wallet.expiry._lock_owners
    vars(wallet.expiry)["_lock_owners"] = lambda *_: None
    try:
        yield
    finally:
        vars(wallet.expiry)["_lock_owners"] = real


@contextmanager
def points_from_play_without_lock() -> Iterator[None]:
    """Have points from play look at what is due without a lock on the players for the block."""
    real = wallet.play._LOCK_SQL
    without, taken = _LOCK.subn("", real)
    assert taken == 1
    vars(wallet.play)["_LOCK_SQL"] = without
    try:
        yield
    finally:
        vars(wallet.play)["_LOCK_SQL"] = real


@contextmanager
def keys_without_unique_constraint() -> Iterator[None]:
    """Let several operations have one key for the block; afterwards all rows are removed with the doubles."""
    name = "wallet_operations_key_key"
    _execute(f"ALTER TABLE wallet_operations DROP CONSTRAINT {name}")
    try:
        yield
    finally:
        restore_after(TransactionTestCase())
        _execute(f"ALTER TABLE wallet_operations ADD CONSTRAINT {name} UNIQUE (key)")


@contextmanager
def _installed(posting_sql: str, *, back: str) -> Iterator[None]:
    """Install another posting core; the real one comes back whatever happens."""
    _install(posting_sql)
    try:
        yield
    finally:
        _install(back)


def _install(posting_sql: str) -> None:
    _execute(PLAYER_LEDGER.removal_sql(), posting_sql)


def _execute(*statements: str) -> None:
    # A thread that a test forgot must not hang the run.
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL lock_timeout = '20s'")
        for statement in statements:
            cursor.execute(statement)
