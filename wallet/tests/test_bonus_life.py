"""The life of a bonus: claimed, waiting for its turn or an event, active, ended; forward only."""

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from core.errors import InvalidInputError, NotFoundError
from core.policies import save_policy
from players.tests.factories import restrict
from wallet.bonus_life import (
    BonusEndedError,
    BonusNotClaimableError,
    cancel_bonus,
    claim_bonus,
    forfeit_on_withdrawal,
    release_pending_credits,
    settle_due_lots,
)
from wallet.expiry import expire_bonuses
from wallet.ledger import IdempotencyKeyReusedError, InsufficientBalanceError, PlayerRestrictedError, post
from wallet.models import LedgerEntry, Lot, LoyaltyBalance, PostingRefusal
from wallet.reconciliation import reconcile
from wallet.tests.bets import bet, play
from wallet.tests.factories import (
    AT,
    ON,
    balances,
    credit,
    give_bonus,
    let_bonuses_run_in_parallel,
    lp_posting,
    make_alice,
    make_bob,
    make_bob_with_bonus,
    remaining,
    spend,
)

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)


def lots() -> list[tuple[str, str | None, datetime | None]]:
    """Return status, what is awaited and expiry of each lot, in the order they were made."""
    return list(Lot.objects.order_by("id").values_list("status", "awaits", "expires_at"))


def cancel(**given: Any) -> Lot:
    asked: dict[str, Any] = {"player_id": "bob", "bonus_id": Lot.objects.latest("pk").pk, "reason": "Given in error"}
    return cancel_bonus(**({**asked, "key": "cancel", "actor": "dana", "at": AT} | given))


def test_a_second_bonus_waits_for_the_first_to_end_and_then_has_its_full_time() -> None:
    make_bob()
    give_bonus("bob", "10.00", key="a", expiry=48 * HOUR)
    give_bonus("bob", "20.00", key="b", expiry=24 * HOUR)
    assert lots() == [("ACTIVE", None, AT + 48 * HOUR), ("PENDING", None, None)]
    assert balances("bob") == {"BONUS": "30.00"}

    later = AT + HOUR
    play("b1", "10.00", "0.00", at=later)

    assert lots() == [("LOST", None, AT + 48 * HOUR), ("ACTIVE", None, later + 24 * HOUR)]
    assert str(LoyaltyBalance.objects.get().bonus_wagering_required) == "200.00"
    reconcile()


def test_bonuses_take_their_turns_in_the_order_they_were_given() -> None:
    make_bob()
    for name in "abc":
        give_bonus("bob", "10.00", key=name)

    cancel(bonus_id=Lot.objects.earliest("pk").pk)

    assert [status for status, _, _ in lots()] == ["CANCELLED", "ACTIVE", "PENDING"]


def test_of_several_bonuses_in_one_set_the_first_is_active() -> None:
    make_bob()
    terms: dict[str, Any] = {"currency_type": "BONUS", "takes_turn": True, "active_hours": 2}
    postings = [lp_posting("bob", "5.00", key=key) for key in "abc"]
    post([replace(one, **terms) for one in postings], at=AT, actor="tests")

    assert lots() == [("ACTIVE", None, AT + 2 * HOUR), ("PENDING", None, None), ("PENDING", None, None)]


def test_the_policy_lets_bonuses_run_side_by_side() -> None:
    make_bob()
    let_bonuses_run_in_parallel()
    give_bonus("bob", "10.00", key="a")
    give_bonus("bob", "20.00", key="b")

    assert [status for status, _, _ in lots()] == ["ACTIVE", "ACTIVE"]


def test_a_bonus_without_a_requirement_waits_for_nobody() -> None:
    make_bob_with_bonus()
    give_bonus("bob", "5.00", key="b", wagering_requirement=Decimal(0))

    assert [status for status, _, _ in lots()] == ["ACTIVE", "ACTIVE"]


def test_the_night_starts_the_next_bonus_when_one_has_expired() -> None:
    make_bob()
    give_bonus("bob", "10.00", key="a", expiry=HOUR)
    give_bonus("bob", "20.00", key="b", expiry=HOUR)

    assert expire_bonuses(at=AT + HOUR) == 1

    assert lots() == [("EXPIRED", None, AT + HOUR), ("ACTIVE", None, AT + 2 * HOUR)]


def test_a_waiting_bonus_cannot_be_played() -> None:
    make_bob()
    give_bonus("bob", "10.00", key="a")
    give_bonus("bob", "20.00", key="b")

    with pytest.raises(InsufficientBalanceError, match=r"can spend 10\.00 BONUS, 11\.00"):
        spend("bob", "11.00", currency="BONUS")


