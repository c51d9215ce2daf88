"""Orders at the same moment: no piece is sold twice and nobody gets past a limit, because of the locks.

Each race is run with the locks and, by a switch, without them: then it shows what they are for.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from django.db import IntegrityError
from django.db.models import QuerySet

from core.tests.threads import run_together, running, transaction_held_open, wait_until_somebody_waits_for_a_lock
from rewards.models import RedemptionOption, RedemptionOrder
from rewards.redemption import ordering
from rewards.redemption.cancelling import cancel_order
from rewards.redemption.obstacles import OrderLimitReachedError, OutOfStockError
from rewards.tests.redemption.factories import make_option, make_saver, order
from wallet.reconciliation import reconcile
from wallet.tests.factories import AT, balances

pytestmark = pytest.mark.django_db(transaction=True)


def remove_locks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ordering, "lock_players", lambda _: None)
    monkeypatch.setattr(QuerySet, "select_for_update", lambda rows, **_: rows.all())


def while_held_open(act: Callable[[], Any], other: Callable[[], Any]) -> Any:
    """Return what `other` comes to when it waits for a transaction that has done `act` and then commits."""
    with transaction_held_open(act) as commit, running(other) as outcomes:
        wait_until_somebody_waits_for_a_lock()
        commit()
    return outcomes[0]


@pytest.mark.parametrize("is_locked", [True, False])
def test_the_last_piece_goes_to_one_player(is_locked: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    make_saver()
    make_saver("bob")
    make_option(stock=1)
    if not is_locked:
        remove_locks(monkeypatch)

    outcome = while_held_open(partial(order, key="alice"), partial(order, player_id="bob", key="bob"))

    # Without the lock bob's look comes too early; that nothing is oversold even then is the constraint's work.
    assert type(outcome) is (OutOfStockError if is_locked else IntegrityError)
    assert balances("bob") == {"RP": "800.00"}
    assert RedemptionOption.objects.get().ordered == 1


@pytest.mark.parametrize("is_locked", [True, False])
def test_a_players_two_orders_at_once_do_not_pass_the_limit(is_locked: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    make_saver(points="1100.00")
    make_option(limit_per_player=1)
    if not is_locked:
        remove_locks(monkeypatch)

    outcome = while_held_open(partial(order, key="first"), partial(order, key="second"))

    assert type(outcome) is (OrderLimitReachedError if is_locked else RedemptionOrder)
    assert RedemptionOrder.objects.count() == (1 if is_locked else 2)


def test_eight_players_share_a_stock_of_three() -> None:
    players = [make_saver(f"player{number}").pk for number in range(8)]
    make_option(stock=3)

    outcomes = run_together(*[partial(order, player_id=player_id, key=player_id) for player_id in players])

    kinds = sorted(type(outcome).__name__ for outcome in outcomes)
    assert kinds == ["OutOfStockError"] * 5 + ["RedemptionOrder"] * 3
    assert (RedemptionOption.objects.get().ordered, RedemptionOrder.objects.count()) == (3, 3)
    reconcile()


def test_one_key_from_six_threads_orders_once() -> None:
    make_saver(points="5000.00")
    make_option()

    outcomes = run_together(*[order] * 6)

    assert sorted(outcome.is_replay for outcome in outcomes) == [False] + [True] * 5
    assert {outcome.pk for outcome in outcomes} == {RedemptionOrder.objects.get().pk}
    assert balances("alice") == {"RP": "4500.00", "BONUS": "10.00"}


def test_two_cancellations_at_once_refund_once() -> None:
    make_saver()
    make_option()
    done = order()

    def cancel(key: str) -> RedemptionOrder:
        return cancel_order(order_id=done.pk, reason="Mistake", key=key, actor="staff", at=AT)

    outcomes = run_together(*[partial(cancel, f"cancel {number}") for number in range(4)])

    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["OrderStatusError"] * 3 + ["RedemptionOrder"]
    assert balances("alice") == {"RP": "800.00"}
    assert RedemptionOption.objects.get().ordered == 0


def test_orders_and_cancellations_of_many_players_do_not_wait_for_each_other_for_ever() -> None:
    players = [make_saver(f"player{number}", points="5000.00").pk for number in range(4)]
    make_option()
    make_option("TICKETS")

    def work(player_id: str) -> int:
        for step in range(6):
            done = order(["BONUS_10", "TICKETS_3"][step % 2], player_id=player_id, key=f"order:{player_id}:{step}")
            if step % 3 == 0:
                cancel_order(order_id=done.pk, reason="r", key=f"cancel:{player_id}:{step}", actor="staff", at=AT)
        return 1

    assert run_together(*[partial(work, player_id) for player_id in players]) == [1] * 4
    assert {option.code: option.ordered for option in RedemptionOption.objects.all()} == {"BONUS_10": 8, "TICKETS_3": 8}
    reconcile()
