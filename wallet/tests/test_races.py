"""Races on the real database: nobody spends twice, no key posts twice, no order of locks ends in a deadlock.

Each race is run twice: as it is, and without the lock it stands on, which it must then lose.
"""

import random
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import timedelta
from decimal import Decimal
from functools import partial
from typing import Any

import pytest
from django.db import IntegrityError, OperationalError
from django.utils import timezone

from core.expressions import run_statement
from core.tests.threads import run_together, while_held_open
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
from wallet.postings import posting_row
from wallet.reconciliation import find_differences, reconcile
from wallet.tests.factories import AT, LATER, ON, balances, credit, lp_posting, make_alice, make_bob, remaining
from wallet.tests.locks import (
    core_that_locks_in_the_order_of_the_postings,
    core_without_lock,
    expiry_without_lock,
    keys_without_unique_constraint,
    points_from_play_without_lock,
    restrictions_without_lock,
)

pytestmark = pytest.mark.django_db(transaction=True)

Switch = Callable[[], AbstractContextManager[None]]


def spend(player_id: str, amount: str, *, key: str) -> Posted:
    return deduct_balance(player_id=player_id, currency="LP", amount=amount, key=key, actor="tests", at=AT)


def credit_as_the_night_does(player_id: str, amount: str, *, key: str) -> int:
    """Credit through the core itself, where nobody tries again."""
    posting = posting_row(
        operation_key="%s",
        operation_kind="'TEST'",
        input_hash="'hash'",
        account_key="%s",
        purpose="'EARNED'",
        transaction_type="'LP_EARNED'",
        currency_type="'LP'",
        amount="%s",
        lot_kind="'PLAY'",
        granted_on="%s",
    )
    return run_statement(
        f"SELECT wallet_post(ARRAY[{posting}], %s, 'night')", [key, player_id, Decimal(amount), ON, AT]
    )


def credit_set(player_ids: list[str], *, key: str) -> int:
    """Credit one point to each, in this order, and return how many were posted."""
    results = post([lp_posting(one, "1.00", key=f"{key} {one}") for one in player_ids], at=AT, actor="tests")
    return len(results)


def kinds(outcomes: list[Any]) -> list[str]:
    return sorted(outcome.outcome if isinstance(outcome, Posted) else type(outcome).__name__ for outcome in outcomes)


def numbers(player_id: str) -> list[int]:
    return list(LedgerEntry.objects.filter(player_id=player_id).order_by("id").values_list("number", flat=True))


def differences() -> list[str]:
    """Return what of the ledger does not prove itself."""
    return [found.check for found in find_differences()[1]]


def spend_what_another_is_spending() -> Any:
    """Return what becomes of a spend of 10 of 10 while another, of 4, is not committed yet."""
    make_alice()
    credit("alice", "10.00")
    (outcome,) = while_held_open(
        partial(spend, "alice", "4.00", key="first"), partial(spend, "alice", "10.00", key="second")
    )
    return outcome


def test_who_waited_for_the_lock_looks_at_what_is_left_then() -> None:
    outcome = spend_what_another_is_spending()

    assert isinstance(outcome, InsufficientBalanceError)
    assert outcome.message == "player alice can spend 6.00 LP, 10.00 was asked for"


def test_without_the_lock_a_second_spend_believes_in_what_is_gone() -> None:
    with core_without_lock():
        outcome = spend_what_another_is_spending()

    assert isinstance(outcome, IntegrityError)
    assert "amount_not_negative" in str(outcome)


def test_two_spends_of_the_same_money_are_one_spend() -> None:
    make_alice()
    for round_ in range(10):
        credit("alice", "10.00", key=f"credit {round_}")

        outcomes = run_together(*[partial(spend, "alice", "10.00", key=f"{who} {round_}") for who in "ab"])

        assert kinds(outcomes) == ["InsufficientBalanceError", "POSTED"]
        assert balances("alice") == {}
    reconcile()


def spend_twice_at_once() -> list[int]:
    """Return the numbers of the entries where two spends of 4 of 10 meet."""
    make_alice()
    credit("alice", "10.00")
    while_held_open(partial(spend, "alice", "4.00", key="first"), partial(spend, "alice", "4.00", key="second"))
    assert balances("alice") == {"LP": "2.00"}
    return numbers("alice")


def test_two_spends_at_once_are_numbered_and_chained_one_after_the_other() -> None:
    assert spend_twice_at_once() == [1, 2, 3]
    reconcile()


def test_without_the_lock_two_spends_have_one_number_and_the_chain_is_broken() -> None:
    with core_without_lock():
        assert spend_twice_at_once() == [1, 2, 2]
    assert "number of entry" in differences()


