"""Races on the real database: nobody spends twice, no key posts twice, no order of locks ends in a deadlock."""

import random
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from functools import partial
from typing import Any

import pytest

from core.tests.threads import (
    run_together,
    running,
    transaction_held_open,
    wait_until_somebody_waits_for_a_lock,
)
from players.models import PlayerDay
from players.tests.factories import make_day, make_player, restrict
from wallet.expiry import expire_bonuses
from wallet.ledger import (
    IdempotencyKeyReusedError,
    InsufficientBalanceError,
    PlayerRestrictedError,
    Posted,
    lock_players,
    post,
)
from wallet.models import LedgerEntry, Operation, PostingRefusal
from wallet.play import post_points_from_play
from wallet.points import deduct_balance
from wallet.postings import credit_posting
from wallet.reconciliation import reconcile
from wallet.tests.factories import AT, LATER, ON, balances, credit, make_alice, make_bob, remaining

pytestmark = pytest.mark.django_db(transaction=True)


def spend(player_id: str, amount: str, *, key: str) -> Posted:
    return deduct_balance(player_id=player_id, currency="LP", amount=amount, key=key, actor="tests", at=AT)


def kinds(outcomes: list[Any]) -> list[str]:
    return sorted(outcome.outcome if isinstance(outcome, Posted) else type(outcome).__name__ for outcome in outcomes)


def while_held_open(act: Callable[[], Any], other: Callable[[], Any]) -> Any:
    """Return what `other` comes to when it waits for a transaction that has done `act` and then commits."""
    with transaction_held_open(act) as commit, running(other) as outcomes:
        wait_until_somebody_waits_for_a_lock()
        commit()
    return outcomes[0]


def test_two_spends_of_the_same_money_are_one_spend() -> None:
    make_alice()
    for round_ in range(10):
        credit("alice", "10.00", key=f"credit {round_}")

        outcomes = run_together(*[partial(spend, "alice", "10.00", key=f"{who} {round_}") for who in "ab"])

        assert kinds(outcomes) == ["InsufficientBalanceError", "POSTED"]
        assert balances("alice") == {}
    reconcile()


def test_who_waited_for_the_lock_looks_at_what_is_left_then() -> None:
    make_alice()
    credit("alice", "10.00")

    outcome = while_held_open(
        partial(spend, "alice", "4.00", key="first"), partial(spend, "alice", "10.00", key="second")
    )

    assert isinstance(outcome, InsufficientBalanceError)
    assert outcome.message == "player alice can spend 6.00 LP, 10.00 was asked for"


def test_a_first_credit_and_another_meet_in_one_balance_row() -> None:
    make_alice()

    while_held_open(partial(credit, "alice", "1.00", key="a"), partial(credit, "alice", "2.00", key="b"))

    assert balances("alice") == {"LP": "3.00"}
    assert list(LedgerEntry.objects.order_by("number").values_list("number", flat=True)) == [1, 2]
    reconcile()


def test_one_key_from_eight_threads_posts_once() -> None:
    make_alice()

    outcomes = run_together(*[partial(credit, "alice", "10.00", key="k")] * 8)

    assert kinds(outcomes) == ["POSTED"] + ["REPLAYED"] * 7
    assert len({(posted.entry_id, posted.lot_id, posted.balance_after) for posted in outcomes}) == 1
    assert balances("alice") == {"LP": "10.00"}
    assert Operation.objects.count() == 1


def test_one_key_for_two_players_at_once_is_the_firsts() -> None:
    make_alice()
    make_bob()

    outcome = while_held_open(partial(credit, "alice", "10.00", key="k"), partial(credit, "bob", "10.00", key="k"))

    assert isinstance(outcome, IdempotencyKeyReusedError)
    assert balances("alice") == {"LP": "10.00"}
    assert not LedgerEntry.objects.filter(player_id="bob").exists()
    assert PostingRefusal.objects.get().player_id == "bob"


def test_a_restriction_that_is_being_applied_is_waited_for_and_obeyed() -> None:
    alice = make_alice()

    def exclude() -> None:
        lock_players(["alice"])
        restrict(alice)

    outcome = while_held_open(exclude, partial(credit, "alice", "10.00"))

    assert isinstance(outcome, PlayerRestrictedError)


def test_what_was_spent_first_does_not_expire() -> None:
    make_alice()
    credit("alice", "10.00", expires_at=LATER)

    expired = while_held_open(partial(spend, "alice", "7.00", key="spend"), partial(expire_bonuses, at=LATER))

    assert expired == 1
    assert str(LedgerEntry.objects.latest("number").amount) == "-3.00"
    assert remaining("alice") == [("0.00", "EXPIRED")]
    reconcile()


def test_what_expired_first_is_not_spent() -> None:
    make_alice()
    credit("alice", "10.00", expires_at=AT + timedelta(seconds=1))

    outcome = while_held_open(partial(expire_bonuses, at=LATER), partial(spend, "alice", "7.00", key="spend"))

    assert isinstance(outcome, InsufficientBalanceError)
    reconcile()


def test_points_from_play_are_posted_once_by_two_nights() -> None:
    alice = make_alice()
    for back in range(5):
        make_day(alice, ON - timedelta(days=back), lp_due="2.00")

    run_together(*[partial(post_points_from_play, at=AT, business_zone="UTC")] * 2)

    assert balances("alice") == {"LP": "10.00"}
    assert {str(day.lp_posted) for day in PlayerDay.objects.all()} == {"2.00"}
    reconcile()


def test_eight_threads_on_three_players_leave_a_ledger_that_proves_itself() -> None:
    players = [make_player(name).pk for name in ("alice", "bob", "carol")]
    for player_id in players:
        credit(player_id, "50.00", key=f"start {player_id}")

    def work(number: int) -> Decimal:
        """Credit and spend at random and return by how much all balances should have grown."""
        draw = random.Random(number)
        grown = Decimal(0)
        for step in range(15):
            player_id, amount = draw.choice(players), Decimal(draw.randint(1, 3000)) / 100
            if draw.random() < 0.5:
                credit(player_id, str(amount), key=f"{number}:{step}", expires_at=draw.choice([None, LATER]))
                grown += amount
            else:
                try:
                    spend(player_id, str(amount), key=f"{number}:{step}")
                    grown -= amount
                except InsufficientBalanceError:
                    pass
        return grown

    outcomes = run_together(*[partial(work, number) for number in range(8)])

    assert all(isinstance(outcome, Decimal) for outcome in outcomes), outcomes
    held = sum(Decimal(balances(player_id).get("LP", 0)) for player_id in players)
    assert held == Decimal(150) + sum(outcomes)
    assert reconcile()["players"] == 3


def test_sets_in_any_order_do_not_wait_for_each_other_for_ever() -> None:
    players = [make_player(f"player{number:02}").pk for number in range(12)]

    def work(number: int) -> int:
        draw = random.Random(number)
        for step in range(10):
            order = draw.sample(players, k=len(players))
            postings = [
                credit_posting(
                    key=f"{number}:{step}:{player_id}",
                    kind="TEST",
                    player_id=player_id,
                    currency="LP",
                    amount=Decimal(1),
                    on=ON,
                )
                for player_id in order
            ]
            post(postings, at=AT, actor="tests")
        return number

    assert run_together(*[partial(work, number) for number in range(6)]) == list(range(6))
    assert all(balances(player_id) == {"LP": "60.00"} for player_id in players)
    assert reconcile() == {"players": 12, "entries": 720}
