"""Every role at every endpoint, by one table."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import get_resolver

from loyalty.api.urls import urlpatterns
from loyalty.roles import ROLES
from loyalty.tests import cast
from loyalty.tests.api import ApiUser, error_of

STAFF, ANALYST, RISK, FINANCE = "Loyalty staff", "Analyst", "Risk", "Finance"
INTEGRATOR, OPERATOR = "Integrator", "Operator"
OFFICE = {STAFF, ANALYST, RISK, FINANCE}

# Method, path, and who may: everybody else gets 403, without a log-in 401.
ALLOWED: dict[tuple[str, str], set[str]] = {
    ("GET", "/api/players"): OFFICE | {INTEGRATOR},
    ("GET", "/api/players/alice"): OFFICE | {INTEGRATOR},
    ("GET", "/api/players/alice/statement"): OFFICE,
    ("POST", "/api/players/alice/detect"): {RISK},
    ("PUT", "/api/players/alice"): {STAFF},
    ("PATCH", "/api/players/alice"): {STAFF},
    ("DELETE", "/api/players/nobody"): {STAFF},
    ("GET", "/api/rules"): OFFICE | {INTEGRATOR},
    ("POST", "/api/rules"): {STAFF},
    ("GET", "/api/rules/schema"): OFFICE | {INTEGRATOR},
    ("GET", "/api/rules/fields"): OFFICE | {INTEGRATOR},
    ("POST", "/api/rules/check"): OFFICE | {INTEGRATOR},
    ("GET", "/api/rules/CASHBACK"): OFFICE | {INTEGRATOR},
    ("PUT", "/api/rules/CASHBACK"): {STAFF},
    ("DELETE", "/api/rules/NOTHING"): {STAFF},
    ("POST", "/api/rules/CASHBACK/test"): OFFICE | {INTEGRATOR},
    ("GET", "/api/rules/CASHBACK/explain"): OFFICE,
    ("GET", "/api/rules/CASHBACK/versions"): OFFICE | {INTEGRATOR},
    ("POST", "/api/rules/CASHBACK/submit"): {STAFF},
    ("POST", "/api/rules/CASHBACK/approve"): {STAFF, RISK},
    ("POST", "/api/rules/CASHBACK/reject"): {STAFF, RISK},
    ("POST", "/api/rules/CASHBACK/pause"): {STAFF, RISK},
    ("POST", "/api/rules/CASHBACK/resume"): {STAFF, RISK},
    ("POST", "/api/rules/NOTHING/archive"): {STAFF},
    ("GET", "/api/rules/CASHBACK/revoke"): {RISK, FINANCE},
    ("POST", "/api/rules/CASHBACK/revoke"): {RISK, FINANCE},
    ("GET", "/api/rules/CASHBACK/revocations/1"): {RISK, FINANCE},
    ("POST", "/api/rules/NOTHING/simulate"): {STAFF},
    ("POST", "/api/rules/CASHBACK/backtest"): {STAFF},
    ("GET", "/api/rules/forecasts/1"): OFFICE,
    ("GET", "/api/rules/overlap"): OFFICE,
    ("POST", "/api/rules/overlap"): {STAFF},
    ("GET", "/api/tiers"): OFFICE | {INTEGRATOR},
    ("POST", "/api/tiers"): {STAFF},
    ("GET", "/api/tiers/1"): OFFICE | {INTEGRATOR},
    ("PUT", "/api/tiers/1"): {STAFF},
    ("POST", "/api/tiers/1/preview"): {STAFF},
    ("POST", "/api/actions"): {INTEGRATOR},
    ("POST", "/api/activity"): {INTEGRATOR},
    ("GET", "/api/players/alice/activity"): OFFICE | {INTEGRATOR},
    ("POST", "/api/players/alice/source"): {STAFF, INTEGRATOR},
    ("POST", "/api/import/excel"): {STAFF, ANALYST, INTEGRATOR},
    ("GET", "/api/import/status/1"): OFFICE | {INTEGRATOR, OPERATOR},
    ("POST", "/api/batch/process"): {OPERATOR},
    ("POST", "/api/safety/check"): OFFICE | {INTEGRATOR},
    ("POST", "/api/wallet/add-lp"): {STAFF, INTEGRATOR},
    ("POST", "/api/wallet/add-rp"): {STAFF, INTEGRATOR},
    ("POST", "/api/wallet/add-tickets"): {STAFF, INTEGRATOR},
    ("POST", "/api/wallet/add-bonus"): {STAFF, INTEGRATOR},
    ("POST", "/api/wallet/use-tickets"): {STAFF, INTEGRATOR},
    ("GET", "/api/redemption/options"): OFFICE | {INTEGRATOR},
    ("GET", "/api/redemption/orders"): OFFICE | {INTEGRATOR},
    ("POST", "/api/redemption/orders"): {STAFF, INTEGRATOR},
    ("POST", "/api/redemption/orders/1/cancel"): {STAFF, INTEGRATOR},
    ("POST", "/api/redemption/orders/1/fulfil"): {STAFF, INTEGRATOR},
    ("GET", "/api/players/alice/balance"): OFFICE | {INTEGRATOR},
    ("GET", "/api/players/alice/bonuses"): OFFICE | {INTEGRATOR},
    ("POST", "/api/players/alice/bonuses/1/claim"): {INTEGRATOR},
    ("POST", "/api/players/alice/bonuses/1/cancel"): {STAFF, RISK, INTEGRATOR},
    ("POST", "/api/bets"): {INTEGRATOR},
    ("GET", "/api/bets/unknown"): OFFICE | {INTEGRATOR},
    ("POST", "/api/bets/unknown/settle"): {INTEGRATOR},
    ("POST", "/api/bets/unknown/void"): {INTEGRATOR},
    ("POST", "/api/wallet/deduct"): {INTEGRATOR},
    ("POST", "/api/wallet/withdrawals"): {INTEGRATOR},
    ("POST", "/api/wallet/reverse"): {FINANCE},
    ("POST", "/api/wallet/take-back"): {FINANCE},
    ("POST", "/api/wallet/adjust"): {FINANCE},
    ("GET", "/api/restrictions"): OFFICE | {INTEGRATOR},
    ("POST", "/api/restrictions"): {RISK, INTEGRATOR},
    ("GET", "/api/restrictions/1"): OFFICE | {INTEGRATOR},
    ("POST", "/api/restrictions/1/move-end"): {RISK},
    ("POST", "/api/restrictions/1/lift"): {RISK, INTEGRATOR},
    ("POST", "/api/restrictions/1/correct"): {RISK},
    ("POST", "/api/restrictions/1/decide-lift"): {RISK},
    ("GET", "/api/jurisdictions"): OFFICE | {INTEGRATOR},
    ("GET", "/api/jurisdictions/GB"): OFFICE | {INTEGRATOR},
    ("GET", "/api/players/alice/jurisdiction"): OFFICE | {INTEGRATOR},
    ("PUT", "/api/players/alice/jurisdiction"): {RISK},
    ("GET", "/api/players/alice/vip-approvals"): OFFICE,
    ("POST", "/api/players/alice/vip-approvals"): {RISK},
    ("POST", "/api/vip-approvals/1/checks"): {RISK},
    ("POST", "/api/vip-approvals/1/approve"): {RISK},
    ("POST", "/api/vip-approvals/1/refuse"): {RISK},
    ("POST", "/api/vip-approvals/1/revoke"): {RISK},
    ("GET", "/api/rules/CASHBACK/jurisdictions"): OFFICE | {INTEGRATOR},
    ("GET", "/api/review/cases"): OFFICE,
    ("POST", "/api/review/cases"): {STAFF, RISK, INTEGRATOR},
    ("GET", "/api/review/cases/1"): OFFICE,
    ("POST", "/api/review/cases/1/claim"): {RISK},
    ("POST", "/api/review/cases/1/release"): {RISK},
    ("POST", "/api/review/cases/1/assign"): {RISK},
    ("POST", "/api/review/cases/1/notes"): {RISK},
    ("POST", "/api/review/cases/1/links"): {RISK},
    ("POST", "/api/review/cases/1/decide"): {RISK},
    ("POST", "/api/review/rings/1/claim"): {RISK},
    ("POST", "/api/review/rings/1/decide"): {RISK},
    ("POST", "/api/review/cases/1/appeal"): {STAFF, RISK, INTEGRATOR},
    ("GET", "/api/analytics/dashboard"): OFFICE | {OPERATOR},
}
OPEN_TO_ALL = {"token", "token/refresh", "schema/", "docs/", "redoc/"}


def call(user: ApiUser, method: str, path: str) -> tuple[int, Any]:
    """Send a request that an allowed user would have refused for its content, so that nothing changes."""
    return user.send(method, path, {} if method in {"POST", "PUT", "PATCH"} else None)


@pytest.mark.parametrize("role", [role.name for role in ROLES])
def test_a_role_may_call_exactly_its_endpoints(db: None, role: str) -> None:
    user = ApiUser(cast.make_users()[role])
    cast.make_alice()
    cast.make_rule()

    answers = {endpoint: call(user, *endpoint) for endpoint in ALLOWED}

    refused = {endpoint for endpoint, answer in answers.items() if answer[0] == 403}
    assert refused == {endpoint for endpoint, roles in ALLOWED.items() if role not in roles}
    assert {error_of(answers[endpoint])["code"] for endpoint in refused} <= {"permission_denied"}
    assert not [endpoint for endpoint, answer in answers.items() if answer[0] >= 500]


def test_a_superuser_may_call_everything_and_nobody_else_anything(db: None) -> None:
    root, stranger = ApiUser(cast.make_users()["Superuser"]), ApiUser(None)
    cast.make_alice()
    cast.make_rule()

    assert not [endpoint for endpoint in ALLOWED if call(root, *endpoint)[0] in {401, 403}]
    assert {call(stranger, *endpoint)[0] for endpoint in ALLOWED} == {401}


def test_a_user_without_a_role_may_call_nothing(db: None) -> None:
    cast.make_users()
    nobody = ApiUser(User.objects.create_user("nobody", password=cast.PASSWORD))

    assert {call(nobody, *endpoint)[0] for endpoint in ALLOWED} == {403}


def test_a_user_who_was_switched_off_may_call_nothing(db: None) -> None:
    user = cast.make_users()["Superuser"]
    root = ApiUser(user)
    user.is_active = False
    user.save()

    assert {call(root, *endpoint)[0] for endpoint in ALLOWED} == {401}


def test_the_table_names_every_method_of_every_endpoint() -> None:
    declared = {
        (method, pattern.name)
        for pattern in urlpatterns
        if hasattr(pattern.callback, "view_class") and pattern.name and not pattern.name.endswith("-slash")
        for method in getattr(pattern.callback.view_class, "permissions_by_method", {})
    }
    resolver = get_resolver()

    named = {(method, resolver.resolve(path).url_name) for method, path in ALLOWED}

    assert named == declared


def test_only_logging_in_and_the_documentation_are_open(db: None) -> None:
    stranger = Client()
    found = {
        str(pattern.pattern)
        for pattern in urlpatterns
        if "<" not in str(pattern.pattern) and stranger.get(f"/api/{pattern.pattern}").status_code in {200, 405}
    }

    assert {path.rstrip("/") for path in found} == {path.rstrip("/") for path in OPEN_TO_ALL}
