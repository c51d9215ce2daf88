"""Staff act on the wallet: one service each, its refusal shown where one typed, nothing written then."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from loyalty.tests import cast
from wallet.bets import place_bet
from wallet.models import Bet, LedgerEntry, Lot, LoyaltyBalance, Operation
from wallet.points import deduct_balance
from wallet.reconciliation import reconcile

KEY = "8a6b3d0e-4b5d-4c5e-9d4e-1f2a3b4c5d6e"
FORM = {"reason": "Wrong player", "key": KEY}


@pytest.fixture
def users(db: None) -> dict[str, User]:
    users = cast.make_users()
    cast.make_alice()
    cast.make_bob()
    return users


def logged_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def finance(users: dict[str, User]) -> Client:
    return logged_in(users["Finance"])


@pytest.fixture
def staff(users: dict[str, User]) -> Client:
    return logged_in(users["Loyalty staff"])


def bonus() -> Lot:
    return Lot.objects.get(currency_type="BONUS")


def cancel_url() -> str:
    return reverse("admin:wallet_lot_cancel", args=[bonus().pk])


def correct_url() -> str:
    return reverse("admin:wallet_operation_correct", args=[Operation.objects.earliest("pk").pk])


def adjust_url() -> str:
    return reverse("admin:wallet_loyaltybalance_adjust", args=[LoyaltyBalance.objects.get(player_id="alice").pk])


def points() -> Decimal:
    return LoyaltyBalance.objects.get(player_id="alice").lp_balance


def errors_of(response: Any) -> dict[str, list[str]]:
    assert response.status_code == 200, response.status_code
    return {name: [str(error) for error in errors] for name, errors in response.context["form"].errors.items()}


def test_a_bonus_is_cancelled_with_the_reason_and_by_whom(staff: Client) -> None:
    response = staff.post(cancel_url(), FORM, follow=True)

    ended = bonus()
    assert "was cancelled" in response.content.decode()
    assert (ended.status, ended.end_reason, ended.ended_by) == ("CANCELLED", "Wrong player", "staff")
    assert LoyaltyBalance.objects.get(player_id="bob").bonus_balance == 0


def test_the_page_says_beforehand_what_leaves_the_balance_and_writes_nothing(staff: Client) -> None:
    page = staff.get(cancel_url()).content.decode()

    assert "<strong>50.00</strong> leaves the bonus balance of bob" in page
    assert bonus().status == "ACTIVE"


def test_a_form_sent_twice_acts_once(staff: Client, finance: Client) -> None:
    for _ in range(2):
        assert staff.post(cancel_url(), FORM).status_code == 302
        assert finance.post(adjust_url(), {**FORM, "currency": "LP", "amount": "5"}).status_code == 302

    assert LedgerEntry.objects.count() == 4
    assert points() == 105


def test_an_ended_bonus_is_refused_on_the_form_and_no_longer_offered(staff: Client) -> None:
    page = reverse("admin:wallet_lot_change", args=[bonus().pk])
    assert cancel_url() in staff.get(page).content.decode()
    staff.post(cancel_url(), FORM)

    errors = errors_of(staff.post(cancel_url(), {**FORM, "key": KEY.replace("8a", "9a")}))

    assert "has ended already: it is CANCELLED" in errors["__all__"][0]
    assert cancel_url() not in staff.get(page).content.decode()


@pytest.mark.parametrize(
    ("change", "field"), [({"reason": ""}, "reason"), ({"reason": "x" * 201}, "reason"), ({"key": "mine"}, "key")]
)
def test_a_form_without_reason_or_key_acts_not(staff: Client, change: dict[str, str], field: str) -> None:
    errors = errors_of(staff.post(cancel_url(), {**FORM, **change}))

    assert field in errors
    assert bonus().status == "ACTIVE"


def test_points_are_no_bonus_to_cancel(staff: Client) -> None:
    lot = Lot.objects.get(currency_type="LP")

    assert staff.post(reverse("admin:wallet_lot_cancel", args=[lot.pk]), FORM).status_code == 404
    assert "Wagering" not in staff.get(reverse("admin:wallet_lot_change", args=[lot.pk])).content.decode()


def test_the_page_of_an_operation_shows_beforehand_what_each_correction_would_do(finance: Client) -> None:
    deduct_balance(player_id="alice", currency="LP", amount="30", key="spend", actor="tests")

    response = finance.get(correct_url())

    reversal, taking = response.context["reversal"], response.context["taking"]
    assert "credited 100.00 LP, 70.00 of it remains" in reversal.refusal
    assert [(str(entry.amount), str(entry.balance_after)) for entry in taking.entries] == [("-70.00", "0.00")]
    assert 'value="reverse"' not in response.content.decode()
    assert 'value="take_back"' in response.content.decode()


def test_looking_at_a_preview_writes_nothing(finance: Client) -> None:
    before = LedgerEntry.objects.count(), Operation.objects.count(), points()

    finance.get(correct_url())

    assert (LedgerEntry.objects.count(), Operation.objects.count(), points()) == before
    assert reconcile()


def test_an_operation_is_reversed(finance: Client) -> None:
    response = finance.post(correct_url(), {**FORM, "act": "reverse"}, follow=True)

    entry = LedgerEntry.objects.filter(player_id="alice").latest("number")
    assert "was reversed" in response.content.decode()
    assert (entry.transaction_type, str(entry.amount), entry.actor) == ("REVERSAL", "-100.00", "finance")
    assert points() == 0


def test_a_reversed_operation_names_its_reversal_and_cannot_be_corrected_again(finance: Client) -> None:
    url = correct_url()
    finance.post(url, {**FORM, "act": "reverse"})
    reversal = Operation.objects.latest("pk")

    page = finance.get(url.replace("/correct/", "/change/")).content.decode()
    errors = errors_of(finance.post(url, {**FORM, "key": KEY.replace("8a", "9a"), "act": "reverse"}))

    assert reverse("admin:wallet_operation_change", args=[reversal.pk]) in page
    assert f"was reversed by operation {reversal.pk}" in errors["__all__"][0]


def test_what_remains_is_taken_back(finance: Client) -> None:
    deduct_balance(player_id="alice", currency="LP", amount="30", key="spend", actor="tests")

    finance.post(correct_url(), {**FORM, "act": "take_back"})

    assert str(LedgerEntry.objects.filter(player_id="alice").latest("number").amount) == "-70.00"


@pytest.mark.parametrize("act", [{}, {"act": "delete"}])
def test_a_correction_that_is_neither_is_refused(finance: Client, act: dict[str, str]) -> None:
    errors = errors_of(finance.post(correct_url(), {**FORM, **act}))

    assert "one of reverse, take_back is needed" in errors["__all__"][0]
    assert points() == 100


@pytest.mark.parametrize(("amount", "after"), [("12.50", "112.50"), ("-12.50", "87.50")])
def test_a_balance_is_adjusted(finance: Client, amount: str, after: str) -> None:
    response = finance.post(adjust_url(), {**FORM, "currency": "LP", "amount": amount}, follow=True)

    assert f"100.00 before, {after} after" in response.content.decode()
    assert str(points()) == after


@pytest.mark.parametrize(
    ("change", "field", "words"),
    [
        ({"amount": "0"}, "amount", "adds or takes something"),
        ({"amount": "much"}, "amount", "a decimal such as 12.50 is needed"),
        ({"amount": "1.005"}, "amount", "at most two decimals"),
        ({"amount": ""}, "amount", "required"),
        ({"amount": "-100.01"}, "__all__", "can spend 100.0"),
        ({"currency": "TICKETS", "amount": "1.5"}, "amount", "tickets are whole"),
        ({"currency": "EUR"}, "currency", "EUR"),
    ],
)
def test_an_adjustment_that_cannot_be_is_refused_at_its_field(
    finance: Client, change: dict[str, str], field: str, words: str
) -> None:
    errors = errors_of(finance.post(adjust_url(), {**FORM, "currency": "LP", "amount": "1", **change}))

    assert words in " ".join(errors[field])
    assert points() == 100


@pytest.mark.parametrize(
    ("role", "cancels", "corrects"),
    [
        ("Loyalty staff", True, False),
        ("Risk", True, False),
        ("Finance", False, True),
        ("Analyst", False, False),
        ("Operator", False, False),
    ],
)
def test_who_may_act_and_is_offered_to(users: dict[str, User], role: str, cancels: bool, corrects: bool) -> None:
    client = logged_in(users[role])
    asked = {cancel_url(): cancels, correct_url(): corrects, adjust_url(): corrects}

    answers = {url: client.get(url).status_code == 200 for url in asked}
    refused = {url: client.post(url, {}).status_code == 403 for url in asked}

    assert answers == asked
    assert refused == {url: not is_allowed for url, is_allowed in asked.items()}


def test_a_bets_page_shows_what_each_bonus_paid(staff: Client) -> None:
    place_bet(bet_id="r1", player_id="bob", stake="8", real_available="5", category="slots", actor="platform")

    page = staff.get(reverse("admin:wallet_bet_change", args=[Bet.objects.get().pk])).content.decode()

    assert reverse("admin:wallet_lot_change", args=[bonus().pk]) in page
    assert "3.00" in page


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("?player=bob", True),
        ("?player=alice", False),
        ("?category=slots", True),
        ("?category=poker", False),
        ("?status__exact=OPEN", True),
        ("?status__exact=VOID", False),
        ("?q=r1", True),
        ("?q=r", False),
    ],
)
def test_bets_are_found_by_player_category_status_and_id(staff: Client, query: str, found: bool) -> None:
    place_bet(bet_id="r1", player_id="bob", stake="8", real_available="5", category="slots", actor="platform")

    page = staff.get(reverse("admin:wallet_bet_changelist") + query)

    assert (page.context["cl"].result_count == 1) is found


def test_the_page_of_a_bonus_shows_its_life_and_progress(staff: Client) -> None:
    Lot.objects.filter(pk=bonus().pk).update(wagering_completed=Decimal("125.00"), eligible_games=["slots", "poker"])

    page = staff.get(reverse("admin:wallet_lot_change", args=[bonus().pk])).content.decode()

    assert "width: 25.00%" in page
    assert "slots, poker" in page
    assert f"{reverse('admin:wallet_betstake_changelist')}?q={bonus().pk}" in page
