"""A hundred workers on ten players, their connections cut while they work: nothing is lost, nothing applied twice."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from threading import Event
from typing import TypeVar

import pytest
from django.db import InterfaceError, OperationalError, connection
from psycopg.errors import AdminShutdown

from core.expressions import fetch_rows
from core.runs import KeyRange
from core.tests.threads import run_together, running
from players.tests.factories import make_player
from wallet.expiry import expire_bonuses
from wallet.ledger import post
from wallet.models import CurrencyType, LedgerEntry, Lot, Operation
from wallet.postings import Posting
from wallet.reconciliation import LedgerDifferenceError, find_differences, reconcile
from wallet.tests.factories import AT, balances, debit_posting, lp_posting
from wallet.tests.locks import core_without_lock

pytestmark = pytest.mark.django_db(transaction=True)

PLAYERS = [f"player{number}" for number in range(10)]
STEPS_BETWEEN_CUTS = 75
# Rather one that works than one that waits for it or for Python; never the test's own connection.
_CUT = """
    SELECT count(pg_terminate_backend(pid)) FROM (
        SELECT pid FROM pg_stat_activity
        WHERE datname = current_database() AND backend_type = 'client backend' AND pid NOT IN (%s, pg_backend_pid())
        ORDER BY random() * CASE WHEN state = 'idle' OR wait_event_type = 'Lock' THEN 1 ELSE 20 END DESC LIMIT 1
    ) victim
