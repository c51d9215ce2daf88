"""Restrictions in the admin: imposed by a form, moved, lifted and decided on pages of their own."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from loyalty.tests import cast
from players.models import CreditRequirement, Player, PlayerRestriction
from players.restrictions.imposing import Word
from players.tests.factories import restrict
from wallet.models import Lot
from wallet.restricting import ask_to_lift

pytestmark = pytest.mark.django_db
KEY = "6f1d1d5c-3c55-4a51-8f3c-0a4c7a1d7b11"
WORD = {"source": "the player", "reason": "Telephone", "evidence": "Call 17", "key": KEY}


@pytest.fixture
def users(db: None) -> dict[str, User]:
    users = cast.make_users()
    cast.make_bob()
    return users


def logged_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def risk(users: dict[str, User]) -> Client:
    return logged_in(users["Risk"])


def add_url() -> str:
    return reverse("admin:players_playerrestriction_add")


def page_url(page: str) -> str:
    return reverse(f"admin:players_playerrestriction_{page}", args=[PlayerRestriction.objects.get().pk])


def form(**changes: Any) -> dict[str, Any]:
    given = {"player": "bob", "kind": "BLOCKED", "source": "staff", "reason": "Chargeback", "evidence": ""}
    dates = {"starts_at_0": "", "starts_at_1": "", "ends_at_0": "", "ends_at_1": ""}
    return {**given, **dates, "external_reference": "", **changes}


def test_risk_imposes_a_restriction_and_the_bonus_ends(risk: Client, users: dict[str, User]) -> None:
    response = risk.post(add_url(), form(evidence="Case 7"))

    assert response.status_code == 302
    imposed = PlayerRestriction.objects.get()
    assert (imposed.kind, imposed.source, imposed.evidence, imposed.created_by) == (
        "BLOCKED",
        "staff",
        {"note": "Case 7"},
        users["Risk"],
    )
    assert Lot.objects.get().status == "CANCELLED"
    assert Player.objects.get(pk="bob").is_blocked


def test_no_kind_is_chosen_beforehand(risk: Client) -> None:
    assert risk.get(add_url()).context["adminform"].form["kind"].value() in {None, ""}
    assert risk.post(add_url(), form(kind="")).status_code == 200
    assert not PlayerRestriction.objects.exists()


def test_a_refusal_is_shown_and_nothing_is_stored(risk: Client) -> None:
    response = risk.post(add_url(), form(kind="COOL_OFF"), follow=True)

    assert "a cool-off ends by itself" in response.content.decode()
    assert not PlayerRestriction.objects.exists()


def test_an_unknown_player_is_named_and_an_age_nobody_reaches_is_told_its_most(risk: Client) -> None:
    imposed = risk.post(add_url(), form(player="nobody"))
    age_url = reverse("admin:players_creditrequirement_change", args=["PROMOTION"])
    asked = risk.post(age_url, {"minimum_age": "999"})

    assert "There is no player nobody: a player&#x27;s id is needed." in imposed.content.decode()
    assert "Ensure this value is less than or equal to 150." in asked.content.decode()
    assert CreditRequirement.objects.get(pk="PROMOTION").minimum_age is None


@pytest.mark.parametrize("role", ["Loyalty staff", "Analyst", "Finance", "Operator"])
def test_others_impose_nothing(users: dict[str, User], role: str) -> None:
    assert logged_in(users[role]).post(add_url(), form()).status_code == 403


def test_a_block_is_lifted_on_its_page(risk: Client) -> None:
    risk.post(add_url(), form())
    assert "It ends at once" in risk.get(page_url("lift")).content.decode()

    risk.post(page_url("lift"), WORD)

    assert not Player.objects.get(pk="bob").is_blocked
    change = PlayerRestriction.objects.get().changes.latest("id")
    assert (change.act, change.actor, change.evidence) == ("LIFTED", "risk", {"note": "Call 17"})


def test_two_people_lift_what_takes_two(risk: Client, users: dict[str, User]) -> None:
    risk.post(add_url(), form(kind="RG_HARM"))
    risk.post(page_url("lift"), WORD)
    decision = {"is_granted": "yes", "reason": "Assessed", "key": KEY}
    alone = risk.post(page_url("decide"), decision)
    assert "somebody else decides" in alone.content.decode()

    second = logged_in(users["Superuser"])
    assert "Telephone" in second.get(page_url("decide")).content.decode()
    second.post(page_url("decide"), decision)

    assert not PlayerRestriction.objects.get().holds_at(timezone.now())


def test_two_people_correct_an_exclusion_of_the_wrong_player(risk: Client, users: dict[str, User]) -> None:
    risk.post(add_url(), form(kind="SELF_EXCLUDED"))
    wrong = PlayerRestriction.objects.get()
    right = cast.make_carol().restrictions.get()

    def page(name: str) -> str:
        return reverse(f"admin:players_playerrestriction_{name}", args=[wrong.pk])

    assert "never for a player who changed their mind" in risk.get(page("correct")).content.decode()
    risk.post(page("correct"), {**WORD, "right_restriction_id": str(right.pk)})
    second = logged_in(users["Superuser"])
    assert f"restriction {right.pk}</a> of carol" in second.get(page("decide")).content.decode()
    second.post(page("decide"), {"is_granted": "yes", "reason": "Call heard", "key": KEY})

    wrong.refresh_from_db()
    assert not wrong.holds_at(timezone.now())


def test_an_exclusion_is_prolonged_and_never_shortened(risk: Client) -> None:
    risk.post(add_url(), form(kind="SELF_EXCLUDED"))
    minimum = PlayerRestriction.objects.get().minimum_until
    assert minimum is not None
    until = {"until_0": f"{minimum - timedelta(days=1):%Y-%m-%d}", "until_1": "12:00:00"}

    refused = risk.post(page_url("move_end"), {**WORD, **until})
    assert "cannot be shortened before" in refused.content.decode()
    risk.post(page_url("move_end"), {**WORD, **until, "until_0": f"{minimum + timedelta(days=9):%Y-%m-%d}"})

    moved = PlayerRestriction.objects.get()
    assert moved.minimum_until is not None
    assert (moved.minimum_until.date() - minimum.date()).days == 9


def test_nothing_of_a_restriction_is_edited_or_deleted(risk: Client) -> None:
    risk.post(add_url(), form())

    shown = risk.get(page_url("change"))
    risk.post(page_url("change"), form(reason="Another"))

    assert "Chargeback" in shown.content.decode()
    assert PlayerRestriction.objects.get().reason == "Chargeback"
    assert risk.post(page_url("delete"), {"post": "yes"}).status_code == 403


def test_staff_cannot_edit_who_is_blocked(users: dict[str, User]) -> None:
    root = logged_in(users["Superuser"])
    url = reverse("admin:players_player_change", args=["bob"])

    assert 'name="is_blocked"' not in root.get(url).content.decode()


def test_risk_asks_for_age_and_identity(risk: Client, users: dict[str, User]) -> None:
    url = reverse("admin:players_creditrequirement_change", args=["PROMOTION"])

    risk.post(url, {"minimum_age": "18", "needs_kyc": "on"})

    saved = CreditRequirement.objects.get(pk="PROMOTION")
    assert (saved.minimum_age, saved.needs_kyc, saved.allows_unknown_age) == (18, True, False)
    assert saved.changed_by == users["Risk"]
    assert logged_in(users["Loyalty staff"]).post(url, {}).status_code == 403


def test_the_list_says_where_each_restriction_is_and_finds_those_to_be_decided(
    risk: Client, users: dict[str, User]
) -> None:
    now = timezone.now()
    of = {name: cast.make_player(name) for name in ("ended", "announced", "withdrawn", "asked")}
    restrict(of["ended"], "BLOCKED", ends_at=now - timedelta(hours=1))
    restrict(of["announced"], "BLOCKED", starts_at=now + timedelta(days=1))
    restrict(of["withdrawn"], "BLOCKED", starts_at=now + timedelta(days=1), ends_at=now + timedelta(days=1))
    asked = restrict(of["asked"], "RG_HARM")
    restrict(Player.objects.get(pk="bob"), "BLOCKED")
    word = Word(source="the player", reason="Reviewed", by=users["Risk"])
    ask_to_lift(restriction_id=asked.pk, word=word)

    def listed(**query: str) -> dict[str, str]:
        shown = risk.get(reverse("admin:players_playerrestriction_changelist"), query).context["cl"].result_list
        return {one.player_id: one.state for one in shown}

    assert listed() == {
        "ended": "ended",
        "announced": "announced",
        "withdrawn": "ended",
        "asked": "to be decided",
        "bob": "in force",
    }
    assert listed(state="to be decided") == {"asked": "to be decided"}
    assert set(listed(state="ended")) == {"ended", "withdrawn"}


def test_the_matrix_is_shown_as_a_matrix(risk: Client) -> None:
    response = risk.get(reverse("admin:players_restrictioneffect_changelist"))

    rows = dict(response.context["matrix_rows"])
    assert response.context["matrix_kinds"][0] == "Self-excluded"
    assert [effect for effect, _ in rows["Promotional grant"]] == ["REFUSE"] * 5
    assert [label for _, label in rows["Refund"]] == ["Allowed and marked"] * 4 + ["allowed"]
    assert "What each restriction does" in response.content.decode()
