"""Nobody writes the ledger by hand, and each role reaches exactly what its table of permissions says."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group, User
from django.db.models import Model
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from loyalty.roles import ROLES, Role, install_demo_users, install_roles, known_permissions, permissions_of
from loyalty.tests import cast

WRITTEN_BY_SERVICES_ONLY = {
    "core.OutboxEvent",
    "core.Run",
    "core.RunChunk",
    "core.RunStep",
    "players.Activity",
    "players.ActivityKey",
    "players.ImportPlayerTotals",
    "players.PlayerDay",
    "players.PlayerMetrics",
    "players.RestrictionEffect",
    "players.RiskScoreChange",
    "players.SegmentChange",
    "players.TierChange",
    "reporting.ControlGroupResult",
    "reporting.DailySummary",
    "reporting.LiabilityDay",
    "rewards.PerkTask",
    "rewards.RedemptionOrder",
    "rewards.RewardDecision",
    "rewards.RewardHistory",
    "rewards.RewardRuleVersion",
    "rewards.RuleApproval",
    "rewards.RuleBudgetDay",
    "rewards.RuleEvent",
    "safety.AbuseSignalHistory",
    "safety.CashGrant",
    "safety.Contamination",
    "rewards.RuleForecast",
    "safety.ReviewCase",
    "safety.ReviewCaseHistory",
    "safety.ReviewEvent",
    "safety.ReviewEvidence",
    "safety.SegmentBaseline",
    "wallet.Bet",
    "wallet.BetStake",
    "wallet.CountedWager",
    "wallet.LedgerDigest",
    "wallet.LedgerEntry",
    "wallet.Lot",
    "wallet.LotMovement",
    "wallet.LoyaltyBalance",
    "wallet.Operation",
    "wallet.PostingRefusal",
}


def model_named(label: str) -> type[Model]:
    return next(model for model in admin.site._registry if model._meta.label == label)


def address(model: type[Model], page: str, *arguments: object) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}", args=arguments)


@pytest.fixture
def users(db: None) -> dict[str, User]:
    return cast.make_users()


def logged_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.mark.parametrize("label", sorted(WRITTEN_BY_SERVICES_ONLY))
def test_not_even_a_superuser_adds_changes_or_deletes_what_services_write(users: dict[str, User], label: str) -> None:
    root, model = logged_in(users["Superuser"]), model_named(label)
    cast.make_rows(1)
    row = model._default_manager.order_by("-pk").first()
    pages = [address(model, "add")]
    pages += [address(model, page, row.pk) for page in ("change", "delete")] if row else []

    assert {page: root.post(page, {"post": "yes"}).status_code for page in pages} == dict.fromkeys(pages, 403)
    assert row is None or model._default_manager.filter(pk=row.pk).exists()


def test_no_list_offers_to_delete_selected_ledger_entries(users: dict[str, User]) -> None:
    cast.make_alice()
    entry = model_named("wallet.LedgerEntry")
    row = entry._default_manager.get()

    logged_in(users["Superuser"]).post(
        address(entry, "changelist"), {"action": "delete_selected", "_selected_action": row.pk, "post": "yes"}
    )

    assert entry._default_manager.filter(pk=row.pk).exists()


@pytest.mark.parametrize("role", [role for role in ROLES if role.is_staff], ids=lambda role: role.name)
def test_a_role_sees_exactly_the_lists_it_may_view(users: dict[str, User], role: Role) -> None:
    client, user = logged_in(users[role.name]), users[role.name]
    allowed = {
        model._meta.label
        for model in admin.site._registry
        if any(user.has_perm(f"{model._meta.app_label}.{verb}_{model._meta.model_name}") for verb in ("view", "change"))
    }

    found = {model._meta.label: client.get(address(model, "changelist")).status_code for model in admin.site._registry}

    assert {label for label, status in found.items() if status == 200} == allowed


@pytest.mark.parametrize(
    ("role", "model", "page", "status"),
    [
        ("Loyalty staff", "rewards.RewardRule", "add", 200),
        ("Analyst", "rewards.RewardRule", "add", 403),
        ("Risk", "rewards.RewardRule", "add", 403),
        ("Finance", "safety.UnitValue", "add", 200),
        ("Loyalty staff", "safety.UnitValue", "add", 403),
        ("Loyalty staff", "players.Tier", "add", 200),
        ("Operator", "players.Tier", "add", 403),
        ("Operator", "django_celery_beat.PeriodicTask", "add", 200),
        ("Loyalty staff", "django_celery_beat.PeriodicTask", "changelist", 403),
        ("Operator", "players.Player", "changelist", 403),
        ("Analyst", "players.Player", "changelist", 200),
        ("Analyst", "players.ImportJob", "upload", 200),
        ("Finance", "players.ImportJob", "upload", 403),
        ("Analyst", "players.ActivityFile", "upload", 200),
        ("Risk", "players.ActivityFile", "upload", 403),
        ("Loyalty staff", "auth.User", "changelist", 403),
        ("Integrator", "players.Player", "changelist", 302),
    ],
)
def test_who_reaches_what(users: dict[str, User], role: str, model: str, page: str, status: int) -> None:
    response = logged_in(users[role]).get(address(model_named(model), page))

    assert response.status_code == status


@pytest.mark.parametrize(
    ("role", "status"), [("Loyalty staff", 302), ("Risk", 302), ("Analyst", 403), ("Finance", 403)]
)
def test_who_may_change_a_policy(users: dict[str, User], role: str, status: int) -> None:
    url = reverse("admin:core_policyvalue_change", args=["MAX_DAILY_REWARD_PER_PLAYER"])

    assert logged_in(users[role]).post(url, {"value": "900"}).status_code == status


def test_an_analyst_cannot_change_a_player_by_posting_the_form(users: dict[str, User]) -> None:
    alice = cast.make_alice()

    response = logged_in(users["Analyst"]).post(
        reverse("admin:players_player_change", args=["alice"]), {"name": "Mallory"}
    )

    alice.refresh_from_db()
    assert (response.status_code, alice.name) == (403, "Alice")


def test_roles_name_only_permissions_that_exist(db: None) -> None:
    for role in ROLES:
        assert permissions_of(role, known_permissions())


def test_a_misspelt_permission_is_refused_by_name(db: None) -> None:
    role = Role(name="Odd", user_name="odd", permissions=("players.view_plaier",))

    with pytest.raises(LookupError, match="view_plaier"):
        permissions_of(role, known_permissions())


def test_installing_the_roles_again_takes_back_what_was_added_by_hand(db: None) -> None:
    install_roles()
    group = Group.objects.get(name="Analyst")
    group.permissions.add(*permissions_of(ROLES[0], known_permissions()))

    install_roles()

    held = set(group.permissions.values_list("pk", flat=True))
    assert held == permissions_of(ROLES[1], known_permissions())


def test_outside_development_no_demo_user_is_made(db: None) -> None:
    install_roles()

    assert install_demo_users() is None
    assert not User.objects.exists()


def test_in_development_each_role_gets_a_user_with_a_password_of_this_clone(
    db: None, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.DEBUG = True
    monkeypatch.setattr("loyalty.roles.PROJECT_FOLDER", tmp_path)
    install_roles()

    first, again = install_demo_users(), install_demo_users()

    assert first == again
    assert first is not None
    assert len(first.password) >= 12
    assert (tmp_path / "var" / "demo-password").stat().st_mode & 0o077 == 0
    assert Client().login(username="analyst", password=first.password)
    assert not Client().login(username="analyst", password="analyst")


def test_a_demo_user_never_takes_over_somebody_elses_account(
    db: None, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.DEBUG = True
    monkeypatch.setattr("loyalty.roles.PROJECT_FOLDER", tmp_path)
    User.objects.create_superuser("admin", email="me@example.com", password="my own password")
    install_roles()

    users = install_demo_users()

    assert users is not None
    assert "admin" not in users.user_names
    assert Client().login(username="admin", password="my own password")