"""
T = TypeVar("T")


@dataclass
class Chaos:
    """What the workers sent and were told, whatever became of their connections."""

    sent: list[Posting] = field(default_factory=list)
    applied: list[Posting] = field(default_factory=list)
    outcomes: Counter[str] = field(default_factory=Counter)
    failures: list[BaseException] = field(default_factory=list)
    cuts: int = 0
    steps: int = 0


def play_chaos(*, workers: int, operations: int) -> Chaos:
    """Let workers do that many operations each on ten players while their connections are cut."""
    for player_id in PLAYERS:
        make_player(player_id)
    chaos, is_over = Chaos(), Event()
    with running(partial(_cut_connections, chaos, is_over, fetch_rows("SELECT pg_backend_pid()", [])[0][0])) as cutting:
        try:
            ends = run_together(*[partial(_work, chaos, number, operations) for number in range(workers)])
        finally:
            is_over.set()
    for end in ends:
        if isinstance(end, Counter):
            chaos.outcomes.update(end)
    chaos.failures = [end for end in [*ends, *cutting] if isinstance(end, BaseException)]
    return chaos


def _cut_connections(chaos: Chaos, is_over: Event, own_pid: int) -> None:
    """Cut by what the workers have done and not by the clock: a quick machine gets as many cuts as a slow one."""
    tried = 0
    while not is_over.wait(0.01):
        while tried < chaos.steps // STEPS_BETWEEN_CUTS:
            tried += 1
            chaos.cuts += fetch_rows(_CUT, [own_pid])[0][0]


def _work(chaos: Chaos, worker: int, operations: int) -> Counter[str]:
    """Do operations at random; return how often each outcome was told."""
    draw = random.Random(worker)
    outcomes: Counter[str] = Counter()
    for step in range(operations):
        chaos.steps += 1
        at = AT + timedelta(minutes=step)
        if draw.random() < 0.05:
            player_id = draw.choice(PLAYERS)
            keys = KeyRange(lower=player_id, upper=f"{player_id}~")
            outcomes["EXPIRED"] += _until_answered(partial(expire_bonuses, at=at, keys=keys))
            continue
        postings = _postings(chaos, draw, key=f"{worker}:{step}", at=at)
        # Known to all before it is answered, so that others send the same key at the same time.
        chaos.sent.extend(postings)
        for posting, posted in zip(
            postings, _until_answered(partial(post, postings, at=at, actor="tests")), strict=True
        ):
            outcomes[posted.reason or posted.outcome] += 1
            if posted.outcome != "REFUSED":
                chaos.applied.append(posting)
    return outcomes


def _until_answered(act: Callable[[], T]) -> T:
    """Do it again with a new connection for as long as the connection is cut."""
    while True:
        try:
            return act()
        except (OperationalError, InterfaceError) as error:
            # Where the connection is gone, the server says so or says nothing.
            if getattr(error.__cause__, "sqlstate", None) not in (None, AdminShutdown.sqlstate):
                raise
            connection.close()


def _postings(chaos: Chaos, draw: random.Random, *, key: str, at: datetime) -> list[Posting]:
    """Return something new, a set of it, or something that was sent before by anybody, the same or changed."""
    kind = draw.random()
    if kind < 0.65 or not chaos.sent:
        return [_new_posting(draw, key=key, at=at)]
    if kind < 0.75:
        return [_new_posting(draw, key=f"{key}:{part}", at=at) for part in range(draw.randint(2, 5))]
    again = chaos.sent[draw.randrange(-min(50, len(chaos.sent)), 0)] if kind < 0.85 else draw.choice(chaos.sent)
    return [again if kind < 0.95 else replace(again, amount=2 * again.amount)]


def _new_posting(draw: random.Random, *, key: str, at: datetime) -> Posting:
    player_id, currency = draw.choice(PLAYERS), draw.choice(CurrencyType.values)
    if draw.random() < 0.5:
        expires_at = at + timedelta(minutes=draw.randint(1, 60)) if draw.random() < 0.5 else None
        credited = lp_posting(player_id, f"{draw.randint(1, 30)}.00", key=key, expires_at=expires_at)
        return replace(credited, currency_type=currency)
    amount = "9999999.00" if draw.random() < 0.1 else f"{draw.randint(1, 30)}.00"
    return debit_posting(player_id, amount, key=key, currency=currency)


def prove(chaos: Chaos) -> None:
    """Compare the ledger with itself and with what the workers were told."""
    assert chaos.failures == []
    told: dict[str, Posting] = {}
    for posting in chaos.applied:
        assert told.setdefault(posting.operation_key, posting).amount == posting.amount
    stored = LedgerEntry.objects.exclude(operation__kind="EXPIRE").values_list("operation__key", "amount")
    assert sorted(stored) == sorted((key, posting.amount) for key, posting in told.items())
    operations = Operation.objects.exclude(kind="EXPIRE")
    assert sorted(operations.values_list("key", flat=True)) == sorted(told)
    held: defaultdict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for posting in told.values():
        held[posting.account_key, posting.currency_type] += posting.amount
    expiries = LedgerEntry.objects.filter(operation__kind="EXPIRE")
    for player_id, currency, amount in expiries.values_list("player_id", "currency_type", "amount"):
        held[player_id, currency] += amount
    for player_id in PLAYERS:
        ours = {currency: held[player_id, currency] for currency in CurrencyType.values if held[player_id, currency]}
        assert ours == {currency: Decimal(amount) for currency, amount in balances(player_id).items()}
    assert Lot.objects.filter(status="EXPIRED").count() == expiries.count()
    reconcile()


@pytest.mark.slow
def test_a_hundred_workers_whose_connections_are_cut_lose_nothing_and_apply_nothing_twice() -> None:
    chaos = play_chaos(workers=100, operations=100)

    prove(chaos)
    for outcome in ("POSTED", "REPLAYED", "KEY_REUSED", "BALANCE_SHORT", "EXPIRED"):
        assert chaos.outcomes[outcome] > 100
    assert chaos.cuts > 50


def test_without_the_lock_a_few_workers_already_break_the_ledger() -> None:
    with core_without_lock():
        chaos = play_chaos(workers=20, operations=20)

    assert "number of entry" in {found.check for found in find_differences()[1]}
    chaos.failures.clear()
    with pytest.raises((AssertionError, LedgerDifferenceError)):
        prove(chaos)