def test_a_bonus_is_claimed_within_its_window_and_then_has_its_own_time() -> None:
    make_bob()
    give_bonus("bob", "10.00", claim_within=24 * HOUR, expiry=48 * HOUR)
    assert lots() == [("PENDING", "CLAIM", AT + 24 * HOUR)]
    assert str(LoyaltyBalance.objects.get().bonus_wagering_required) == "0.00"

    claimed = claim_bonus(player_id="bob", bonus_id=Lot.objects.get().pk, actor="bob", at=AT + 3 * HOUR)

    assert claimed.status == "ACTIVE"
    assert lots() == [("ACTIVE", None, AT + 51 * HOUR)]
    assert str(LoyaltyBalance.objects.get().bonus_wagering_required) == "100.00"


def test_a_bonus_nobody_claims_expires_with_its_window() -> None:
    make_bob()
    give_bonus("bob", "10.00", claim_within=24 * HOUR)
    late = AT + 24 * HOUR

    with pytest.raises(BonusNotClaimableError, match="could be claimed until 2025-12-22 12:00"):
        claim_bonus(player_id="bob", bonus_id=Lot.objects.get().pk, actor="bob", at=late)
    assert expire_bonuses(at=late) == 1

    assert remaining("bob") == [("0.00", "EXPIRED")]
    reconcile()


def test_a_claimed_bonus_takes_its_turn() -> None:
    make_bob_with_bonus()
    give_bonus("bob", "10.00", key="b", claim_within=24 * HOUR)

    claimed = claim_bonus(player_id="bob", bonus_id=Lot.objects.latest("pk").pk, actor="bob", at=AT)

    assert (claimed.status, claimed.awaits, claimed.expires_at) == ("PENDING", None, None)


def test_a_bonus_is_claimed_once_and_only_where_it_waits_for_it() -> None:
    make_bob()
    give_bonus("bob", "10.00", claim_within=24 * HOUR)
    bonus_id = Lot.objects.get().pk
    claim_bonus(player_id="bob", bonus_id=bonus_id, actor="bob", at=AT)

    with pytest.raises(BonusNotClaimableError, match="does not wait for a claim: it is ACTIVE"):
        claim_bonus(player_id="bob", bonus_id=bonus_id, actor="bob", at=AT)
    with pytest.raises(NotFoundError, match="has no bonus 999"):
        claim_bonus(player_id="bob", bonus_id=999, actor="bob", at=AT)


def test_an_excluded_player_claims_nothing_and_the_refusal_is_kept() -> None:
    bob = make_bob()
    give_bonus("bob", "10.00", claim_within=24 * HOUR)
    restrict(bob)

    with pytest.raises(PlayerRestrictedError):
        claim_bonus(player_id="bob", bonus_id=Lot.objects.get().pk, actor="bob", at=AT)

    assert lots()[0][:2] == ("PENDING", "CLAIM")
    assert PostingRefusal.objects.get().purpose == "REDEMPTION"


def test_an_opted_out_player_may_claim() -> None:
    bob = make_bob()
    give_bonus("bob", "10.00", claim_within=24 * HOUR)
    restrict(bob, "MARKETING_OPT_OUT")

    assert claim_bonus(player_id="bob", bonus_id=Lot.objects.get().pk, actor="bob", at=AT).status == "ACTIVE"


def test_a_pending_credit_is_spendable_from_its_date_without_any_night() -> None:
    make_alice()
    credit("alice", "10.00", available_at=AT + HOUR)

    with pytest.raises(InsufficientBalanceError, match="can spend 0 LP"):
        spend("alice", "1.00", key="early")
    spend("alice", "1.00", key="in time", at=AT + HOUR)

    assert remaining("alice") == [("9.00", "ACTIVE")]
    reconcile()


def test_the_night_makes_due_credits_active() -> None:
    make_alice()
    credit("alice", "10.00", key="a", available_at=AT + HOUR)
    credit("alice", "10.00", key="b", available_at=AT + 2 * HOUR)

    assert settle_due_lots(at=AT + HOUR) == 1

    assert [status for _, status in remaining("alice")] == ["ACTIVE", "PENDING"]


def test_a_pending_credit_goes_with_the_event_it_waits_for() -> None:
    make_alice()
    credit("alice", "10.00", awaits="KYC_COMPLETE")
    credit("alice", "5.00", key="other", awaits="FIRST_DEPOSIT")

    assert release_pending_credits(player_id="alice", action="KYC_COMPLETE", at=AT) == 1

    assert [status for _, status in remaining("alice")] == ["ACTIVE", "PENDING"]
    assert settle_due_lots(at=AT + 999 * HOUR) == 0


def test_a_claim_is_no_action_that_lets_credits_go() -> None:
    make_bob()
    give_bonus("bob", "10.00", claim_within=24 * HOUR)

    with pytest.raises(InvalidInputError, match="claimed by its number"):
        release_pending_credits(player_id="bob", action="CLAIM", at=AT)

    assert lots() == [("PENDING", "CLAIM", AT + 24 * HOUR)]


