"""How a stake is paid and a payout shared, worked by hand: no database, only figures."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wallet.bets.errors import GameNotEligibleError, InsufficientFundsError, MaxBetExceededError
from wallet.bets.funding import Funding, Purse, Stake, fund_stake
from wallet.bets.winnings import Payer, share_payout, share_refund


def purse(lot_id: int, remaining: str, **terms: Any) -> Purse:
    given: dict[str, Any] = {"max_bet": None, "eligible_games": None, "counts_whole_stake": False, "is_wagering": True}
    return Purse(lot_id=lot_id, remaining=Decimal(remaining), **(given | terms))


def fund(
    stake: str,
    *purses: Purse,
    real: str = "0.00",
    order: str = "REAL_FIRST",
    category: str = "slots",
    weight: str = "1",
) -> Funding:
    asked = Stake(amount=Decimal(stake), real_available=Decimal(real), category=category, weight=Decimal(weight))
    return fund_stake(asked, purses, order=order)


def told(funding: Funding) -> tuple[str, list[tuple[int, str, str]]]:
    return str(funding.real), [(part.lot_id, str(part.amount), str(part.contribution)) for part in funding.parts]


@pytest.mark.parametrize(
    ("order", "real", "split"),
    [
        ("REAL_FIRST", "100.00", ("10.00", [])),
        ("REAL_FIRST", "6.00", ("6.00", [(1, "4.00", "4.00")])),
        ("REAL_FIRST", "0.00", ("0.00", [(1, "10.00", "10.00")])),
        ("BONUS_FIRST", "100.00", ("0.00", [(1, "10.00", "10.00")])),
        ("REAL_ONLY", "10.00", ("10.00", [])),
        ("BONUS_ONLY", "100.00", ("0.00", [(1, "10.00", "10.00")])),
    ],
)
def test_the_order_of_funds_decides_what_pays(order: str, real: str, split: Any) -> None:
    assert told(fund("10.00", purse(1, "50.00"), real=real, order=order)) == split


def test_bonus_first_takes_the_rest_from_real_money() -> None:
    assert told(fund("10.00", purse(1, "3.00"), real="20.00", order="BONUS_FIRST")) == ("7.00", [(1, "3.00", "3.00")])


def test_bonuses_pay_in_the_order_they_stand() -> None:
    split = told(fund("10.00", purse(1, "3.00"), purse(2, "4.00"), purse(3, "9.00")))

    assert split == ("0.00", [(1, "3.00", "3.00"), (2, "4.00", "4.00"), (3, "3.00", "3.00")])


def test_the_games_weight_says_how_much_of_a_stake_counts() -> None:
    assert told(fund("10.00", purse(1, "50.00"), weight="0.1")) == ("0.00", [(1, "10.00", "1.00")])
    assert told(fund("0.05", purse(1, "50.00"), weight="0.1")) == ("0.00", [(1, "0.05", "0.01")])


def test_on_the_basis_of_deposit_and_bonus_the_whole_stake_counts_once() -> None:
    both = purse(1, "50.00", counts_whole_stake=True)

    assert told(fund("10.00", both, real="100.00")) == ("10.00", [(1, "0.00", "10.00")])
    assert told(fund("10.00", both, real="6.00")) == ("6.00", [(1, "4.00", "10.00")])
    assert told(fund("10.00", purse(2, "4.00"), both, real="0.00")) == (
        "0.00", [(2, "4.00", "4.00"), (1, "6.00", "6.00")],
    )  # fmt: skip


def test_a_met_requirement_counts_no_more() -> None:
    assert told(fund("10.00", purse(1, "50.00", is_wagering=False))) == ("0.00", [(1, "10.00", "0.00")])


def test_a_bonus_for_other_games_is_passed_over() -> None:
    split = told(fund("5.00", purse(1, "50.00", eligible_games=("poker",)), purse(2, "50.00")))

    assert split == ("0.00", [(2, "5.00", "5.00")])


def test_a_game_in_which_the_needed_bonus_may_not_be_played_is_refused() -> None:
    with pytest.raises(GameNotEligibleError) as refusal:
        fund("10.00", purse(1, "50.00", eligible_games=("slots", "poker")), category="roulette", real="3.00")

    assert refusal.value.message == "bonus money may not be played in roulette, only in poker, slots"


def test_real_money_alone_may_be_played_in_any_game() -> None:
    bonus = purse(1, "50.00", eligible_games=("poker",), max_bet=Decimal(1))

    assert told(fund("10.00", bonus, real="10.00")) == ("10.00", [])


def test_a_stake_above_the_largest_bet_is_refused_where_the_bonus_would_pay() -> None:
    with pytest.raises(MaxBetExceededError) as refusal:
        fund("5.01", purse(7, "50.00", max_bet=Decimal("5.00")), real="5.00")

    assert refusal.value.message == "the stake of 5.01 is above 5.00, the largest bet with bonus 7"
    assert told(fund("5.00", purse(7, "50.00", max_bet=Decimal("5.00"))))[0] == "0.00"


def test_a_stake_above_the_largest_bet_is_refused_where_it_would_count() -> None:
    with pytest.raises(MaxBetExceededError):
        fund("6.00", purse(1, "50.00", max_bet=Decimal(5), counts_whole_stake=True), real="100.00")


@pytest.mark.parametrize(
    ("order", "real", "usable"),
    [
        ("REAL_FIRST", "3.00", "3.00 of real money and 5.00 of bonus money"),
        ("REAL_ONLY", "9.99", "9.99 of real money and 0.00 of bonus money"),
        ("BONUS_ONLY", "99.00", "0.00 of real money and 5.00 of bonus money"),
        ("BONUS_FIRST", "4.99", "4.99 of real money and 5.00 of bonus money"),
    ],
)
def test_too_little_money_is_refused_with_both_figures(order: str, real: str, usable: str) -> None:
    with pytest.raises(InsufficientFundsError) as refusal:
        fund("10.00", purse(1, "5.00"), real=real, order=order)

    assert refusal.value.message == f"the stake is 10.00; by {order} there is {usable} for it"


def payer(
    lot_id: int, amount: str, *, room: str | None = None, is_active: bool = True, is_forfeited: bool = False
) -> Payer:
    return Payer(
        lot_id=lot_id,
        amount=Decimal(amount),
        is_active=is_active,
        is_forfeited=is_forfeited,
        room=None if room is None else Decimal(room),
    )


def shared(payout: str, *payers: Payer, stake: str = "10.00", winnings_to: str = "STAKE_TO_BONUS") -> Any:
    result = share_payout(Decimal(payout), stake=Decimal(stake), payers=payers, winnings_to=winnings_to)
    return str(result.real), [(str(share.paid_back), str(share.converted)) for share in result.shares]


@pytest.mark.parametrize(
    ("payout", "winnings_to", "real", "shares"),
    [
        # 6.00 real and 4.00 bonus won 20.00: 8.00 of it is the bonus's.
        ("20.00", "STAKE_TO_BONUS", "16.00", [("4.00", "4.00")]),
        ("20.00", "ALL_TO_BONUS", "12.00", [("8.00", "0.00")]),
        ("20.00", "ALL_REAL", "20.00", [("0.00", "8.00")]),
        # 5.00 came back: 2.00 of it is the bonus's, less than it put in.
        ("5.00", "STAKE_TO_BONUS", "3.00", [("2.00", "0.00")]),
        ("0.00", "STAKE_TO_BONUS", "0.00", [("0.00", "0.00")]),
    ],
)
def test_a_payout_is_shared_by_what_each_put_in(payout: str, winnings_to: str, real: str, shares: Any) -> None:
    assert shared(payout, payer(1, "4.00"), winnings_to=winnings_to) == (real, shares)


def test_what_becomes_real_stays_within_the_conversion_cap() -> None:
    # 100.00 won by the bonus alone: 10.00 back to it, of 90.00 only 25.00 may become real.
    assert shared("100.00", payer(1, "10.00", room="25.00")) == ("25.00", [("10.00", "25.00")])
    assert shared("100.00", payer(1, "10.00", room="0.00")) == ("0.00", [("10.00", "0.00")])


def test_an_ended_bonus_pays_its_winnings_as_real_money_within_its_cap() -> None:
    assert shared("30.00", payer(1, "10.00", is_active=False)) == ("30.00", [("0.00", "30.00")])
    assert shared("30.00", payer(1, "10.00", is_active=False, room="12.00")) == ("12.00", [("0.00", "12.00")])


def test_a_forfeited_bonus_forfeits_its_winnings_and_nothing_of_the_deposits() -> None:
    assert shared("20.00", payer(1, "4.00", is_active=False, is_forfeited=True)) == ("12.00", [("0.00", "0.00")])


def test_a_void_bet_gives_back_what_each_put_in() -> None:
    payers = [payer(1, "4.00"), payer(2, "3.00", is_active=False), payer(3, "2.00", is_active=False, room="1.50")]

    result = share_refund(payers, completed={3}, real_stake=Decimal("1.00"))

    assert str(result.real) == "2.50"
    assert [(str(share.paid_back), str(share.converted)) for share in result.shares] == [
        ("4.00", "0.00"), ("0.00", "0.00"), ("0.00", "1.50"),
    ]  # fmt: skip


CENTS = st.integers(min_value=0, max_value=10**9).map(lambda cents: Decimal(cents) / 100)
STAKED = st.integers(min_value=1, max_value=10**6).map(lambda cents: Decimal(cents) / 100)


@given(
    payout=CENTS,
    real=CENTS,
    amounts=st.lists(STAKED, min_size=1, max_size=5),
    winnings_to=st.sampled_from(["STAKE_TO_BONUS", "ALL_TO_BONUS", "ALL_REAL"]),
)
def test_no_cent_is_made_or_lost(payout: Decimal, real: Decimal, amounts: list[Decimal], winnings_to: str) -> None:
    payers = [payer(number, str(amount)) for number, amount in enumerate(amounts)]
    result = share_payout(payout, stake=real + sum(amounts), payers=payers, winnings_to=winnings_to)

    assert result.real + result.bonus == payout
    assert result.real >= 0
    assert all(share.paid_back >= 0 and share.converted >= 0 for share in result.shares)


@given(
    stake=STAKED,
    real=CENTS,
    held=st.lists(STAKED, max_size=4),
    order=st.sampled_from(["REAL_FIRST", "BONUS_FIRST", "REAL_ONLY", "BONUS_ONLY"]),
)
def test_the_parts_add_up_to_the_stake_and_nobody_pays_more_than_there_is(
    stake: Decimal, real: Decimal, held: list[Decimal], order: str
) -> None:
    purses = [purse(number, str(amount)) for number, amount in enumerate(held)]
    try:
        funding = fund(str(stake), *purses, real=str(real), order=order)
    except InsufficientFundsError:
        return
    assert funding.real + sum(part.amount for part in funding.parts) == stake
    assert 0 <= funding.real <= real
    assert all(0 < part.amount <= held[part.lot_id] for part in funding.parts)
