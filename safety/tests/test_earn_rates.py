"""Earn rates: points from play are not worth more than the house keeps, unless two people accept it."""

from __future__ import annotations

from decimal import Decimal
from functools import partial
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction

from core.errors import InvalidInputError, NotFoundError
from core.tests.threads import running, transaction_held_open, wait_until_somebody_waits_for_a_lock
from players.models import GameCategory, Tier
from players.tiers import check_tier, save_tier
from safety.earn_rates import (
    EarnRateTooHighError,
    ProposalOutdatedError,
    SecondPersonNeededError,
    accept_earn_rate,
    change_earn_rate,
    change_unit_value,
    point_value,
    propose_earn_rate,
    rate_of,
    save_game_category,
)
from safety.models import EarnRateAcceptance, UnitValue

pytestmark = pytest.mark.django_db


@pytest.fixture
def anna(db: None) -> User:
    return User.objects.create_user("anna")


@pytest.fixture
def ben(db: None) -> User:
    return User.objects.create_user("ben")


def set_multiplier(multiplier: Any, level: str = "PLATINUM") -> None:
    """Write what a tier multiplies by, past all checks."""
    Tier.objects.filter(tier_level=level).update(benefits={"lp_multiplier": multiplier})


def raise_multiplier(multiplier: str, level: str = "PLATINUM") -> Tier:
    """Change a tier as staff do."""
    tier = Tier.objects.get(tier_level=level)
    return save_tier(
        tier_id=tier.pk, tier_level=level, lp_min=tier.lp_min, benefits={**tier.benefits, "lp_multiplier": multiplier}
    )


def rate(category: str = "slots") -> str:
    return str(GameCategory.objects.get(code=category).lp_per_unit_staked)


def change(points: str, *, by: User, category: str = "slots") -> GameCategory:
    return change_earn_rate(category=category, points_per_unit=Decimal(points), changed_by=by)


def propose(points: str, *, by: User, category: str = "slots", reason: str = "Opening week") -> EarnRateAcceptance:
    return propose_earn_rate(category=category, points_per_unit=Decimal(points), reason=reason, proposed_by=by)


def accept_in_force(points: str, anna: User, ben: User) -> EarnRateAcceptance:
    """Let two people accept a rate for slots."""
    return accept_earn_rate(acceptance_id=propose(points, by=anna).pk, accepted_by=ben)


def test_a_rate_worth_as_much_as_the_edge_passes(anna: User) -> None:
    # 5 points × 1 × 0.01 = 0.05, the edge of slots.
    change("5", by=anna)

    assert rate() == "5.000000"


def test_a_rate_worth_more_than_the_edge_is_refused_with_all_figures(anna: User) -> None:
    set_multiplier("2.25")

    with pytest.raises(EarnRateTooHighError) as caught:
        change("2.5", by=anna)

    # 2.5 × 2.25 × 0.01 = 0.05625; 0.05 ÷ 0.0225 = 2.2222222…
    assert caught.value.details == {
        "field": "lp_per_unit_staked",
        "category": "slots",
        "points_per_unit": "2.5",
        "lp_multiplier": "2.25",
        "unit_value": "0.01",
        "worth": "0.05625",
        "edge": "0.05",
        "points_per_unit_max": "2.222222",
    }
    assert "worth 0.05625 per unit staked, more than the house edge of 0.05; at most 2.222222" in caught.value.message
    assert rate() == "0.100000"


def test_the_highest_rate_named_passes_and_the_next_one_does_not(anna: User) -> None:
    set_multiplier("2.25")

    change("2.222222", by=anna)
    with pytest.raises(EarnRateTooHighError):
        change("2.222223", by=anna)

    assert rate() == "2.222222"


def test_each_category_is_held_against_its_own_edge(anna: User) -> None:
    # Blackjack keeps 0.005: 0.5 points × 0.01 is as much.
    change("0.5", by=anna, category="blackjack")

    with pytest.raises(EarnRateTooHighError, match=r"house edge of 0.005; at most 0.5 points"):
        change("0.6", by=anna, category="blackjack")


def test_the_highest_of_all_multipliers_counts_and_a_tier_without_one_multiplies_by_one() -> None:
    set_multiplier("0.5", "BRONZE")
    assert point_value().lp_multiplier == 1
    set_multiplier(3, "SILVER")
    assert point_value().lp_multiplier == 3

    Tier.objects.update(benefits={"lp_multiplier": "0.5"})
    assert point_value().lp_multiplier == Decimal("0.5")
    Tier.objects.all().delete()
    assert point_value().lp_multiplier == 1


