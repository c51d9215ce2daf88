"""Corrections through the API: Finance's alone, once per key, refused with the figures."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import User

from loyalty.tests import cast
from loyalty.tests.api import Answer, ApiUser, error_of
from wallet.models import LedgerEntry, LoyaltyBalance, Operation
from wallet.points import deduct_balance

REASON = "Wrong player"


@pytest.fixture
def finance(db: None) -> ApiUser:
    user = cast.make_users()["Finance"]
    cast.make_alice()
    return ApiUser(user)


def spend(amount: str) -> int | None:
    return deduct_balance(player_id="alice", currency="LP", amount=amount, key="spend", actor="tests").operation_id


def correct(user: ApiUser, act: str, operation_id: Any = None, *, key: str = "fix", reason: Any = REASON) -> Answer:
    body = {"operation_id": operation_id or Operation.objects.earliest("pk").pk, "reason": reason}
    return user.post(f"/api/wallet/{act}", body, Idempotency_Key=key)


def adjust(user: ApiUser, amount: Any, *, key: str = "fix", **changes: Any) -> Answer:
    body = {"player_id": "alice", "currency": "LP", "amount": amount, "reason": "Migration", **changes}
    return user.post("/api/wallet/adjust", body, Idempotency_Key=key)


def points() -> Decimal:
    return LoyaltyBalance.objects.get(player_id="alice").lp_balance


def test_a_reversal_undoes_an_operation_and_shows_its_entries(finance: ApiUser) -> None:
    credited = Operation.objects.get()

    status, done = correct(finance, "reverse")

    entry = LedgerEntry.objects.latest("number")
    assert status == 201
    assert (done["corrects_id"], done["player_id"], done["is_replay"]) == (credited.pk, "alice", False)
    assert done["entries"] == [
        {
            "transaction_id": entry.pk,
            "transaction_type": "REVERSAL",
            "currency_type": "LP",
            "amount": "-100.00",
            "balance_before": "100.00",
            "balance_after": "0.00",
        }
    ]
    assert (entry.actor, entry.description) == ("finance", REASON)


@pytest.mark.parametrize("act", ["reverse", "take-back"])
def test_the_same_correction_again_is_answered_with_the_first_result(finance: ApiUser, act: str) -> None:
    _, first = correct(finance, act)

    assert correct(finance, act) == (200, {**first, "is_replay": True})
    assert error_of(correct(finance, act, reason="Other"))["code"] == "idempotency_key_reused"
    assert LedgerEntry.objects.count() == 2


def test_an_operation_is_reversed_once(finance: ApiUser) -> None:
    _, first = correct(finance, "reverse")

    answer = correct(finance, "reverse", key="second")

    error = error_of(answer)
    assert (answer[0], error["code"]) == (409, "already_reversed")
    assert error["details"][0]["reversed_by"] == first["operation_id"]


def test_a_partly_spent_credit_is_not_reversed_but_what_remains_is_taken_back(finance: ApiUser) -> None:
    spend("30.00")

    refused = correct(finance, "reverse")
    status, done = correct(finance, "take-back", key="second")

    error = error_of(refused)
    assert (refused[0], error["code"]) == (409, "credit_spent")
    assert (error["details"][0]["credited"], error["details"][0]["remaining"]) == ("100.00", "70.00")
    assert (status, done["entries"][0]["amount"]) == (201, "-70.00")
    assert points() == 0


def test_a_reversed_spend_comes_back(finance: ApiUser) -> None:
    operation_id = spend("30.00")

    _, done = correct(finance, "reverse", operation_id)

    assert done["entries"][0]["amount"] == "30.00"
    assert points() == 100


def test_nothing_left_is_said(finance: ApiUser) -> None:
    spend("100.00")

    answer = correct(finance, "take-back")

    assert (answer[0], error_of(answer)["code"]) == (409, "nothing_left")


@pytest.mark.parametrize("act", ["reverse", "take-back"])
@pytest.mark.parametrize(
    ("operation_id", "reason", "status"),
    [
        (2**62, REASON, 404),
        (2**63, REASON, 400),
        (-1, REASON, 400),
        ("7", REASON, 400),
        (None, "", 400),
        (None, "x" * 201, 400),
        (None, None, 400),
    ],
    ids=str,
)
def test_a_correction_that_cannot_be_is_refused(
    finance: ApiUser, act: str, operation_id: Any, reason: Any, status: int
) -> None:
    assert correct(finance, act, operation_id, reason=reason)[0] == status
    assert points() == 100


@pytest.mark.parametrize("act", ["reverse", "take-back", "adjust"])
def test_a_correction_needs_a_key(finance: ApiUser, act: str) -> None:
    answer = adjust(finance, "1", key="") if act == "adjust" else correct(finance, act, key="")

    assert (answer[0], error_of(answer)["code"]) == (400, "idempotency_key_needed")


@pytest.mark.parametrize(("amount", "after"), [("12.50", "112.50"), ("-12.50", "87.50"), (-100, "0.00")])
def test_an_adjustment_adds_or_takes(finance: ApiUser, amount: Any, after: str) -> None:
    status, done = adjust(finance, amount)

    assert (status, done["balance_after"]) == (201, after)
    assert Decimal(done["amount"]) == Decimal(str(amount))
    assert adjust(finance, amount) == (200, {**done, "is_replay": True})


def test_no_more_is_taken_than_there_is(finance: ApiUser) -> None:
    answer = adjust(finance, "-100.01")

    error = error_of(answer)
    assert (answer[0], error["code"], error["details"][0]["available"]) == (409, "insufficient_balance", "100.00")


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"amount": "0"}, 400),
        ({"amount": "0.001"}, 400),
        ({"amount": "1e400"}, 400),
        ({"amount": None}, 400),
        ({"currency": "EUR"}, 400),
        ({"currency": "TICKETS", "amount": "1.50"}, 422),
        ({"reason": ""}, 400),
        ({"player_id": "nobody"}, 404),
    ],
    ids=str,
)
def test_an_adjustment_that_cannot_be_is_refused(finance: ApiUser, change: dict[str, Any], status: int) -> None:
    assert adjust(finance, **{"amount": "1.00", **change})[0] == status
    assert points() == 100


@pytest.mark.parametrize("role", ["staff", "risk", "integrator"])
def test_who_grants_rewards_corrects_none(finance: ApiUser, role: str) -> None:
    user = ApiUser(User.objects.get(username=role))

    answers = [correct(user, "reverse"), correct(user, "take-back"), adjust(user, "1.00")]

    assert {answer[0] for answer in answers} == {403}
    assert points() == 100