def test_a_bonus_by_date_waits_for_its_turn_too() -> None:
    make_bob_with_bonus()
    give_bonus("bob", "10.00", key="b", available_at=AT + HOUR)

    settle_due_lots(at=AT + HOUR)
    assert [status for status, _, _ in lots()] == ["ACTIVE", "PENDING"]
    cancel(bonus_id=Lot.objects.earliest("pk").pk, at=AT + HOUR)

    assert lots()[1] == ("ACTIVE", None, AT + 49 * HOUR)


def test_cancelling_takes_what_is_left_and_says_why() -> None:
    make_bob_with_bonus()
    play("b1", "10.00", "0.00")

    cancelled = cancel()

    assert (cancelled.status, cancelled.end_reason, cancelled.ended_by) == ("CANCELLED", "Given in error", "dana")
    entry = LedgerEntry.objects.latest("number")
    assert (entry.transaction_type, str(entry.amount), entry.actor) == ("BONUS_CANCELLED", "-40.00", "dana")
    assert balances("bob") == {}
    reconcile()


def test_cancelling_again_is_the_same_or_refused() -> None:
    make_bob_with_bonus()
    cancel()

    assert cancel().status == "CANCELLED"
    assert LedgerEntry.objects.count() == 2
    with pytest.raises(IdempotencyKeyReusedError):
        cancel(reason="Another reason")
    with pytest.raises(BonusEndedError, match="has ended already: it is CANCELLED"):
        cancel(key="again")


def test_a_bonus_all_staked_can_be_cancelled() -> None:
    make_bob_with_bonus()
    bet("b1", "50.00")

    cancelled = cancel()

    assert (cancelled.status, cancelled.end_reason) == ("CANCELLED", "Given in error")
    with pytest.raises(BonusEndedError):
        cancel(key="again")


def test_cancelling_needs_a_reason_and_a_bonus_of_the_player() -> None:
    make_bob_with_bonus()
    make_alice()

    with pytest.raises(InvalidInputError, match="reason is empty"):
        cancel(reason="")
    with pytest.raises(NotFoundError, match="player 'alice' has no bonus"):
        cancel(player_id="alice")


def test_a_withdrawal_leaves_bonuses_alone_by_default() -> None:
    make_bob_with_bonus()

    assert forfeit_on_withdrawal(player_id="bob", withdrawal_id="w1", actor="platform", at=AT) == []

    assert remaining("bob") == [("50.00", "ACTIVE")]


def test_the_policy_lets_a_withdrawal_forfeit_unmet_bonuses_and_their_winnings() -> None:
    make_bob()
    let_bonuses_run_in_parallel()
    save_policy(name="FORFEIT_BONUS_ON_WITHDRAWAL", value="yes", saved_by=None)
    save_policy(name="BONUS_WINNINGS_TO", value="ALL_TO_BONUS", saved_by=None)
    give_bonus("bob", "50.00", key="a")
    give_bonus("bob", "7.00", key="b", wagering_requirement=Decimal(0))
    play("b1", "10.00", "30.00")

    ended = forfeit_on_withdrawal(player_id="bob", withdrawal_id="w1", actor="platform", at=AT)

    assert [(bonus.status, bonus.end_reason) for bonus in ended] == [("FORFEITED", "Withdrawal w1")]
    assert str(LedgerEntry.objects.latest("number").amount) == "-70.00"
    assert balances("bob") == {"BONUS": "7.00"}
    again = forfeit_on_withdrawal(player_id="bob", withdrawal_id="w1", actor="platform", at=AT)
    assert [bonus.pk for bonus in again] == [bonus.pk for bonus in ended]
    assert str(LedgerEntry.objects.latest("number").amount) == "-70.00"
    reconcile()


def test_a_withdrawal_told_again_forfeits_no_bonus_that_came_later() -> None:
    make_bob()
    save_policy(name="FORFEIT_BONUS_ON_WITHDRAWAL", value="yes", saved_by=None)
    assert forfeit_on_withdrawal(player_id="bob", withdrawal_id="w1", actor="platform", at=AT) == []

    give_bonus("bob", "50.00")

    assert forfeit_on_withdrawal(player_id="bob", withdrawal_id="w1", actor="platform", at=AT) == []
    assert remaining("bob") == [("50.00", "ACTIVE")]
    reconcile()


def test_cancelling_a_bonus_all_staked_again_is_the_same() -> None:
    make_bob_with_bonus()
    bet("b1", "50.00")

    assert cancel().status == cancel().status == "CANCELLED"
    reconcile()


def test_a_status_never_goes_back() -> None:
    make_bob_with_bonus()
    cancel()

    settle_due_lots(at=AT + HOUR)
    assert expire_bonuses(at=AT + 999 * HOUR) == 0

    assert remaining("bob") == [("0.00", "CANCELLED")]


def test_a_bonus_of_yesterday_may_be_claimed_today_by_its_own_date() -> None:
    make_bob()
    give_bonus("bob", "10.00", on=ON - timedelta(days=1), claim_within=HOUR)

    assert claim_bonus(player_id="bob", bonus_id=Lot.objects.get().pk, actor="bob", at=AT).granted_on == ON - timedelta(
        days=1
    )