def test_points_without_a_value_may_be_given_at_any_rate(anna: User) -> None:
    UnitValue.objects.filter(currency_type="LP").update(money_value=0)

    change("999.999999", by=anna)

    assert rate_of(GameCategory.objects.get(code="slots"), point=point_value()).points_per_unit_max == Decimal(
        "999.999999"
    )


def test_figures_of_many_digits_are_compared_exactly(anna: User) -> None:
    set_multiplier("1.0000000000000000000000000000000001")

    with pytest.raises(EarnRateTooHighError):
        change("5", by=anna)
    change("4.999999", by=anna)


@pytest.mark.parametrize("points", ["-0.1", "1000", "NaN", "Infinity", "0.0000001"])
def test_what_is_no_rate_is_refused(anna: User, points: str) -> None:
    with pytest.raises(InvalidInputError, match="points_per_unit"):
        change(points, by=anna)
    with pytest.raises(InvalidInputError, match="points_per_unit"):
        propose(points, by=anna)

    assert rate() == "0.100000"


def test_an_unknown_category_is_named(anna: User) -> None:
    with pytest.raises(NotFoundError, match="there is no game category 'bingo'"):
        change("1", by=anna, category="bingo")
    with pytest.raises(NotFoundError, match="there is no game category 'bingo'"):
        propose("1", by=anna, category="bingo")


def test_a_house_edge_below_what_play_earns_is_refused(anna: User) -> None:
    slots = GameCategory.objects.get(code="slots")
    slots.house_edge_rate = Decimal("0.0009")

    # 0.1 points × 0.01 = 0.001.
    with pytest.raises(EarnRateTooHighError) as caught:
        save_game_category(slots, changed_by=anna)

    assert (caught.value.details["field"], caught.value.details["worth"]) == ("house_edge_rate", "0.001")
    assert GameCategory.objects.get(code="slots").house_edge_rate == Decimal("0.05")


def test_an_edge_and_a_rate_changed_together_are_looked_at_together(anna: User) -> None:
    slots = GameCategory.objects.get(code="slots")
    slots.house_edge_rate, slots.lp_per_unit_staked = Decimal("0.10"), Decimal(10)

    save_game_category(slots, changed_by=anna)

    assert rate() == "10.000000"


@pytest.mark.parametrize("edge", ["-0.1", "1.1", "NaN"])
def test_what_is_no_edge_is_refused(anna: User, edge: str) -> None:
    slots = GameCategory.objects.get(code="slots")
    slots.house_edge_rate = Decimal(edge)

    with pytest.raises(InvalidInputError, match="house_edge_rate"):
        save_game_category(slots, changed_by=anna)


def test_a_new_category_is_looked_at_too(anna: User) -> None:
    bingo = GameCategory(code="bingo", name="Bingo", house_edge_rate=Decimal("0.02"), lp_per_unit_staked=Decimal(3))

    with pytest.raises(EarnRateTooHighError):
        save_game_category(bingo, changed_by=anna)
    assert not GameCategory.objects.filter(code="bingo").exists()

    bingo.lp_per_unit_staked = Decimal(2)
    save_game_category(bingo, changed_by=anna)
    assert rate("bingo") == "2.000000"


def test_a_tier_whose_multiplier_makes_any_category_lose_is_refused() -> None:
    # Blackjack: 0.1 × 5 × 0.01 = 0.005 is the edge.
    raise_multiplier("5")

    with pytest.raises(EarnRateTooHighError) as caught:
        raise_multiplier("5.01")

    details = caught.value.details
    assert (details["field"], details["category"], details["worth"]) == ("benefits", "blackjack", "0.00501")
    assert Tier.objects.get(tier_level="PLATINUM").benefits["lp_multiplier"] == "5"


def test_a_new_tier_with_too_high_a_multiplier_is_refused_and_none_of_its_neighbours_moves() -> None:
    with pytest.raises(EarnRateTooHighError):
        save_tier(tier_id=None, tier_level="DIAMOND", lp_min=100000, benefits={"lp_multiplier": 6})

    assert Tier.objects.get(tier_level="PLATINUM").lp_max is None


