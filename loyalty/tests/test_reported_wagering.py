"""Bets that are reported, placed and corrected in any order: each counts once towards a requirement, as it was."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from core.policies import save_policy
from loyalty.activity import ActivityOutcome, take_activity
from loyalty.tests import cast
from loyalty.tests.test_activity import event, give_bonus, progress, take, wager
from players.tests.factories import restrict
from wallet.bets import place_bet, settle_bet, void_bet
from wallet.counted_wagers import forget_counted_wagers
from wallet.models import BetStake, BonusStatus, CountedWager, Lot, LoyaltyBalance
from wallet.reconciliation import reconcile

pytestmark = pytest.mark.django_db


def correct(external_id: str, corrects: str, **fields: Any) -> dict[str, Any]:
    return event("WAGER", external_id, corrects_external_id=corrects, **fields)


def place(bet_id: str, stake: str = "5.00", player_id: str = "alice") -> None:
    place_bet(bet_id=bet_id, player_id=player_id, stake=stake, real_available=50, category="slots", actor="tests")


def test_a_bet_that_was_reported_before_it_was_placed_here_counts_once() -> None:
    cast.make_player("alice")
    bonus = give_bonus()
    take(wager("w1", "5.00", bet_id="bet-1"))
    assert progress(bonus) == Decimal("5.00")

    place("bet-1")
    settle_bet(bet_id="bet-1", payout=0, actor="tests")

    assert progress(bonus) == Decimal("5.00")
    assert BetStake.objects.get().contribution == 0


def test_a_bet_of_another_player_under_the_same_id_counts_all_the_same() -> None:
    cast.make_player("alice")
    cast.make_player("bob")
    bonus, bobs = give_bonus(), give_bonus("bob")
    place("bet-1", player_id="bob")

    take(wager("w1", "3.00", bet_id="bet-1"))
    settle_bet(bet_id="bet-1", payout=0, actor="tests")

    assert (progress(bonus), progress(bobs)) == (Decimal("3.00"), Decimal("5.00"))


def test_a_bet_placed_here_that_becomes_void_takes_back_what_its_report_counted() -> None:
    cast.make_player("alice")
    bonus = give_bonus()
    take(wager("w1", "5.00", bet_id="bet-1"), wager("w2", "2.00", bet_id="bet-2"))
    place("bet-1")

    void_bet(bet_id="bet-1", actor="tests")

    assert progress(bonus) == Decimal("2.00")
    take(correct("c1", "w1", void=True))
    assert progress(bonus) == Decimal("2.00")


def test_a_corrected_bet_changes_progress_by_the_difference() -> None:
    cast.make_player("alice")
    bonus = give_bonus()
    take(wager("w1", "10.00"), wager("w2", "4.00"))

    lowered = take(correct("c1", "w1", amount="7.00"))
    assert (lowered.bonuses_moved, progress(bonus)) == (1, Decimal("11.00"))
    take(correct("c2", "w1", amount="9.00"))
    assert progress(bonus) == Decimal("13.00")
    take(correct("c3", "w1", void=True))

    assert progress(bonus) == Decimal("4.00")
    assert LoyaltyBalance.objects.get(player="alice").bonus_wagering_completed == Decimal("4.00")


def test_a_correction_made_earlier_that_comes_later_changes_no_progress() -> None:
    cast.make_player("alice")
    bonus = give_bonus()
    at = timezone.now()
    take(wager("w1", "10.00"), correct("c2", "w1", amount="8.00", occurred_at=at.isoformat()))

    take(correct("c1", "w1", amount="1.00", occurred_at=(at - timedelta(minutes=1)).isoformat()))

    assert progress(bonus) == Decimal("8.00")


def test_a_bet_reported_of_a_player_who_might_not_bet_counts_towards_nothing() -> None:
    now = timezone.now()
    alice = cast.make_player("alice")
    bonus = give_bonus(at=now - timedelta(hours=3))
    restrict(alice, "COOL_OFF", starts_at=now - timedelta(hours=2), ends_at=now - timedelta(hours=1))
    before, meanwhile, after = (now - timedelta(hours=hours) for hours in (2.5, 1.5, 0.5))

    take(wager("w1", "10.00", occurred_at=meanwhile.isoformat()))
    assert progress(bonus) == 0
    take(
        wager("w2", "2.00", occurred_at=before.isoformat()),
        wager("w3", "3.00", occurred_at=after.isoformat()),
    )

    assert progress(bonus) == Decimal("5.00")


def test_the_balance_says_what_reported_bets_counted_and_the_proof_agrees() -> None:
    cast.make_player("alice")
    give_bonus()

    take(wager("w1", "10.00"))

    assert LoyaltyBalance.objects.get(player="alice").bonus_wagering_completed == Decimal("10.00")
    reconcile()


def test_a_correction_moves_what_each_bonus_counted_of_the_stake() -> None:
    cast.make_player("alice")
    save_policy(name="BONUS_TURNS", value="PARALLEL", saved_by=None)
    first = give_bonus(wagering_basis="BONUS", expiry=timedelta(hours=24))
    second = give_bonus()
    take(wager("w1", "10.00", bonus_amount="4.00"))
    assert (progress(first), progress(second)) == (Decimal("4.00"), Decimal("6.00"))

    take(correct("c1", "w1", amount="6.00", bonus_amount="1.00"))

    assert (progress(first), progress(second)) == (Decimal("1.00"), Decimal("5.00"))


def test_a_bet_counts_as_its_correction_in_the_same_batch_says() -> None:
    cast.make_player("alice")
    bonus = give_bonus()

    take(wager("w1", "100.00"), wager("w2", "15.00"), correct("c1", "w1", void=True))

    stored = Lot.objects.get(pk=bonus.pk)
    assert (stored.status, stored.wagering_completed) == (BonusStatus.ACTIVE, Decimal("15.00"))


def test_a_correction_that_waited_for_its_bet_counts_with_it() -> None:
    cast.make_player("alice")
    bonus = give_bonus()
    take(correct("c1", "w1", amount="3.00"))

    take(wager("w1", "100.00"))

    assert (progress(bonus), Lot.objects.get(pk=bonus.pk).status) == (Decimal("3.00"), BonusStatus.ACTIVE)


def test_a_correction_upwards_can_meet_the_requirement() -> None:
    cast.make_player("alice")
    bonus = give_bonus()
    take(wager("w1", "4.00"))

    take(correct("c1", "w1", amount="40.00"))

    assert Lot.objects.get(pk=bonus.pk).status == BonusStatus.COMPLETED


def test_progress_of_a_bonus_that_has_ended_stays() -> None:
    cast.make_player("alice")
    bonus = give_bonus()
    take(wager("w1", "40.00"))

    outcome = take(correct("c1", "w1", void=True))

    stored = Lot.objects.get(pk=bonus.pk)
    assert (stored.status, stored.wagering_completed, outcome.bonuses_moved) == ("COMPLETED", Decimal("40.00"), 0)


def test_a_correction_takes_back_although_reported_bets_count_no_more() -> None:
    cast.make_player("alice")
    bonus = give_bonus()
    take(wager("w1", "10.00"))
    save_policy(name="ACTIVITY_COUNTS_WAGERING", value="no", saved_by=None)

    take(correct("c1", "w1", void=True), wager("w2", "5.00"))

    assert progress(bonus) == 0


def test_a_bet_of_another_source_with_the_same_id_is_not_corrected() -> None:
    cast.make_player("alice")
    bonus = give_bonus()
    take(wager("w1", "10.00"))
    other: ActivityOutcome = take_activity(source="other", events=[wager("w1", "5.00")])
    assert (other.bonuses_moved, progress(bonus)) == (1, Decimal("15.00"))

    take_activity(source="other", events=[correct("c1", "w1", void=True)])

    assert progress(bonus) == Decimal("10.00")


def test_what_was_counted_is_forgotten_long_after_the_bonus_has_ended() -> None:
    cast.make_player("alice")
    give_bonus()
    take(wager("w1", "40.00"))
    give_bonus()
    take(wager("w2", "1.00"))

    assert forget_counted_wagers(at=timezone.now()) == 0
    assert forget_counted_wagers(at=timezone.now() + timedelta(days=91)) == 1

    assert CountedWager.objects.get().external_id == "w2"