def credit_a_new_player_twice() -> Any:
    """Return what becomes of the night's credit where another credit is about to make the balance row."""
    make_alice()
    (outcome,) = while_held_open(
        partial(credit, "alice", "1.00", key="a"), partial(credit_as_the_night_does, "alice", "2.00", key="b")
    )
    return outcome


def test_a_first_credit_and_another_meet_in_one_balance_row() -> None:
    assert credit_a_new_player_twice() == 1

    assert balances("alice") == {"LP": "3.00"}
    assert numbers("alice") == [1, 2]
    reconcile()


def test_without_the_lock_a_first_credit_trips_over_another() -> None:
    with core_without_lock():
        outcome = credit_a_new_player_twice()

    assert isinstance(outcome, IntegrityError)
    assert "loyalty_balances_player_id_key" in str(outcome)


def test_one_key_from_eight_threads_posts_once() -> None:
    make_alice()

    outcomes = run_together(*[partial(credit, "alice", "10.00", key="k")] * 8)

    assert kinds(outcomes) == ["POSTED"] + ["REPLAYED"] * 7
    assert len({(posted.entry_id, posted.lot_id, posted.balance_after) for posted in outcomes}) == 1
    assert balances("alice") == {"LP": "10.00"}
    assert Operation.objects.count() == 1


def send_one_key_four_times() -> list[Any]:
    """Return what becomes of a call that comes again three times before the first is through."""
    make_alice()
    credit("alice", "5.00", key="start")
    again = [partial(credit, "alice", "10.00", key="k")] * 3
    return kinds(while_held_open(partial(credit, "alice", "10.00", key="k"), *again))


def test_a_call_that_comes_again_before_the_first_is_through_is_a_replay() -> None:
    assert send_one_key_four_times() == ["REPLAYED"] * 3
    assert balances("alice") == {"LP": "15.00"}
    reconcile()


def test_without_lock_and_unique_key_a_call_that_comes_again_is_posted_again() -> None:
    with core_without_lock(), keys_without_unique_constraint():
        assert send_one_key_four_times() == ["POSTED"] * 3
        assert balances("alice") == {"LP": "45.00"}


@pytest.mark.parametrize("without", [core_without_lock, keys_without_unique_constraint])
def test_lock_and_unique_key_each_suffice_against_a_call_that_comes_again(without: Switch) -> None:
    with without():
        assert send_one_key_four_times() == ["REPLAYED"] * 3
        assert balances("alice") == {"LP": "15.00"}


def use_one_key_for_two_players() -> Any:
    """Return what becomes of bob's credit under the key that alice's, not committed yet, has."""
    make_alice()
    make_bob()
    (outcome,) = while_held_open(partial(credit, "alice", "10.00", key="k"), partial(credit, "bob", "10.00", key="k"))
    return outcome


def test_one_key_for_two_players_at_once_is_the_firsts() -> None:
    assert isinstance(use_one_key_for_two_players(), IdempotencyKeyReusedError)

    assert balances("alice") == {"LP": "10.00"}
    assert not LedgerEntry.objects.filter(player_id="bob").exists()
    assert PostingRefusal.objects.get().player_id == "bob"


def test_without_the_unique_key_one_key_would_serve_two_players() -> None:
    with keys_without_unique_constraint():
        assert use_one_key_for_two_players().outcome == "POSTED"
        assert Operation.objects.filter(key="k").count() == 2


def credit_a_player_who_is_being_excluded() -> Any:
    """Return what becomes of a credit while a restriction is applied and not committed yet."""
    alice = make_alice()
    # It begins after the time the credit is stamped with: it was imposed while the credit waited.
    (outcome,) = while_held_open(partial(restrict, alice, starts_at=timezone.now()), partial(credit, "alice", "10.00"))
    return outcome


def test_a_restriction_that_is_being_applied_is_waited_for_and_obeyed() -> None:
    assert isinstance(credit_a_player_who_is_being_excluded(), PlayerRestrictedError)


@pytest.mark.parametrize("without", [core_without_lock, restrictions_without_lock])
def test_without_either_lock_an_excluded_player_is_credited(without: Switch) -> None:
    with without():
        assert credit_a_player_who_is_being_excluded().outcome == "POSTED"


def expire_what_is_being_spent() -> Any:
    """Return what becomes of the expiry of a lot of 10 while a spend of 7 is not committed yet."""
    make_alice()
    credit("alice", "10.00", expires_at=LATER)
    (outcome,) = while_held_open(partial(spend, "alice", "7.00", key="spend"), partial(expire_bonuses, at=LATER))
    return outcome


def test_what_was_spent_first_does_not_expire() -> None:
    assert expire_what_is_being_spent() == 1

    assert str(LedgerEntry.objects.latest("number").amount) == "-3.00"
    assert remaining("alice") == [("0.00", "EXPIRED")]
    reconcile()


