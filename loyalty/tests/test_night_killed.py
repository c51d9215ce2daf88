"""Nights killed at random points, started twice at once, and what everybody is paid all the same."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from decimal import Decimal
from functools import partial
from typing import Any

import pytest
from django.db import connection
from django.db.models import Count

from core.models import PolicyValue, Run, RunChunk, RunStatus
from loyalty.night import run_night
from loyalty.pipeline import open_night, work_on_night
from players.models import Player, PlayerMetrics
from rewards.models import RewardDecision, RewardHistory, RuleBudgetDay
from rewards.rules import save_rule
from wallet.models import LedgerEntry, Operation
from wallet.reconciliation import reconcile

pytestmark = pytest.mark.django_db(transaction=True)
FIRST_NIGHT = date(2025, 12, 1)
PLAYERS = 60
PAID_BY_BUDGET = 15
SECONDS_MAX = 120


@pytest.fixture(autouse=True)
def house() -> None:
    """Sixty losing players in three chunks; each is due points every day, fifteen of them a bonus as well."""
    PolicyValue.objects.create(name="NIGHT_CHUNK_PLAYERS", value="20")
    Player.objects.bulk_create(Player(player_id=f"P{number:03d}", segment="LOSING") for number in range(PLAYERS))
    PlayerMetrics.objects.bulk_create(
        PlayerMetrics(
            player_id=f"P{number:03d}",
            total_wagered=Decimal(15000),
            total_won=Decimal(12000),
            net_pnl=Decimal(-3000),
            house_edge_contribution=Decimal(3000),
            win_loss_ratio=Decimal("0.8"),
            total_sessions=25,
        )
        for number in range(PLAYERS)
    )
    daily = {"status": "ACTIVE", "frequency_period": "DAY", "conditions": {"segment": "LOSING"}}
    points = {"type": "LOYALTY_POINTS", "amount": 10}
    bonus = {"type": "BONUS_BALANCE", "amount": 2, "wagering_requirement": 5, "expiry_hours": 48}
    save_rule(rule_id="POINTS", content={**daily, "name": "Points", "reward_config": points}, saved_by=None)
    budgeted = {**daily, "name": "Bonus", "priority": 5, "daily_budget": 2 * PAID_BY_BUDGET, "reward_config": bonus}
    save_rule(rule_id="BONUS", content=budgeted, saved_by=None)


def in_child(work: Callable[[], Any]) -> int:
    """Do work in a process of its own and return its process id; the connection is not shared."""
    connection.close()
    child = os.fork()
    if child:
        return child
    status = 1
    try:
        work()
        status = 0
    finally:
        os._exit(status)


def wait_for(child: int) -> int:
    """Return how a child ended: 0, its status, or minus the signal that killed it."""
    deadline = time.monotonic() + SECONDS_MAX
    while time.monotonic() < deadline:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.01)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    pytest.fail("the night did not end")


def night_killed_at(statement: int, on: date) -> None:
    """Work on a night and die, as if the power went, when so many statements have been sent."""
    sent = 0

    def count(execute: Any, sql: Any, params: Any, many: Any, context: Any) -> Any:
        nonlocal sent
        sent += 1
        if sent == statement:
            os.kill(os.getpid(), signal.SIGKILL)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(count):
        work_on_night(open_night(business_date=on))


def night_of(on: date) -> None:
    work_on_night(open_night(business_date=on))


def statements_of_a_night(on: date) -> int:
    """Return how many statements an undisturbed night sends."""
    sent = 0

    def count(execute: Any, sql: Any, params: Any, many: Any, context: Any) -> Any:
        nonlocal sent
        sent += 1
        return execute(sql, params, many, context)

    with connection.execute_wrapper(count):
        work_on_night(open_night(business_date=on))
    return sent


def nights(count: int) -> Iterator[date]:
    return (FIRST_NIGHT + timedelta(days=number) for number in range(count))


def assert_paid_once(on: date) -> None:
    paid = RewardHistory.objects.filter(run_id=Run.objects.get(business_date=on).pk)
    assert paid.filter(rule_id="POINTS").count() == PLAYERS
    assert paid.filter(rule_id="BONUS").count() == PAID_BY_BUDGET
    assert not paid.values("player_id", "rule_id").annotate(times=Count("id")).filter(times__gt=1).exists()
    given = RewardDecision.objects.filter(occasion=on.isoformat(), amount_given__gt=0)
    assert given.count() == PLAYERS + PAID_BY_BUDGET
    assert RuleBudgetDay.objects.get(rule_id="BONUS", on=on).given_value == Decimal(2 * PAID_BY_BUDGET)


@pytest.mark.slow
def test_a_night_killed_at_twenty_random_points_pays_everybody_exactly_once() -> None:
    undisturbed, *killed = nights(21)
    last = statements_of_a_night(undisturbed)
    points = random.Random(20251201).sample(range(2, last), 20)

    for on, point in zip(killed, points, strict=True):
        child = in_child(partial(night_killed_at, point, on))
        assert wait_for(child) == -signal.SIGKILL, f"the night was over before statement {point}"
        run = work_on_night(open_night(business_date=on))
        assert run.status == RunStatus.SUCCEEDED

    for on in (undisturbed, *killed):
        assert_paid_once(on)
    assert LedgerEntry.objects.count() == Operation.objects.count() == 21 * (PLAYERS + PAID_BY_BUDGET)
    assert reconcile()["entries"] == LedgerEntry.objects.count()


def test_a_night_killed_between_allocation_and_posting_pays_everybody_exactly_once() -> None:
    def die_before_posting(execute: Any, sql: Any, params: Any, many: Any, context: Any) -> Any:
        if "wallet_post(" in str(sql) and "rule_allocations" in str(sql):
            os.kill(os.getpid(), signal.SIGKILL)
        return execute(sql, params, many, context)

    def night() -> None:
        with connection.execute_wrapper(die_before_posting):
            work_on_night(open_night(business_date=FIRST_NIGHT))

    assert wait_for(in_child(night)) == -signal.SIGKILL
    assert not LedgerEntry.objects.exists()
    assert RuleBudgetDay.objects.get().given_value == Decimal(2 * PAID_BY_BUDGET)

    work_on_night(open_night(business_date=FIRST_NIGHT))

    assert_paid_once(FIRST_NIGHT)
    assert reconcile()["entries"] == PLAYERS + PAID_BY_BUDGET


def test_two_nights_started_at_once_are_one_night() -> None:
    for on in nights(3):
        children = [in_child(partial(night_of, on)) for _ in range(2)]
        assert [wait_for(child) for child in children] == [0, 0]

        assert Run.objects.filter(business_date=on).count() == 1
        assert not RunChunk.objects.filter(step__run__business_date=on, is_done=False).exists()
        assert_paid_once(on)
    assert reconcile()["entries"] == 3 * (PLAYERS + PAID_BY_BUDGET)


def test_a_night_run_again_for_its_date_gives_nothing() -> None:
    work_on_night(open_night(business_date=FIRST_NIGHT))
    entries = LedgerEntry.objects.count()

    again = work_on_night(open_night(business_date=FIRST_NIGHT))

    assert again.status == RunStatus.SUCCEEDED
    assert LedgerEntry.objects.count() == entries


def test_a_night_is_shared_with_a_helper_process(monkeypatch: pytest.MonkeyPatch) -> None:
    address = connection.settings_dict
    login = address["USER"] + (f":{address['PASSWORD']}" if address["PASSWORD"] else "")
    url = f"postgresql://{login}@/{address['NAME']}?host={address['HOST']}&port={address['PORT'] or 5432}"
    monkeypatch.setenv("DATABASE_URL", url)

    run = run_night(business_date=FIRST_NIGHT, workers=2)

    assert run.status == RunStatus.SUCCEEDED
    assert_paid_once(FIRST_NIGHT)
