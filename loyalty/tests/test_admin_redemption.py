"""The redemption catalogue in the admin: options checked while one writes, orders fulfilled and cancelled by pages."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from loyalty.tests import cast
from rewards.models import RedemptionOption, RedemptionOrder
from rewards.redemption.fulfilment import fulfil_order
from rewards.redemption.ordering import order_redemption
from wallet.models import LoyaltyBalance

OPTION: dict[str, Any] = {
    "code": "BONUS_10",
    "name": "Ten of bonus money",
    "is_active": "on",
    "cost_currency": "RP",
    "cost": "500",
    "gives": "BONUS",
    "amount": "10",
    "expiry_hours": "72",
    "wagering_requirement": "5",
    "max_bet": "2",
    "eligible_games": ["slots"],
    "stock": "100",
    "limit_per_player": "1",
    "minimum_tier": "SILVER",
}


@pytest.fixture
def staff(db: None) -> Client:
    client = Client()
    client.force_login(cast.make_users()["Loyalty staff"])
    return client


def errors_of(response: Any) -> dict[str, list[str]]:
    """Return the messages of the form that was shown again, by field."""
    assert response.status_code == 200, response.status_code
    form = response.context["adminform"].form
    return {name: [str(message) for message in messages] for name, messages in form.errors.items()}


def page(done: RedemptionOrder, name: str) -> str:
    return reverse(f"admin:rewards_redemptionorder_{name}", args=[done.pk])


def points() -> str:
    return str(LoyaltyBalance.objects.get(player_id="alice").lp_balance)


@pytest.fixture
def dinner(staff: Client) -> RedemptionOrder:
    cast.make_alice()
    return cast.make_dinner_order()


def test_an_option_is_saved_with_its_terms(staff: Client) -> None:
    response = staff.post(reverse("admin:rewards_redemptionoption_add"), OPTION)

    assert response.status_code == 302, errors_of(response)
    option = RedemptionOption.objects.get()
    assert (str(option.cost), str(option.amount), option.eligible_games) == ("500.00", "10.00", ["slots"])
    assert (option.stock, option.limit_per_player, option.minimum_tier_id) == (100, 1, "SILVER")


def test_no_game_ticked_means_all_games(staff: Client) -> None:
    staff.post(reverse("admin:rewards_redemptionoption_add"), {**OPTION, "eligible_games": []})

    assert RedemptionOption.objects.get().eligible_games is None


@pytest.mark.parametrize(
    ("change", "field", "words"),
    [
        ({"cost": "0"}, "cost", "more than zero"),
        ({"amount": ""}, "amount", "an amount such as 10.00 is needed"),
        ({"gives": "BENEFIT"}, "amount", "a benefit has no amount"),
        ({"gives": "TICKETS"}, "wagering_requirement", "tickets cannot obey it"),
        ({"expiry_hours": "0"}, "expiry_hours", "1 to 87600 hours"),
        ({"max_bet": "0"}, "max_bet", "more than zero"),
        ({"limit_per_player": "0"}, "limit_per_player", "0 would let nobody order"),
        (
            {
                "valid_from_0": "2026-03-02",
                "valid_from_1": "12:00",
                "valid_until_0": "2026-03-01",
                "valid_until_1": "12:00",
            },
            "valid_until",
            "2026-03-01 12:00 is not after valid_from 2026-03-02 12:00",
        ),
    ],
)
def test_a_problem_of_an_option_stands_at_its_field(
    staff: Client, change: dict[str, Any], field: str, words: str
) -> None:
    errors = errors_of(staff.post(reverse("admin:rewards_redemptionoption_add"), {**OPTION, **change}))

    assert words in " ".join(errors.get(field, [])), errors
    assert not RedemptionOption.objects.exists()


def test_a_code_that_is_taken_is_refused_at_its_field(staff: Client) -> None:
    staff.post(reverse("admin:rewards_redemptionoption_add"), OPTION)

    assert "code" in errors_of(staff.post(reverse("admin:rewards_redemptionoption_add"), OPTION))


def test_a_stock_below_what_is_ordered_is_refused(staff: Client) -> None:
    cast.make_alice()
    option = cast.make_option(stock=5)
    order_redemption(player_id="alice", option_code="BONUS_10", key="order", actor="tests")

    errors = errors_of(
        staff.post(reverse("admin:rewards_redemptionoption_change", args=[option.pk]), {**OPTION, "stock": "0"})
    )

    assert errors["stock"] == ["0 is less than the 1 ordered already"]


def test_editing_an_option_keeps_its_code_and_the_count_of_orders(staff: Client) -> None:
    cast.make_alice()
    option = cast.make_option()
    order_redemption(player_id="alice", option_code="BONUS_10", key="order", actor="tests")

    staff.post(
        reverse("admin:rewards_redemptionoption_change", args=[option.pk]), {**OPTION, "code": "NEW", "name": "New"}
    )

    assert RedemptionOption.objects.values_list("code", "name", "ordered").get() == ("BONUS_10", "New", 1)


def test_no_option_can_be_deleted(staff: Client) -> None:
    option = cast.make_option()

    response = staff.post(reverse("admin:rewards_redemptionoption_delete", args=[option.pk]), {"post": "yes"})

    assert response.status_code == 403


def test_a_benefit_is_fulfilled_with_a_note(staff: Client, dinner: RedemptionOrder) -> None:
    assert staff.get(page(dinner, "fulfil")).status_code == 200

    response = staff.post(page(dinner, "fulfil"), {"text": "Voucher 17"})

    dinner.refresh_from_db()
    assert response.status_code == 302
    assert (dinner.status, dinner.fulfilment_note, dinner.fulfilled_by) == ("FULFILLED", "Voucher 17", "staff")


def test_an_order_is_cancelled_with_a_reason_and_refunded(staff: Client, dinner: RedemptionOrder) -> None:
    assert staff.get(page(dinner, "cancel")).status_code == 200

    response = staff.post(page(dinner, "cancel"), {"text": "Kitchen closed"})

    dinner.refresh_from_db()
    assert response.status_code == 302
    assert (dinner.status, dinner.cancel_reason, dinner.cancelled_by) == ("CANCELLED", "Kitchen closed", "staff")
    assert points() == "100.00"


@pytest.mark.parametrize("name", ["fulfil", "cancel"])
def test_without_a_text_the_page_asks_again(staff: Client, dinner: RedemptionOrder, name: str) -> None:
    response = staff.post(page(dinner, name), {"text": ""})

    dinner.refresh_from_db()
    assert (response.status_code, dinner.status) == (200, "ORDERED")


def test_a_refusal_is_shown_on_the_page(staff: Client, dinner: RedemptionOrder) -> None:
    fulfil_order(order_id=dinner.pk, note="Voucher 17", actor="tests")

    shown = staff.post(page(dinner, "cancel"), {"text": "Kitchen closed"}).content.decode()

    assert "was handed over at" in shown
    assert points() == "95.00"


def test_an_orders_page_offers_what_its_status_leads_on_to(staff: Client, dinner: RedemptionOrder) -> None:
    cast.make_option()
    bonus = order_redemption(player_id="alice", option_code="BONUS_10", key="order", actor="tests")

    def offered(done: RedemptionOrder) -> list[str]:
        shown = staff.get(page(done, "change")).content.decode()
        return [name for name in ("fulfil", "cancel") if page(done, name) in shown]

    assert (offered(dinner), offered(bonus)) == (["fulfil", "cancel"], ["cancel"])
    fulfil_order(order_id=dinner.pk, note="Voucher 17", actor="tests")
    staff.post(page(bonus, "cancel"), {"text": "Mistake"})
    assert (offered(dinner), offered(bonus)) == ([], [])


@pytest.mark.parametrize("name", ["fulfil", "cancel"])
def test_who_may_only_look_neither_fulfils_nor_cancels(db: None, name: str) -> None:
    analyst = Client()
    analyst.force_login(cast.make_users()["Analyst"])
    cast.make_alice()
    dinner = cast.make_dinner_order()

    assert page(dinner, name) not in analyst.get(page(dinner, "change")).content.decode()
    assert analyst.post(page(dinner, name), {"text": "t"}).status_code == 403
    assert points() == "95.00"


@pytest.mark.parametrize("name", ["fulfil", "cancel"])
@pytest.mark.parametrize("key", ["999", "nothing"])
def test_an_order_nobody_knows_has_no_page(staff: Client, name: str, key: str) -> None:
    assert staff.get(reverse(f"admin:rewards_redemptionorder_{name}", args=[key])).status_code == 404
