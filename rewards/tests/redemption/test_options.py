"""Saving options: everything that is wrong at once, each with what would be right; the database refuses the rest."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from rewards.models import RedemptionOption, RedemptionOrder
from rewards.redemption.options import OptionInvalidError, save_option
from rewards.tests.redemption.factories import make_option, make_saver, order
from wallet.tests.factories import AT

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("gives", "change", "field", "words"),
    [
        ("BONUS", {"cost": Decimal(0)}, "cost", "0 cannot be: more than zero"),
        ("BONUS", {"cost": Decimal("1.005")}, "cost", "at most two decimals"),
        ("BONUS", {"cost": Decimal("NaN")}, "cost", "NaN cannot be"),
        ("BONUS", {"amount": None}, "amount", "an amount such as 10.00 is needed"),
        ("BONUS", {"amount": Decimal(-1)}, "amount", "-1 cannot be"),
        ("TICKETS", {"amount": None}, "amount", "whole tickets are needed"),
        ("TICKETS", {"amount": Decimal("1.5")}, "amount", "1.5 is not whole"),
        ("BENEFIT", {"amount": Decimal(1)}, "amount", "a benefit has no amount: leave it empty"),
        ("BENEFIT", {"expiry_hours": 5}, "expiry_hours", "a benefit cannot obey it"),
        ("BENEFIT", {"max_bet": Decimal(5)}, "max_bet", "a benefit cannot obey it"),
        ("TICKETS", {"wagering_requirement": Decimal(5)}, "wagering_requirement", "tickets cannot obey it"),
        ("TICKETS", {"eligible_games": ["slots"]}, "eligible_games", "tickets cannot obey it"),
        ("TICKETS", {"expiry_hours": 0}, "expiry_hours", "1 to 87600 hours are needed"),
        ("BONUS", {"expiry_hours": 87601}, "expiry_hours", "1 to 87600 hours are needed"),
        ("BONUS", {"wagering_requirement": Decimal(1001)}, "wagering_requirement", "a multiple of 0 to 1000"),
        ("BONUS", {"max_bet": Decimal(0)}, "max_bet", "more than zero"),
        ("BONUS", {"max_conversion": Decimal(-1)}, "max_conversion", "more than zero"),
        ("BONUS", {"eligible_games": ["slotz"]}, "eligible_games", "did you mean 'slots'?"),
        ("BONUS", {"eligible_games": []}, "eligible_games", "a list of some of"),
        ("BONUS", {"eligible_games": "slots"}, "eligible_games", "a list of some of"),
        ("BONUS", {"valid_from": AT, "valid_until": AT}, "valid_until", "is not after valid_from 2025-12-21"),
        ("BONUS", {"limit_per_player": 0}, "limit_per_player", "0 would let nobody order"),
    ],
)
def test_an_option_that_cannot_be_is_refused_at_its_field(
    gives: str, change: dict[str, Any], field: str, words: str
) -> None:
    with pytest.raises(OptionInvalidError) as caught:
        make_option(gives, **change)

    problems = {problem.path: str(problem) for problem in caught.value.problems}
    assert words in problems[field], problems
    assert not RedemptionOption.objects.exists()


def test_everything_that_is_wrong_is_said_at_once() -> None:
    with pytest.raises(OptionInvalidError) as caught:
        make_option(cost=Decimal(0), max_bet=Decimal(0), limit_per_player=0)

    assert [problem.path for problem in caught.value.problems] == ["cost", "max_bet", "limit_per_player"]


def test_the_stock_cannot_fall_below_what_is_ordered() -> None:
    make_saver(points="1100.00")
    option = make_option(stock=5)
    order(key="first")
    order(key="second")

    option.stock = 1
    with pytest.raises(OptionInvalidError, match="stock: 1 is less than the 2 ordered already"):
        save_option(option)

    assert RedemptionOption.objects.get().stock == 5


def test_saving_an_old_copy_leaves_the_count_of_orders_alone() -> None:
    make_saver()
    option = make_option(stock=5)
    order()

    option.name = "Ten"
    save_option(option)

    assert (RedemptionOption.objects.get().ordered, RedemptionOption.objects.get().name) == (1, "Ten")


def test_the_code_stays() -> None:
    option = make_option()

    option.code = "OTHER"
    save_option(option)

    assert RedemptionOption.objects.get().code == "BONUS_10"


@pytest.mark.parametrize(
    ("change", "constraint"),
    [
        ({"cost_currency": "BONUS"}, "redemption_option_currency_known"),
        ({"cost": 0}, "redemption_option_cost_positive"),
        ({"gives": "MONEY"}, "redemption_option_(amount_fits|gives_known)"),
        ({"amount": None}, "redemption_option_amount_fits"),
        ({"gives": "TICKETS"}, "redemption_option_terms_of_bonus_only"),
        ({"wagering_requirement": 1001}, "redemption_option_terms_in_range"),
        ({"expiry_hours": 0}, "redemption_option_terms_in_range"),
        ({"stock": 1, "ordered": 2}, "redemption_option_not_oversold"),
        ({"valid_from": AT, "valid_until": AT - timedelta(1)}, "redemption_option_until_after_from"),
        ({"limit_per_player": 0}, "redemption_option_limit_at_least_1"),
    ],
)
def test_the_database_refuses_what_gets_past_the_service(change: dict[str, Any], constraint: str) -> None:
    make_option()

    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        RedemptionOption.objects.update(**change)


@pytest.mark.parametrize(
    ("change", "constraint"),
    [
        ({"status": "LOST"}, "redemption_order_(fulfilled_when_it_says_so|status_known)"),
        ({"status": "ORDERED"}, "redemption_order_fulfilled_when_it_says_so"),
        ({"status": "CANCELLED"}, "redemption_order_cancelled_when_it_says_so"),
        ({"reversal_id": 7}, "redemption_order_cancelled_when_it_says_so"),
        ({"lot_id": None}, "redemption_order_lot_of_what_was_given"),
        ({"cost": 0}, "redemption_order_cost_positive"),
        ({"amount": None}, "redemption_order_amount_fits"),
    ],
)
def test_the_database_refuses_an_order_that_contradicts_itself(change: dict[str, Any], constraint: str) -> None:
    make_saver()
    make_option()
    order()

    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        RedemptionOrder.objects.update(**change)
