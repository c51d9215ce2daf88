"""Credits by hand through the API: once per key, within the caps, and never to the excluded."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import User

from core.models import PolicyValue
from loyalty.tests import cast
from loyalty.tests.api import ApiUser, error_of
from wallet.models import LedgerEntry, Lot, LoyaltyBalance, Operation, PostingRefusal

POINTS: dict[str, Any] = {"player_id": "alice", "amount": "25.00", "source": "Goodwill"}
BONUS: dict[str, Any] = {"player_id": "alice", "amount": "20.00", "wagering_requirement": "10", "expiry_hours": 48}
BODIES: dict[str, dict[str, Any]] = {
    "/api/wallet/add-lp": POINTS,
    "/api/wallet/add-rp": POINTS,
    "/api/wallet/add-tickets": {**POINTS, "amount": "25"},
    "/api/wallet/add-bonus": BONUS,
}


@pytest.fixture
def integrator(db: None) -> ApiUser:
    user = cast.make_users()["Integrator"]
    cast.make_player("alice")
    return ApiUser(user)


def credit(user: ApiUser, path: str, *, key: str = "first", **changes: Any) -> tuple[int, Any]:
    return user.post(path, {**BODIES[path], **changes}, Idempotency_Key=key)


def test_points_are_credited_and_the_answer_shows_the_entry(integrator: ApiUser) -> None:
    status, done = credit(integrator, "/api/wallet/add-lp")

    entry = LedgerEntry.objects.get()
    assert status == 201
    assert (done["transaction_id"], done["lot_id"] > 0, done["is_replay"]) == (entry.pk, True, False)
    assert (done["balance_before"], done["balance_after"], done["currency"]) == ("0.00", "25.00", "LP")
    assert (entry.actor, entry.description) == ("integrator", "Goodwill")


@pytest.mark.parametrize(("path", "currency"), [("/api/wallet/add-rp", "RP"), ("/api/wallet/add-tickets", "TICKETS")])
def test_reward_points_and_tickets_are_credited_in_their_currency(
    integrator: ApiUser, path: str, currency: str
) -> None:
    status, done = credit(integrator, path)

    entry = LedgerEntry.objects.get()
    assert (status, done["currency"], done["balance_after"]) == (201, currency, "25.00")
    assert (entry.currency_type, entry.description) == (currency, "Goodwill")


@pytest.mark.parametrize("path", sorted(BODIES))
def test_every_credit_counts_towards_the_caps(integrator: ApiUser, path: str) -> None:
    PolicyValue.objects.create(name="MAX_DAILY_REWARD_PER_PLAYER", value="0")

    answer = credit(integrator, path)

    assert (answer[0], error_of(answer)["code"]) == (409, "cap_exceeded")
    assert not LedgerEntry.objects.exists()


def test_tickets_are_whole(integrator: ApiUser) -> None:
    answer = credit(integrator, "/api/wallet/add-tickets", amount="1.50")

    assert (answer[0], error_of(answer)["details"][0]["field"]) == (422, "amount")


def test_a_bonus_is_credited_with_its_terms(integrator: ApiUser) -> None:
    status, done = credit(integrator, "/api/wallet/add-bonus", max_bet="5", eligible_games=["slots"])

    balance = LoyaltyBalance.objects.get(player_id="alice")
    assert (status, done["currency"], done["balance_after"]) == (201, "BONUS", "20.00")
    assert (balance.bonus_wagering_required, balance.bonus_max_bet) == (Decimal("200.00"), Decimal("5.00"))
    assert balance.bonus_expiry is not None


def test_a_bonus_may_wait_for_a_claim_with_all_its_further_terms(integrator: ApiUser) -> None:
    credit(
        integrator,
        "/api/wallet/add-bonus",
        claim_hours=72,
        deposit="100.00",
        wagering_basis="DEPOSIT_AND_BONUS",
        max_conversion="250.00",
    )

    lot = Lot.objects.get()
    assert (lot.status, lot.awaits, lot.active_hours) == ("PENDING", "CLAIM", 48)
    assert lot.expires_at is not None
    assert lot.expires_at - lot.created_at == timedelta(hours=72)
    assert (lot.wagering_required, lot.wagering_basis) == (Decimal("1200.00"), "DEPOSIT_AND_BONUS")
    assert lot.max_conversion == Decimal("250.00")


@pytest.mark.parametrize(
    ("terms", "awaits"),
    [({"awaits": "KYC_COMPLETE"}, "KYC_COMPLETE"), ({"available_at": "2999-01-01T00:00:00Z"}, None)],
    ids=["action", "date"],
)
def test_a_bonus_may_wait_for_an_action_or_a_date(integrator: ApiUser, terms: dict[str, Any], awaits: str) -> None:
    credit(integrator, "/api/wallet/add-bonus", **terms)

    lot = Lot.objects.get()
    assert (lot.status, lot.awaits) == ("PENDING", awaits)


@pytest.mark.parametrize("path", sorted(BODIES))
def test_the_same_key_and_body_again_answer_the_first_result_and_credit_once(integrator: ApiUser, path: str) -> None:
    _, first = credit(integrator, path)

    status, again = credit(integrator, path)

    assert status == 200
    assert again == {**first, "is_replay": True}
    assert LedgerEntry.objects.count() == 1


@pytest.mark.parametrize("path", sorted(BODIES))
def test_the_same_key_with_another_body_is_refused(integrator: ApiUser, path: str) -> None:
    credit(integrator, path)

    answer = credit(integrator, path, amount="26.00")

    assert (answer[0], error_of(answer)["code"]) == (409, "idempotency_key_reused")
    assert LedgerEntry.objects.count() == 1


def test_another_key_is_another_credit(integrator: ApiUser) -> None:
    credit(integrator, "/api/wallet/add-lp")

    _, second = credit(integrator, "/api/wallet/add-lp", key="second")

    assert second["balance_after"] == "50.00"


def test_two_users_may_use_the_same_key(integrator: ApiUser) -> None:
    staff = ApiUser(User.objects.get(username="staff"))
    credit(integrator, "/api/wallet/add-lp")

    status, _ = credit(staff, "/api/wallet/add-lp", amount="1.00")

    assert status == 201


@pytest.mark.parametrize("path", sorted(BODIES))
@pytest.mark.parametrize("key", ["", " ", "two words", "x" * 101, "schlüssel"])
def test_without_a_usable_key_nothing_is_credited(integrator: ApiUser, path: str, key: str) -> None:
    answer = credit(integrator, path, key=key)

    assert (answer[0], error_of(answer)["code"]) == (400, "idempotency_key_needed")
    assert not Operation.objects.exists()


@pytest.mark.parametrize("path", sorted(BODIES))
def test_a_self_excluded_player_gets_nothing_and_the_refusal_is_kept(integrator: ApiUser, path: str) -> None:
    cast.make_carol()

    answer = credit(integrator, path, player_id="carol")

    error = error_of(answer)
    assert (answer[0], error["code"]) == (409, "player_restricted")
    assert "SELF_EXCLUDED" in str(error)
    assert not LedgerEntry.objects.exists()
    assert PostingRefusal.objects.get().player_id == "carol"


def test_a_credit_beyond_the_daily_cap_is_refused_with_the_figures(integrator: ApiUser) -> None:
    PolicyValue.objects.create(name="MAX_DAILY_REWARD_PER_PLAYER", value="30")
    credit(integrator, "/api/wallet/add-bonus")

    answer = credit(integrator, "/api/wallet/add-bonus", key="second")

    assert answer[0] == 409
    assert "10" in str(error_of(answer)["details"])
    assert LedgerEntry.objects.count() == 1


@pytest.mark.parametrize("path", sorted(BODIES))
def test_a_player_nobody_knows_gets_nothing(integrator: ApiUser, path: str) -> None:
    answer = credit(integrator, path, player_id="nobody")

    assert (answer[0], error_of(answer)["code"]) == (404, "not_found")


@pytest.mark.parametrize("path", sorted(BODIES))
@pytest.mark.parametrize(
    "amount",
    ["0", "-5", "abc", "", "NaN", "Infinity", "1e400", "12.345", 12.345, 0, -1, True, None, [], {}, "9" * 30, 10**30],
    ids=str,
)
def test_an_amount_that_is_none_is_refused(integrator: ApiUser, path: str, amount: object) -> None:
    answer = credit(integrator, path, amount=amount)

    assert answer[0] == 400, answer
    assert error_of(answer)["details"][0]["field"] == "amount"
    assert not Operation.objects.exists()


@pytest.mark.parametrize(
    ("amount", "credited"),
    [("12", "12.00"), ("12.5", "12.50"), (12, "12.00"), (12.5, "12.50"), (0.01, "0.01"), ("1e1", "10.00")],
    ids=str,
)
def test_an_amount_may_be_text_or_a_json_number_that_is_exact(
    integrator: ApiUser, amount: object, credited: str
) -> None:
    _, done = credit(integrator, "/api/wallet/add-lp", amount=amount)

    assert (done["amount"], done["balance_after"]) == (credited, credited)


@pytest.mark.parametrize(
    ("path", "change", "field"),
    [
        ("/api/wallet/add-lp", {"source": ""}, "source"),
        ("/api/wallet/add-lp", {"source": "x" * 501}, "source"),
        ("/api/wallet/add-lp", {"currency": "RP"}, "currency"),
        ("/api/wallet/add-lp", {"player_id": 7}, "player_id"),
        ("/api/wallet/add-bonus", {"wagering_requirement": "-1"}, "wagering_requirement"),
        ("/api/wallet/add-bonus", {"wagering_requirement": "1001"}, "wagering_requirement"),
        ("/api/wallet/add-bonus", {"wagering_requirement": None}, "wagering_requirement"),
        ("/api/wallet/add-bonus", {"expiry_hours": 0}, "expiry_hours"),
        ("/api/wallet/add-bonus", {"expiry_hours": "48"}, "expiry_hours"),
        ("/api/wallet/add-bonus", {"max_bet": "0"}, "max_bet"),
        ("/api/wallet/add-bonus", {"max_conversion": "0"}, "max_conversion"),
        ("/api/wallet/add-bonus", {"deposit": "-1"}, "deposit"),
        ("/api/wallet/add-bonus", {"wagering_basis": "STAKE"}, "wagering_basis"),
        ("/api/wallet/add-bonus", {"claim_hours": 0}, "claim_hours"),
        ("/api/wallet/add-bonus", {"claim_hours": 87601}, "claim_hours"),
        ("/api/wallet/add-bonus", {"claim_hours": 24, "awaits": "KYC_COMPLETE"}, "awaits"),
        ("/api/wallet/add-bonus", {"awaits": "x" * 61}, "awaits"),
        ("/api/wallet/add-bonus", {"awaits": ""}, "awaits"),
        ("/api/wallet/add-bonus", {"awaits": "first deposit"}, "awaits"),
        ("/api/wallet/add-bonus", {"available_at": "tomorrow"}, "available_at"),
        ("/api/wallet/add-bonus", {"eligible_games": "slots"}, "eligible_games"),
        ("/api/wallet/add-bonus", {"eligible_games": []}, "eligible_games"),
    ],
    ids=str,
)
def test_terms_that_cannot_be_are_refused(integrator: ApiUser, path: str, change: dict[str, Any], field: str) -> None:
    answer = credit(integrator, path, **change)

    assert answer[0] in {400, 422}, answer
    assert error_of(answer)["details"][0]["field"].startswith(field)
    assert not Operation.objects.exists()