def test_the_form_of_a_tier_is_told_before_it_saves() -> None:
    with pytest.raises(EarnRateTooHighError):
        check_tier(tier_id=None, tier_level="DIAMOND", lp_min=100000, benefits={"lp_multiplier": 6})


def test_a_tier_below_the_highest_multiplier_may_be_raised_up_to_it() -> None:
    raise_multiplier("5")

    raise_multiplier("5", "GOLD")


def test_a_value_of_points_that_makes_play_lose_is_refused(anna: User) -> None:
    change_unit_value(currency="LP", money_value=Decimal("0.05"), changed_by=anna)

    # Blackjack: 0.1 × 0.051 = 0.0051.
    with pytest.raises(EarnRateTooHighError) as caught:
        change_unit_value(currency="LP", money_value=Decimal("0.051"), changed_by=anna)

    assert (caught.value.details["field"], caught.value.details["worth"]) == ("money_value", "0.0051")
    assert UnitValue.objects.get(currency_type="LP").money_value == Decimal("0.05")


def test_the_value_of_another_currency_is_no_matter_of_play(anna: User) -> None:
    change_unit_value(currency="TICKETS", money_value=Decimal(100), changed_by=anna)

    assert UnitValue.objects.get(currency_type="TICKETS").money_value == 100


@pytest.mark.parametrize(("currency", "value"), [("LP", "-1"), ("LP", "NaN"), ("LP", "0.0000001"), ("GOLD", "1")])
def test_what_is_no_value_is_refused(anna: User, currency: str, value: str) -> None:
    with pytest.raises(InvalidInputError):
        change_unit_value(currency=currency, money_value=Decimal(value), changed_by=anna)


def test_two_people_make_a_rate_hold(anna: User, ben: User) -> None:
    proposal = propose("6", by=anna)
    assert rate() == "0.100000"
    assert (proposal.state, proposal.worth, proposal.edge) == ("OPEN", Decimal("0.06"), Decimal("0.05"))

    accepted = accept_earn_rate(acceptance_id=proposal.pk, accepted_by=ben)

    assert rate() == "6.000000"
    assert (accepted.state, accepted.first_by, accepted.second_by) == ("IN_FORCE", anna, ben)


def test_nobody_accepts_what_they_proposed(anna: User) -> None:
    proposal = propose("6", by=anna)

    with pytest.raises(SecondPersonNeededError, match="anna proposed this rate"):
        accept_earn_rate(acceptance_id=proposal.pk, accepted_by=anna)

    assert rate() == "0.100000"
    with pytest.raises(IntegrityError, match="earn_rate_acceptance_two_people"), transaction.atomic():
        EarnRateAcceptance.objects.update(second_by=anna, accepted_at=proposal.proposed_at)


def test_a_rate_that_passes_by_itself_needs_no_proposal(anna: User) -> None:
    with pytest.raises(InvalidInputError, match="needs no second person"):
        propose("5", by=anna)


@pytest.mark.parametrize("reason", ["", "   ", "x" * 501, "a\x00b"])
def test_a_proposal_says_why(anna: User, reason: str) -> None:
    with pytest.raises(InvalidInputError, match="reason"):
        propose("6", by=anna, reason=reason)

    assert not EarnRateAcceptance.objects.exists()


def test_a_refused_proposal_leaves_the_open_one_open(anna: User) -> None:
    first = propose("6", by=anna)

    with pytest.raises(InvalidInputError):
        propose("7", by=anna, reason="")

    first.refresh_from_db()
    assert first.state == "OPEN"


def test_a_later_proposal_replaces_an_open_one(anna: User, ben: User) -> None:
    first = propose("6", by=anna)
    propose("7", by=ben)

    with pytest.raises(ProposalOutdatedError, match="has ended"):
        accept_earn_rate(acceptance_id=first.pk, accepted_by=ben)


def test_a_proposal_is_accepted_once(anna: User, ben: User) -> None:
    accepted = accept_in_force("6", anna, ben)

    with pytest.raises(ProposalOutdatedError, match="was accepted already"):
        accept_earn_rate(acceptance_id=accepted.pk, accepted_by=ben)