def test_without_the_cores_lock_what_was_spent_would_expire_too() -> None:
    with core_without_lock():
        assert isinstance(expire_what_is_being_spent(), IntegrityError)


def test_without_expirys_lock_what_is_left_of_a_lot_does_not_expire() -> None:
    with expiry_without_lock():
        assert expire_what_is_being_spent() == 0
    assert remaining("alice") == [("3.00", "ACTIVE")]


def spend_what_is_expiring() -> Any:
    """Return what becomes of a spend of 7 from a lot whose expiry is not committed yet."""
    make_alice()
    credit("alice", "10.00", expires_at=AT + timedelta(seconds=1))
    (outcome,) = while_held_open(partial(expire_bonuses, at=LATER), partial(spend, "alice", "7.00", key="spend"))
    return outcome


def test_what_expired_first_is_not_spent() -> None:
    assert isinstance(spend_what_is_expiring(), InsufficientBalanceError)
    reconcile()


def test_without_the_lock_what_expired_would_be_spent_too() -> None:
    with core_without_lock():
        assert isinstance(spend_what_is_expiring(), IntegrityError)


def post_points_from_play_in_two_nights() -> set[str]:
    """Return how much of each day's 2 points counts as posted after a night that met another."""
    alice = make_alice()
    for back in range(5):
        make_day(alice, ON - timedelta(days=back), lp_due="2.00")
    night = partial(post_points_from_play, at=AT, business_zone="UTC")
    while_held_open(night, night)
    assert balances("alice") == {"LP": "10.00"}
    return {str(day.lp_posted) for day in PlayerDay.objects.all()}


def test_points_from_play_are_posted_once_by_two_nights() -> None:
    assert post_points_from_play_in_two_nights() == {"2.00"}
    reconcile()


def test_without_its_lock_points_from_play_count_as_posted_twice() -> None:
    with points_from_play_without_lock():
        assert post_points_from_play_in_two_nights() == {"4.00"}


def work_on_three_players(number: int) -> Decimal:
    """Credit and spend at random and return by how much all balances should have grown."""
    draw = random.Random(number)
    grown = Decimal(0)
    for step in range(15):
        player_id, amount = draw.choice(["alice", "bob", "carol"]), Decimal(draw.randint(1, 3000)) / 100
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


def eight_threads_on_three_players() -> list[Any]:
    for name in ("alice", "bob", "carol"):
        credit(make_player(name).pk, "50.00", key=f"start {name}")
    return run_together(*[partial(work_on_three_players, number) for number in range(8)])


def test_eight_threads_on_three_players_leave_a_ledger_that_proves_itself() -> None:
    outcomes = eight_threads_on_three_players()

    assert all(isinstance(outcome, Decimal) for outcome in outcomes), outcomes
    held = sum(Decimal(balances(player_id).get("LP", 0)) for player_id in ("alice", "bob", "carol"))
    assert held == Decimal(150) + sum(outcomes)
    assert reconcile()["players"] == 3


def test_without_the_lock_eight_threads_break_the_ledger() -> None:
    with core_without_lock():
        eight_threads_on_three_players()
    assert "number of entry" in differences()


def credit_two_sets_crosswise() -> list[Any]:
    """Return what becomes of two sets in opposite order that both need a third player, who is held."""
    for name in ("alice", "bob", "carol"):
        make_player(name)
    return while_held_open(
        partial(lock_players, ["carol"]),
        partial(credit_set, ["alice", "carol", "bob"], key="there"),
        partial(credit_set, ["bob", "carol", "alice"], key="back"),
    )


def test_two_sets_in_opposite_order_do_not_wait_for_each_other_for_ever() -> None:
    assert credit_two_sets_crosswise() == [3, 3]


def test_with_locks_in_any_other_order_two_sets_wait_for_each_other_for_ever() -> None:
    with core_that_locks_in_the_order_of_the_postings():
        failures = [outcome for outcome in credit_two_sets_crosswise() if outcome != 3]

    assert [type(failure) for failure in failures] == [OperationalError]
    assert "deadlock detected" in str(failures[0])


def test_sets_in_any_order_do_not_wait_for_each_other_for_ever() -> None:
    players = [make_player(f"player{number:02}").pk for number in range(12)]

    def work(number: int) -> int:
        draw = random.Random(number)
        for step in range(10):
            credit_set(draw.sample(players, k=len(players)), key=f"{number}:{step}")
        return number

    assert run_together(*[partial(work, number) for number in range(6)]) == list(range(6))
    assert all(balances(player_id) == {"LP": "60.00"} for player_id in players)
    assert reconcile() == {"players": 12, "entries": 720}
