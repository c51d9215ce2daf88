"""Earn rates in the admin: figures where one changes them, and a second person for what the house would lose on."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from loyalty.tests import cast
from players.models import GameCategory, Tier
from safety.earn_rates import propose_earn_rate
from safety.models import AssumptionVersion, EarnRateAcceptance, UnitValue

SLOTS = {"name": "Slots", "house_edge_rate": "0.05", "contribution_weight": "1", "lp_per_unit_staked": "0.2"}


@pytest.fixture
def clients(db: None) -> dict[str, Client]:
    """Return a logged-in client for each role."""
    clients = {}
    for role, user in cast.make_users().items():
        clients[role] = Client()
        clients[role].force_login(user)
    return clients


def slots_url() -> str:
    return reverse("admin:players_gamecategory_change", args=["slots"])


def errors_of(response: Any) -> dict[str, list[str]]:
    assert response.status_code == 200, response.status_code
    form = response.context["adminform"].form
    return {name: [str(message) for message in messages] for name, messages in form.errors.items()}


def rate() -> str:
    return str(GameCategory.objects.get(code="slots").lp_per_unit_staked)


def proposed_by(user_name: str) -> EarnRateAcceptance:
    return propose_earn_rate(
        category="slots",
        points_per_unit=Decimal(6),
        reason="Opening week",
        proposed_by=User.objects.get(username=user_name),
    )


def accept_url(proposal: EarnRateAcceptance) -> str:
    return reverse("admin:safety_earnrateacceptance_accept_rate", args=[proposal.pk])


def test_the_list_shows_worth_edge_and_the_highest_rate(clients: dict[str, Client]) -> None:
    Tier.objects.filter(tier_level="GOLD").update(benefits={"lp_multiplier": "2"})
    GameCategory.objects.filter(code="poker").update(lp_per_unit_staked=Decimal(7))

    page = clients["Analyst"].get(reverse("admin:players_gamecategory_changelist")).content.decode()

    # Slots: 0.1 × 2 × 0.01 = 0.002; 0.05 ÷ 0.02 = 2.5. Poker: 7 × 2 × 0.01 = 0.14.
    for words in ("0.002000", "0.050000", "2.500000", "0.140000", "within the edge", "above the edge"):
        assert words in page


def test_a_rate_within_the_edge_is_saved(clients: dict[str, Client]) -> None:
    response = clients["Loyalty staff"].post(slots_url(), SLOTS)

    assert response.status_code == 302, errors_of(response)
    assert rate() == "0.200000"


@pytest.mark.parametrize(
    ("change", "field", "words"),
    [
        ({"lp_per_unit_staked": "6"}, "lp_per_unit_staked", "at most 5 points per unit pass"),
        ({"lp_per_unit_staked": "0.1", "house_edge_rate": "0.0009"}, "house_edge_rate", "worth 0.001"),
        ({"house_edge_rate": "1.5"}, "house_edge_rate", "a decimal from 0 to 1"),
        ({"contribution_weight": "-1"}, "contribution_weight", "a decimal from 0 to 1"),
        ({"lp_per_unit_staked": "NaN"}, "lp_per_unit_staked", "number"),
    ],
)
def test_a_refusal_stands_at_its_field(
    clients: dict[str, Client], change: dict[str, str], field: str, words: str
) -> None:
    errors = errors_of(clients["Loyalty staff"].post(slots_url(), {**SLOTS, **change}))

    assert words in " ".join(errors[field]), errors
    assert rate() == "0.100000"


def test_a_new_category_is_added(clients: dict[str, Client]) -> None:
    url = reverse("admin:players_gamecategory_add")
    assert clients["Loyalty staff"].get(url).status_code == 200

    response = clients["Loyalty staff"].post(url, {**SLOTS, "code": "bingo", "name": "Bingo"})

    assert response.status_code == 302, errors_of(response)
    assert GameCategory.objects.get(code="bingo").lp_per_unit_staked == Decimal("0.2")


def test_no_category_can_be_deleted(clients: dict[str, Client]) -> None:
    url = reverse("admin:players_gamecategory_delete", args=["slots"])

    assert clients["Superuser"].post(url, {"post": "yes"}).status_code == 403


def test_a_tier_form_shows_the_refusal_at_the_benefits(clients: dict[str, Client]) -> None:
    gold = Tier.objects.get(tier_level="GOLD")
    url = reverse("admin:players_tier_change", args=[gold.pk])

    errors = errors_of(clients["Loyalty staff"].post(url, {"lp_min": "10000", "benefits": '{"lp_multiplier": "5.01"}'}))

    assert "worth 0.00501 per unit staked" in errors["benefits"][0]


def test_the_value_of_a_point_is_refused_at_its_field_and_saved_where_it_passes(clients: dict[str, Client]) -> None:
    url = reverse("admin:safety_unitvalue_change", args=["LP"])

    errors = errors_of(clients["Finance"].post(url, {"money_value": "0.051"}))
    assert "worth 0.0051 per unit staked" in errors["money_value"][0]
    assert "reason" in errors

    assert clients["Finance"].post(url, {"money_value": "0.02", "reason": "a new catalogue"}).status_code == 302
    assert UnitValue.objects.get(currency_type="LP").money_value == Decimal("0.02")
    assert AssumptionVersion.objects.latest("id").reason == "a new catalogue"


def test_a_house_edge_is_changed_with_a_reason_that_its_version_keeps(clients: dict[str, Client]) -> None:
    change = {**SLOTS, "house_edge_rate": "0.04", "lp_per_unit_staked": "0.1"}

    assert "a reason is needed" in errors_of(clients["Loyalty staff"].post(slots_url(), change))["reason"][0]
    response = clients["Loyalty staff"].post(slots_url(), {**change, "reason": "a new supplier"})

    assert response.status_code == 302
    assert AssumptionVersion.objects.latest("id").reason == "a new supplier"


def test_no_value_can_be_deleted(clients: dict[str, Client]) -> None:
    url = reverse("admin:safety_unitvalue_delete", args=["LP"])

    assert clients["Superuser"].post(url, {"post": "yes"}).status_code == 403


def test_a_category_leads_to_a_proposal_for_it(clients: dict[str, Client]) -> None:
    staff = clients["Loyalty staff"]

    response = staff.get(reverse("admin:players_gamecategory_propose_rate", args=["slots"]))

    assert response.headers["Location"] == "/admin/safety/earnrateacceptance/add/?category=slots"
    assert 'value="slots" selected' in staff.get(response.headers["Location"]).content.decode()


def test_a_proposal_is_made_and_a_second_person_lets_it_hold(clients: dict[str, Client]) -> None:
    made = clients["Loyalty staff"].post(
        reverse("admin:safety_earnrateacceptance_add"),
        {"category": "slots", "points_per_unit": "6", "reason": "Opening week"},
    )
    proposal = EarnRateAcceptance.objects.get()
    assert (made.status_code, proposal.first_by.username, str(proposal.worth)) == (302, "staff", "0.060000000000000")

    page = clients["Finance"].get(accept_url(proposal)).content.decode()
    assert "<dd>0.06</dd>" in page
    assert "Accept and let it hold" in page
    assert clients["Finance"].post(accept_url(proposal)).status_code == 302

    assert rate() == "6.000000"
    assert EarnRateAcceptance.objects.get().second_by == User.objects.get(username="finance")
    assert LogEntry.objects.latest("pk").change_message == "Accepted as the second person"


def test_looking_at_a_proposal_accepts_nothing(clients: dict[str, Client]) -> None:
    proposal = proposed_by("staff")

    clients["Finance"].get(accept_url(proposal))

    assert (rate(), EarnRateAcceptance.objects.get().state) == ("0.100000", "OPEN")


def test_who_proposed_a_rate_is_told_that_somebody_else_must_accept_it(clients: dict[str, Client]) -> None:
    proposal = proposed_by("staff")

    page = clients["Loyalty staff"].get(accept_url(proposal)).content.decode()
    assert "somebody else must accept it" in page
    assert "Accept and let it hold" not in page
    response = clients["Loyalty staff"].post(accept_url(proposal), follow=True)

    assert "a second person must accept it" in response.content.decode()
    assert rate() == "0.100000"


@pytest.mark.parametrize(
    ("role", "may_propose", "may_accept"),
    [
        ("Loyalty staff", 200, 200),
        ("Risk", 403, 200),
        ("Finance", 403, 200),
        ("Analyst", 403, 403),
        ("Operator", 403, 403),
    ],
)
def test_who_may_propose_and_who_accept(
    clients: dict[str, Client], role: str, may_propose: int, may_accept: int
) -> None:
    proposal = proposed_by("root")

    assert clients[role].get(reverse("admin:safety_earnrateacceptance_add")).status_code == may_propose
    assert clients[role].get(accept_url(proposal)).status_code == may_accept
    if may_accept == 403:
        assert clients[role].post(accept_url(proposal)).status_code == 403
        assert rate() == "0.100000"


def test_a_needless_proposal_says_so(clients: dict[str, Client]) -> None:
    response = clients["Loyalty staff"].post(
        reverse("admin:safety_earnrateacceptance_add"),
        {"category": "slots", "points_per_unit": "1", "reason": "x"},
        follow=True,
    )

    assert "this needs no second person" in response.content.decode()
    assert not EarnRateAcceptance.objects.exists()


def test_what_was_proposed_is_neither_changed_nor_deleted_by_hand(clients: dict[str, Client]) -> None:
    proposal = proposed_by("staff")

    for page in ("change", "delete"):
        url = reverse(f"admin:safety_earnrateacceptance_{page}", args=[proposal.pk])
        assert clients["Superuser"].post(url, {"post": "yes", "points_per_unit": "9"}).status_code == 403
    assert EarnRateAcceptance.objects.get().points_per_unit == 6


def test_a_proposal_that_does_not_exist_is_not_found(clients: dict[str, Client]) -> None:
    url = reverse("admin:safety_earnrateacceptance_accept_rate", args=[987])

    assert clients["Finance"].get(url).status_code == 404