def test_a_proposal_whose_figures_have_changed_is_not_accepted(anna: User, ben: User) -> None:
    proposal = propose("6", by=anna)
    set_multiplier("2")

    with pytest.raises(ProposalOutdatedError, match=r"proposed were 0.06 .* now it would be 0.12"):
        accept_earn_rate(acceptance_id=proposal.pk, accepted_by=ben)

    assert rate() == "0.100000"


def test_a_proposal_that_does_not_exist_is_named(ben: User) -> None:
    with pytest.raises(NotFoundError, match="there is no proposal 7"):
        accept_earn_rate(acceptance_id=7, accepted_by=ben)


def test_what_was_accepted_covers_what_loses_no_more(anna: User, ben: User) -> None:
    accept_in_force("6", anna, ben)

    # Accepted is a loss of 0.01: 5.5 × 0.01 loses 0.005, 6.1 × 0.01 loses 0.011.
    change("5.5", by=anna)
    change("6", by=anna)
    with pytest.raises(EarnRateTooHighError):
        change("6.1", by=anna)

    assert rate() == "6.000000"


def test_a_multiplier_may_use_what_was_accepted_and_no_more(anna: User, ben: User) -> None:
    accept_in_force("6", anna, ben)
    change("5.5", by=anna)

    # 5.5 × 1.09 × 0.01 = 0.05995; × 1.1 = 0.0605.
    raise_multiplier("1.09")
    with pytest.raises(EarnRateTooHighError):
        raise_multiplier("1.1")


def test_what_one_category_was_accepted_covers_no_other(anna: User, ben: User) -> None:
    accept_in_force("6", anna, ben)

    with pytest.raises(EarnRateTooHighError):
        change("6", by=anna, category="poker")


def test_an_acceptance_ends_when_the_rate_no_longer_needs_it(anna: User, ben: User) -> None:
    accepted = accept_in_force("6", anna, ben)

    change("5", by=anna)
    with pytest.raises(EarnRateTooHighError):
        change("6", by=anna)

    accepted.refresh_from_db()
    assert accepted.state == "ENDED"


def test_a_newer_acceptance_takes_the_place_of_the_one_before(anna: User, ben: User) -> None:
    first = accept_in_force("6", anna, ben)
    second = accept_in_force("7", ben, anna)

    first.refresh_from_db()
    assert (first.state, second.state, rate()) == ("ENDED", "IN_FORCE", "7.000000")


def test_what_loses_already_may_be_brought_down_in_steps(anna: User) -> None:
    GameCategory.objects.filter(code="slots").update(lp_per_unit_staked=Decimal(9))
    set_multiplier("3")

    change("8", by=anna)
    raise_multiplier("2")
    change_unit_value(currency="LP", money_value=Decimal("0.009"), changed_by=anna)
    with pytest.raises(EarnRateTooHighError):
        change("8.5", by=anna)

    assert rate() == "8.000000"


def test_the_threshold_of_a_tier_may_change_while_some_rate_loses() -> None:
    GameCategory.objects.filter(code="slots").update(lp_per_unit_staked=Decimal(9))
    gold = Tier.objects.get(tier_level="GOLD")

    save_tier(tier_id=gold.pk, tier_level="GOLD", lp_min=20000, benefits=gold.benefits)

    assert Tier.objects.get(tier_level="GOLD").lp_min == 20000


@pytest.mark.django_db(transaction=True)
def test_a_rate_and_a_multiplier_raised_at_once_do_not_pass_each_other(anna: User) -> None:
    # Each alone is worth no more than the edge of 0.05: 4 × 0.01, and for blackjack 0.1 × 5 × 0.01.
    with (
        transaction_held_open(partial(raise_multiplier, "5")) as commit,
        running(partial(change, "4", by=anna)) as outcomes,
    ):
        wait_until_somebody_waits_for_a_lock()
        commit()

    assert isinstance(outcomes[0], EarnRateTooHighError)
    assert outcomes[0].details["worth"] == "0.2"
    assert rate() == "0.100000"


@pytest.mark.django_db(transaction=True)
def test_a_multiplier_raised_after_a_rate_sees_the_rate(anna: User) -> None:
    with (
        transaction_held_open(partial(change, "4", by=anna)) as commit,
        running(partial(raise_multiplier, "5")) as outcomes,
    ):
        wait_until_somebody_waits_for_a_lock()
        commit()

    assert isinstance(outcomes[0], EarnRateTooHighError)
    assert "lp_multiplier" not in Tier.objects.get(tier_level="PLATINUM").benefits
