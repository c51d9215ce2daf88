"""Bets: how stakes are paid, what payouts become, what counts as wagering. Bob has 50.00, with 500.00 to wager."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from core.errors import InvalidInputError, NotFoundError
from core.models import OutboxEvent
from core.policies import save_policy
from players.models import GameCategory
from players.tests.factories import make_player, restrict
from wallet.bets import (
    BetClosedError,
    BetNotFoundError,
    GameNotEligibleError,
    InsufficientFundsError,
    MaxBetExceededError,
)
from wallet.bonus_life import cancel_bonus, forfeit_on_withdrawal
from wallet.expiry import expire_bonuses
from wallet.ledger import IdempotencyKeyReusedError, PlayerRestrictedError
from wallet.models import Bet, BetStake, LedgerEntry, Lot, LoyaltyBalance, PostingRefusal
from wallet.reconciliation import reconcile
from wallet.tests.bets import bet, bonuses, paid, play, settle, split, void
from wallet.tests.factories import (
    AT,
    balances,
    give_bonus,
    let_bonuses_run_in_parallel,
    make_bob,
    make_bob_with_bonus,
)

pytestmark = pytest.mark.django_db


def let(name: str, value: str) -> None:
    save_policy(name=name, value=value, saved_by=None)


def entries() -> list[tuple[str, str]]:
    return [(e.transaction_type, str(e.amount)) for e in LedgerEntry.objects.filter(player_id="bob").order_by("number")]


def rows() -> tuple[Any, ...]:
    """Return everything a bet could change."""
    tables = (Bet, BetStake, LedgerEntry, Lot, LoyaltyBalance)
    return tuple(list(table.objects.order_by("pk").values()) for table in tables)


def test_real_money_pays_first_and_the_bonus_the_rest() -> None:
    make_bob_with_bonus()

    placed = bet("b1", "10.00", real="6.00")

    assert split(placed) == ("6.00", "4.00")
    assert balances("bob") == {"BONUS": "46.00"}
    assert entries() == [("BONUS_ISSUED", "50.00"), ("WAGER", "-4.00")]
    assert Lot.objects.get().open_bets == 1
    reconcile()


def test_a_bet_of_real_money_leaves_the_wallet_alone() -> None:
    make_bob_with_bonus()

    assert split(bet("b1", "10.00", real="10.00")) == ("10.00", "0.00")
    assert paid(settle("b1", "30.00")) == ("30.00", "0.00")
    assert bonuses() == [("ACTIVE", "50.00", "0.00")]
    assert len(entries()) == 1


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ("REAL_FIRST", ("10.00", "0.00")),
        ("BONUS_FIRST", ("0.00", "10.00")),
        ("REAL_ONLY", ("10.00", "0.00")),
        ("BONUS_ONLY", ("0.00", "10.00")),
    ],
)
def test_the_policy_says_which_money_pays(order: str, expected: Any) -> None:
    make_bob_with_bonus()
    let("BET_FUNDS_ORDER", order)

    assert split(bet("b1", "10.00", real="20.00")) == expected


@pytest.mark.parametrize(
    ("winnings_to", "expected"),
    [
        ("STAKE_TO_BONUS", ("16.00", "4.00")),
        ("ALL_TO_BONUS", ("12.00", "8.00")),
        ("ALL_REAL", ("20.00", "0.00")),
    ],
)
def test_the_policy_says_where_winnings_go(winnings_to: str, expected: Any) -> None:
    make_bob_with_bonus()
    let("BONUS_WINNINGS_TO", winnings_to)

    assert paid(play("b1", "10.00", "20.00", real="6.00")) == expected
    assert balances("bob") == {"BONUS": str(Decimal("46.00") + Decimal(expected[1]))}
    reconcile()


def test_a_stake_counts_once_when_it_is_settled() -> None:
    make_bob_with_bonus()

    bet("b1", "10.00")
    assert bonuses() == [("ACTIVE", "40.00", "0.00")]
    settle("b1", "0.00")
    settle("b1", "0.00")

    assert bonuses() == [("ACTIVE", "40.00", "10.00")]
    row = LoyaltyBalance.objects.get()
    assert (str(row.bonus_wagering_required), str(row.bonus_wagering_completed)) == ("500.00", "10.00")


def test_the_weight_of_the_game_says_how_much_counts() -> None:
    make_bob_with_bonus()
    GameCategory.objects.filter(code="blackjack").update(contribution_weight=Decimal("0.1"))

    play("b1", "10.00", "10.00", category="blackjack")

    assert bonuses() == [("ACTIVE", "50.00", "1.00")]


def test_a_bonus_on_deposit_and_bonus_counts_the_whole_stake_of_a_larger_requirement() -> None:
    make_bob()
    give_bonus("bob", "50.00", deposit=Decimal(100), wagering_basis="DEPOSIT_AND_BONUS")
    assert str(Lot.objects.get().wagering_required) == "1500.00"

    play("b1", "10.00", "0.00", real="10.00")
    play("b2", "10.00", "0.00", real="6.00")

    assert bonuses() == [("ACTIVE", "46.00", "20.00")]


def test_the_policy_says_which_basis_new_bonuses_have() -> None:
    make_bob()
    let("WAGERING_BASIS", "DEPOSIT_AND_BONUS")
    give_bonus("bob", "50.00", deposit=Decimal(100))

    assert str(Lot.objects.get().wagering_required) == "1500.00"


def test_meeting_the_requirement_makes_what_is_left_real_money() -> None:
    make_bob()
    give_bonus("bob", "50.00", wagering_requirement=Decimal(2))

    play("b1", "50.00", "50.00")
    play("b2", "50.00", "45.00")

    # 100.00 wagered: the 45.00 that are left are bob's.
    assert bonuses() == [("COMPLETED", "0.00", "100.00")]
    assert balances("bob") == {}
    assert entries()[-1] == ("BONUS_CONVERTED", "-45.00")
    event = OutboxEvent.objects.get(topic="bonus.converted")
    assert (event.payload["player_id"], event.payload["amount"]) == ("bob", "45.00")
    assert str(Lot.objects.get().converted) == "45.00"
    reconcile()


def test_what_is_left_beyond_the_conversion_cap_goes() -> None:
    make_bob()
    let("BONUS_WINNINGS_TO", "ALL_TO_BONUS")
    give_bonus("bob", "50.00", wagering_requirement=Decimal(1), max_conversion=Decimal(60))

    play("b1", "50.00", "200.00")

    assert entries()[-2:] == [("BONUS_CONVERTED", "-60.00"), ("BONUS_FORFEITED", "-140.00")]
    assert (bonuses(), balances("bob")) == ([("COMPLETED", "0.00", "50.00")], {})
    reconcile()


def test_winnings_that_become_real_at_once_count_towards_the_cap() -> None:
    make_bob()
    give_bonus("bob", "50.00", wagering_requirement=Decimal(2), max_conversion=Decimal(60))

    assert paid(play("b1", "50.00", "90.00")) == ("40.00", "50.00")
    assert paid(play("b2", "50.00", "90.00")) == ("20.00", "50.00")

    # 40.00 and 20.00 were paid: nothing of the 50.00 left may become real.
    assert entries()[-1] == ("BONUS_FORFEITED", "-50.00")
    assert str(Lot.objects.get().converted) == "60.00"


def test_a_bonus_played_away_is_lost_when_no_bet_is_open() -> None:
    make_bob_with_bonus()

    bet("b1", "20.00")
    bet("b2", "30.00")
    settle("b1", "0.00")
    assert bonuses() == [("ACTIVE", "0.00", "20.00")]
    settle("b2", "0.00")

    assert bonuses() == [("LOST", "0.00", "50.00")]
    assert str(LoyaltyBalance.objects.get().bonus_wagering_required) == "0.00"


def test_an_open_bet_can_bring_a_bonus_back() -> None:
    make_bob_with_bonus()

    bet("b1", "50.00")
    assert bonuses() == [("ACTIVE", "0.00", "0.00")]
    settle("b1", "50.00")

    assert bonuses() == [("ACTIVE", "50.00", "50.00")]


def test_a_remainder_too_small_to_bet_is_completed() -> None:
    make_bob_with_bonus()

    play("b1", "49.95", "0.00")

    assert bonuses() == [("COMPLETED", "0.00", "49.95")]
    assert entries()[-1] == ("BONUS_CONVERTED", "-0.05")


def test_the_policy_says_how_small_a_remainder_is() -> None:
    make_bob_with_bonus()
    let("BONUS_TINY_REMAINDER", "0")

    play("b1", "49.95", "0.00")

    assert bonuses() == [("ACTIVE", "0.05", "49.95")]


def test_a_void_bet_gives_everything_back_and_never_counted() -> None:
    make_bob_with_bonus()
    before = bonuses()

    bet("b1", "60.00", real="10.00")
    voided = void("b1")

    assert paid(voided) == ("10.00", "50.00")
    assert bonuses() == before
    assert entries()[-1] == ("REVERSAL", "50.00")
    assert void("b1").closed_at == voided.closed_at
    reconcile()


def test_a_bet_placed_before_expiry_pays_real_money_up_to_the_cap_after_it() -> None:
    make_bob()
    give_bonus("bob", "50.00", max_conversion=Decimal(25))
    bet("b1", "10.00")
    later = AT + timedelta(hours=48)
    expire_bonuses(at=later)

    assert paid(settle("b1", "30.00", at=later)) == ("25.00", "0.00")
    assert bonuses() == [("EXPIRED", "0.00", "0.00")]
    reconcile()


def test_a_bonus_whose_time_has_passed_takes_nothing_more_before_the_night_either() -> None:
    make_bob_with_bonus()
    bet("b1", "10.00")
    later = AT + timedelta(hours=48)

    assert paid(settle("b1", "30.00", at=later)) == ("30.00", "0.00")
    assert bonuses() == [("ACTIVE", "40.00", "0.00")]
    with pytest.raises(InsufficientFundsError):
        bet("b2", "1.00", at=later)


def test_a_bet_of_a_bonus_all_staked_that_expires_ends_with_the_bet() -> None:
    make_bob_with_bonus()
    bet("b1", "50.00")
    later = AT + timedelta(hours=48)
    assert expire_bonuses(at=later) == 0

    settle("b1", "0.00", at=later)

    assert bonuses() == [("EXPIRED", "0.00", "0.00")]


def test_a_bet_open_while_another_completes_the_bonus_pays_real_money() -> None:
    make_bob()
    give_bonus("bob", "50.00", wagering_requirement=Decimal(1), max_conversion=Decimal(30))
    bet("b1", "10.00")
    bet("b2", "40.00")
    settle("b2", "20.00")
    play("b3", "10.00", "10.00")

    # 40.00 + 10.00 wagered: 20.00 converted; the cap leaves 10.00 for the bet still open.
    assert entries()[-1] == ("BONUS_CONVERTED", "-20.00")
    assert paid(settle("b1", "35.00")) == ("10.00", "0.00")


def test_a_void_bet_of_a_completed_bonus_is_real_money_and_of_an_expired_one_nothing() -> None:
    make_bob()
    let_bonuses_run_in_parallel()
    give_bonus("bob", "10.00", key="a", wagering_requirement=Decimal(1), expiry=timedelta(hours=1))
    bet("b1", "4.00")
    play("b2", "6.00", "6.00")
    play("b3", "6.00", "6.00")
    assert bonuses() == [("COMPLETED", "0.00", "12.00")]
    assert paid(void("b1")) == ("4.00", "0.00")

    give_bonus("bob", "10.00", key="b", expiry=timedelta(hours=1))
    bet("b4", "4.00", real="1.00")
    later = AT + timedelta(hours=1)
    expire_bonuses(at=later)
    assert paid(void("b4", at=later)) == ("1.00", "0.00")
    reconcile()


def test_a_cancelled_bonus_honours_its_open_bet_and_a_forfeited_one_does_not() -> None:
    make_bob()
    let("FORFEIT_BONUS_ON_WITHDRAWAL", "yes")
    give_bonus("bob", "10.00", key="a")
    bet("b1", "4.00")
    cancel_bonus(player_id="bob", bonus_id=Lot.objects.get().pk, reason="Error", key="c", actor="staff", at=AT)
    assert paid(settle("b1", "9.00")) == ("9.00", "0.00")

    give_bonus("bob", "10.00", key="b")
    bet("b2", "10.00", real="6.00")
    forfeit_on_withdrawal(player_id="bob", withdrawal_id="w1", actor="platform", at=AT)
    assert paid(settle("b2", "20.00")) == ("12.00", "0.00")
    assert [status for status, _, _ in bonuses()] == ["CANCELLED", "FORFEITED"]
    reconcile()


def test_several_bonuses_pay_one_bet_the_first_to_expire_first() -> None:
    make_bob()
    let_bonuses_run_in_parallel()
    give_bonus("bob", "5.00", key="late", expiry=timedelta(hours=72))
    give_bonus("bob", "3.00", key="early", expiry=timedelta(hours=24))

    bet("b1", "6.00")
    assert bonuses() == [("ACTIVE", "2.00", "0.00"), ("ACTIVE", "0.00", "0.00")]
    assert paid(settle("b1", "12.00")) == ("6.00", "6.00")

    assert bonuses() == [("ACTIVE", "5.00", "3.00"), ("ACTIVE", "3.00", "3.00")]
    reconcile()


def test_the_same_bet_again_gets_the_same_answer() -> None:
    make_bob_with_bonus()
    first = bet("b1", "10.00", real="6.00")
    before = rows()

    again = bet("b1", "10.00", real="6.00", at=AT + timedelta(hours=1))

    assert (again.pk, split(again)) == (first.pk, ("6.00", "4.00"))
    assert rows() == before


@pytest.mark.parametrize("other", [{"stake": "11.00"}, {"real": "7.00"}, {"category": "poker"}, {"player_id": "carol"}])
def test_a_bet_id_used_again_for_another_bet_is_refused(other: dict[str, Any]) -> None:
    make_bob_with_bonus()
    make_player("carol")
    bet("b1", "10.00", real="6.00")
    before = rows()

    with pytest.raises(IdempotencyKeyReusedError, match=r"10\.00 by player bob in slots"):
        bet(**({"bet_id": "b1", "stake": "10.00", "real": "6.00"} | other))

    assert rows() == before


def test_a_settled_bet_cannot_be_settled_otherwise_or_voided() -> None:
    make_bob_with_bonus()
    play("b1", "10.00", "5.00")
    before = rows()

    with pytest.raises(BetClosedError, match=r"is SETTLED with a payout of 5\.00 since 2025-12-21"):
        settle("b1", "6.00")
    with pytest.raises(BetClosedError, match="is SETTLED"):
        void("b1")

    assert rows() == before


def test_a_void_bet_cannot_be_settled() -> None:
    make_bob_with_bonus()
    bet("b1", "10.00")
    void("b1")

    with pytest.raises(BetClosedError, match="is VOID since"):
        settle("b1", "6.00")


def test_a_bet_nobody_placed_is_named() -> None:
    with pytest.raises(BetNotFoundError, match="there is no bet 'b9'"):
        settle("b9", "1.00")
    with pytest.raises(BetNotFoundError, match="there is no bet 'b9'"):
        void("b9")


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ({"stake": "0"}, "stake is 0: more than zero"),
        ({"stake": "-1"}, "more than zero"),
        ({"stake": "NaN"}, "finite"),
        ({"stake": "1.001"}, "at most two decimals"),
        ({"real": "-0.01"}, "real_available is -0.01: at least 0"),
        ({"category": "chess"}, "game_category 'chess' is unknown; one of blackjack"),
        ({"bet_id": ""}, "bet_id is empty"),
        ({"bet_id": "b" * 101}, "bet_id has 101 characters"),
    ],
)
def test_a_bet_that_makes_no_sense_is_refused(given: dict[str, Any], complaint: str) -> None:
    make_bob_with_bonus()
    before = rows()

    with pytest.raises(InvalidInputError, match=complaint):
        bet(**({"bet_id": "b1", "stake": "10.00"} | given))

    assert rows() == before


def test_a_bet_of_a_player_nobody_knows_is_refused() -> None:
    with pytest.raises(NotFoundError, match="there is no player 'nobody'"):
        bet("b1", "1.00", real="1.00", player_id="nobody")


@pytest.mark.parametrize("payout", ["-1", "NaN", "0.001", "one"])
def test_a_payout_that_makes_no_sense_is_refused(payout: str) -> None:
    make_bob_with_bonus()
    bet("b1", "10.00")
    before = rows()

    with pytest.raises(InvalidInputError, match="payout"):
        settle("b1", payout)

    assert rows() == before


@pytest.mark.parametrize(
    ("terms", "error"),
    [({"max_bet": Decimal(5)}, MaxBetExceededError), ({"eligible_games": ["poker"]}, GameNotEligibleError)],
)
def test_the_terms_of_the_bonus_are_kept_at_the_time_of_the_bet(terms: dict[str, Any], error: type[Exception]) -> None:
    make_bob()
    give_bonus("bob", "50.00", **terms)
    before = rows()

    with pytest.raises(error):
        bet("b1", "10.00", real="2.00")

    assert rows() == before


def test_an_excluded_player_places_no_bet_and_the_refusal_is_kept() -> None:
    bob = make_bob_with_bonus()
    restrict(bob)
    before = rows()

    with pytest.raises(PlayerRestrictedError, match="player bob is restricted \\(SELF_EXCLUDED\\)"):
        bet("b1", "10.00", real="10.00")

    assert rows() == before
    refusal = PostingRefusal.objects.get()
    assert (refusal.purpose, refusal.reason, str(refusal.amount)) == ("BET", "RESTRICTED", "-10.00")


def test_an_open_bet_of_an_excluded_player_still_settles_and_is_marked() -> None:
    bob = make_bob_with_bonus()
    bet("b1", "10.00")
    restrict(bob)

    assert paid(settle("b1", "15.00")) == ("5.00", "10.00")

    entry = LedgerEntry.objects.latest("number")
    assert (entry.transaction_type, entry.metadata) == ("WIN", {"restricted": "SELF_EXCLUDED"})
