"""Bonus money: its terms, what the balance row derives from the active lots, and how far wagering is."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from core.errors import InvalidInputError, NotFoundError
from wallet.bonuses import check_wagering_progress
from wallet.expiry import expire_bonuses
from wallet.ledger import IdempotencyKeyReusedError
from wallet.models import Lot, LoyaltyBalance
from wallet.points import deduct_balance
from wallet.tests.factories import (
    AT,
    ON,
    balances,
    credit,
    give_bonus,
    let_bonuses_run_in_parallel,
    make_alice,
    make_bob,
    make_bob_with_bonus,
)

pytestmark = pytest.mark.django_db

TWO_DAYS_LATER = AT + timedelta(days=2)


def derived(player_id: str = "bob") -> tuple[str, str, object, str | None, object]:
    """Return wagering required and completed, expiry, largest bet and games of the balance row."""
    row = LoyaltyBalance.objects.get(player_id=player_id)
    max_bet = None if row.bonus_max_bet is None else str(row.bonus_max_bet)
    return (
        str(row.bonus_wagering_required),
        str(row.bonus_wagering_completed),
        row.bonus_expiry,
        max_bet,
        row.bonus_eligible_games,
    )


NOTHING = ("0.00", "0.00", None, None, None)


def spend(amount: str, *, key: str = "spend") -> None:
    deduct_balance(player_id="bob", currency="BONUS", amount=amount, key=key, actor="tests", at=AT)


def test_a_bonus_is_a_lot_with_its_terms() -> None:
    make_bob()

    give_bonus("bob", "50.00", max_bet=Decimal(5), eligible_games=["slots", "roulette"], description="Welcome")

    lot = Lot.objects.get()
    assert (str(lot.remaining), str(lot.wagering_required), str(lot.wagering_completed)) == ("50.00", "500.00", "0.00")
    assert (lot.expires_at, str(lot.max_bet), lot.eligible_games) == (TWO_DAYS_LATER, "5.00", ["slots", "roulette"])
    assert (str(lot.promotional_value), lot.granted_on, lot.currency_type) == ("50.00", ON, "BONUS")
    assert balances("bob") == {"BONUS": "50.00"}
    assert derived() == ("500.00", "0.00", TWO_DAYS_LATER, "5.00", ["slots", "roulette"])


def test_a_multiple_of_an_odd_amount_is_rounded_to_the_cent() -> None:
    make_bob()

    give_bonus("bob", "0.33", wagering_requirement=Decimal("1.5"))

    # 0.33 × 1.5 = 0.495.
    assert str(Lot.objects.get().wagering_required) == "0.50"


def test_several_bonuses_add_up_under_the_strictest_terms() -> None:
    make_bob()
    let_bonuses_run_in_parallel()
    give_bonus("bob", "50.00", key="a", max_bet=Decimal(5), eligible_games=["slots"])
    give_bonus(
        "bob", "20.00", key="b", wagering_requirement=Decimal(3), expiry=timedelta(hours=24), max_bet=Decimal(9),
        eligible_games=["poker"],
    )  # fmt: skip

    # 50 × 10 + 20 × 3 = 560 to wager; the one that expires first says which games.
    assert derived() == ("560.00", "0.00", AT + timedelta(hours=24), "5.00", ["poker"])


def test_a_later_bonus_with_weaker_terms_changes_nothing_but_the_sum() -> None:
    let_bonuses_run_in_parallel()
    make_bob()
    give_bonus("bob", "50.00", key="a", max_bet=Decimal(5), eligible_games=["slots"])
    give_bonus("bob", "20.00", key="b", expiry=None)

    assert derived() == ("700.00", "0.00", TWO_DAYS_LATER, "5.00", ["slots"])


@pytest.mark.parametrize("order", ["early first", "late first"])
def test_adding_up_and_summing_up_again_agree(order: str) -> None:
    """A credit adds to what is derived; a debit sums it up from the lots: both must say the same."""
    let_bonuses_run_in_parallel()
    make_bob()
    early: dict[str, Any] = {"expiry": timedelta(hours=24), "eligible_games": ["poker"]}
    late: dict[str, Any] = {"expiry": timedelta(hours=48), "eligible_games": ["slots"], "max_bet": Decimal(2)}
    first, second = (early, late) if order == "early first" else (late, early)
    give_bonus("bob", "50.00", key="a", **first)
    give_bonus("bob", "20.00", key="b", **second)
    give_bonus("bob", "5.00", key="c", expiry=None)
    added_up = derived()

    spend("0.01")

    assert derived() == added_up == ("750.00", "0.00", AT + timedelta(hours=24), "2.00", ["poker"])


def test_a_bonus_that_is_spent_counts_no_more() -> None:
    make_bob_with_bonus()

    spend("49.99")
    assert derived() == ("500.00", "0.00", TWO_DAYS_LATER, None, None)

    spend("0.01", key="rest")
    assert derived() == NOTHING


def test_a_bonus_that_has_expired_counts_no_more() -> None:
    let_bonuses_run_in_parallel()
    make_bob_with_bonus()
    give_bonus("bob", "20.00", key="b", wagering_requirement=Decimal(3), expiry=timedelta(hours=72), max_bet=Decimal(9))

    expire_bonuses(at=TWO_DAYS_LATER)
    assert derived() == ("60.00", "0.00", AT + timedelta(hours=72), "9.00", None)

    expire_bonuses(at=AT + timedelta(hours=72))
    assert derived() == NOTHING


def test_points_leave_what_is_derived_from_bonuses_alone() -> None:
    make_bob_with_bonus()
    before = derived()

    credit("bob", "10.00", key="points")
    deduct_balance(player_id="bob", currency="LP", amount="4.00", key="spend", actor="tests", at=AT)

    assert derived() == before


def test_wagering_done_so_far_stays_after_another_credit_and_a_spend() -> None:
    let_bonuses_run_in_parallel()
    make_bob_with_bonus()
    Lot.objects.update(wagering_completed=Decimal(120))
    spend("10.00")
    assert derived()[:2] == ("500.00", "120.00")

    give_bonus("bob", "1.00", key="b")
    assert derived()[:2] == ("510.00", "120.00")


def test_points_earned_are_counted_for_ever_and_spending_does_not_lower_them() -> None:
    make_alice()
    credit("alice", "100.00", key="a")
    credit("alice", "30.00", key="b", purpose="EARNED")
    credit("alice", "7.00", key="c", purpose="OPENING")
    credit("alice", "50.00", key="d", currency="RP")
    credit("alice", "9.00", key="e", purpose="REFUND")
    deduct_balance(player_id="alice", currency="LP", amount="120.00", key="f", actor="tests", at=AT)

    row = LoyaltyBalance.objects.get()
    assert (str(row.lp_balance), str(row.lp_earned)) == ("26.00", "137.00")


@pytest.mark.parametrize(
    ("terms", "complaint"),
    [
        ({"wagering_requirement": Decimal(-1)}, "wagering_requirement is -1: a multiple of 0 to 1000"),
        ({"wagering_requirement": Decimal(1001)}, "wagering_requirement is 1001: a multiple of 0 to 1000"),
        ({"wagering_requirement": Decimal("NaN")}, "wagering_requirement is NaN: a multiple of 0 to 1000"),
        ({"expiry": timedelta(0)}, "the expiry must lie in the future"),
        ({"expiry": timedelta(hours=-1)}, "the expiry must lie in the future"),
        ({"max_bet": Decimal(0)}, "max_bet is 0: more than zero is needed"),
        ({"max_bet": Decimal("0.001")}, "max_bet is 0.001: at most two decimals"),
        ({"eligible_games": ["slots", "bingo"]}, "eligible_games names 'bingo': some of blackjack, other"),
        ({"eligible_games": []}, "eligible_games is empty: some of blackjack, other"),
    ],
)
def test_terms_that_make_no_sense_are_refused(terms: dict[str, Any], complaint: str) -> None:
    make_bob()

    with pytest.raises(InvalidInputError, match=complaint):
        give_bonus("bob", "50.00", **terms)

    assert not Lot.objects.exists()


@pytest.mark.parametrize("terms", [{"wagering_requirement": Decimal(0)}, {"wagering_requirement": Decimal(1000)}])
def test_terms_at_their_bounds_are_taken(terms: dict[str, Any]) -> None:
    make_bob()

    assert give_bonus("bob", "50.00", **terms).outcome == "POSTED"


def test_a_key_used_again_with_another_expiry_is_refused() -> None:
    make_bob_with_bonus()

    assert give_bonus("bob", "50.00", at=AT + timedelta(seconds=5)).outcome == "REPLAYED"
    with pytest.raises(IdempotencyKeyReusedError):
        give_bonus("bob", "50.00", expiry=timedelta(hours=49))


@pytest.mark.parametrize(
    ("completed", "percent"),
    [("0", "0"), ("125", "25"), ("499.99", "99.99"), ("500", "100"), ("600", "100")],
)
def test_progress_is_rounded_down_so_that_100_means_done(completed: str, percent: str) -> None:
    make_bob_with_bonus()
    Lot.objects.update(wagering_completed=Decimal(completed))

    assert check_wagering_progress(player_id="bob", bonus_id=Lot.objects.get().pk) == Decimal(percent)


def test_a_bonus_without_a_requirement_is_done() -> None:
    make_bob()
    give_bonus("bob", "50.00", wagering_requirement=Decimal(0))

    assert check_wagering_progress(player_id="bob", bonus_id=Lot.objects.get().pk) == 100


def test_only_the_players_own_bonus_has_a_progress() -> None:
    make_bob_with_bonus()
    make_alice()
    credit("alice", "5.00")
    bonus_id = Lot.objects.get(player="bob").pk
    points_id = Lot.objects.get(player="alice").pk

    with pytest.raises(NotFoundError, match=f"player 'alice' has no bonus {bonus_id}"):
        check_wagering_progress(player_id="alice", bonus_id=bonus_id)
    with pytest.raises(NotFoundError, match=f"player 'alice' has no bonus {points_id}"):
        check_wagering_progress(player_id="alice", bonus_id=points_id)
