"""The redemption catalogue and tickets through the API: once per key, refused with a reason, never to the excluded."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext

from loyalty.tests import cast
from loyalty.tests.api import ApiUser, error_of
from players.models import Player
from rewards.models import RedemptionOption, RedemptionOrder
from wallet.ledger import post_operation
from wallet.models import LedgerEntry, LoyaltyBalance, Operation, PostingRefusal
from wallet.points import add_loyalty_points
from wallet.postings import credit_posting

ORDERS = "/api/redemption/orders"


@pytest.fixture
def integrator(db: None) -> ApiUser:
    """Return an integrator; alice has 100.00 LP, and an option costs 50.00."""
    user = cast.make_users()["Integrator"]
    cast.make_alice()
    cast.make_option()
    return ApiUser(user)


def order(user: ApiUser, *, key: str = "first", **changes: Any) -> tuple[int, Any]:
    return user.post(ORDERS, {"player_id": "alice", "option_code": "BONUS_10", **changes}, Idempotency_Key=key)


def cancel(user: ApiUser, order_id: int, *, key: str = "cancel", **body: Any) -> tuple[int, Any]:
    return user.post(f"{ORDERS}/{order_id}/cancel", body or {"reason": "Changed her mind"}, Idempotency_Key=key)


def fulfil(user: ApiUser, order_id: int, **body: Any) -> tuple[int, Any]:
    return user.post(f"{ORDERS}/{order_id}/fulfil", body or {"note": "Voucher 17"})


def points() -> str:
    return str(LoyaltyBalance.objects.get(player_id="alice").lp_balance)


def test_the_catalogue_lists_what_is_on_sale(integrator: ApiUser) -> None:
    cast.make_option("OFF", is_active=False)
    cast.make_option("FEW", stock=3)

    status, options = integrator.get("/api/redemption/options")

    assert (status, [option["code"] for option in options]) == (200, ["BONUS_10", "FEW"])
    assert (options[0]["cost"], options[0]["cost_currency"], options[0]["stock_left"]) == ("50.00", "LP", None)
    assert (options[1]["stock_left"], "can_order" in options[1]) == (3, False)


def test_for_a_player_it_says_what_can_be_ordered_and_why_not_the_rest(integrator: ApiUser) -> None:
    cast.make_option("DEAR", cost=Decimal(500), minimum_tier_id="GOLD")

    _, options = integrator.get("/api/redemption/options?player_id=alice")

    ten, dear = options
    assert (ten["can_order"], ten["is_affordable"], ten["reasons"]) == (True, True, [])
    assert (dear["can_order"], dear["is_affordable"], dear["minimum_tier"]) == (False, False, "GOLD")
    assert [reason["code"] for reason in dear["reasons"]] == ["tier_too_low", "insufficient_balance"]
    assert dear["reasons"][1]["message"] == "player alice can spend 100.00 LP, 500.00 is needed"


def test_an_order_is_answered_with_what_was_paid_and_given(integrator: ApiUser) -> None:
    status, done = order(integrator)

    assert (status, done["status"], done["is_replay"]) == (201, "FULFILLED", False)
    assert (done["cost"], done["cost_currency"], done["gives"], done["amount"]) == ("50.00", "LP", "BONUS", "10.00")
    assert (done["option_code"], done["player_id"], done["ordered_by"]) == ("BONUS_10", "alice", "integrator")
    assert done["operation_id"] == RedemptionOrder.objects.get(pk=done["id"]).operation_id
    assert points() == "50.00"


def test_the_same_key_and_body_again_answer_the_first_order(integrator: ApiUser) -> None:
    _, first = order(integrator)

    status, again = order(integrator)

    assert (status, again) == (200, {**first, "is_replay": True})
    assert points() == "50.00"


def test_the_same_key_with_another_body_is_refused(integrator: ApiUser) -> None:
    cast.make_option("OTHER")
    order(integrator)

    answer = order(integrator, option_code="OTHER")

    assert (answer[0], error_of(answer)["code"]) == (409, "idempotency_key_reused")
    assert points() == "50.00"


def test_two_users_may_use_the_same_key(integrator: ApiUser) -> None:
    order(integrator)

    status, _ = order(ApiUser(User.objects.get(username="staff")))

    assert (status, points()) == (201, "0.00")


def test_without_a_key_no_money_moves(integrator: ApiUser) -> None:
    _, done = order(integrator)
    before = Operation.objects.count()

    answers = [
        order(integrator, key=""),
        cancel(integrator, done["id"], key=""),
        integrator.post("/api/wallet/use-tickets", {"player_id": "alice", "tickets": 1, "event_reference": "E"}),
    ]

    assert [(answer[0], error_of(answer)["code"]) for answer in answers] == [(400, "idempotency_key_needed")] * 3
    assert Operation.objects.count() == before


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"is_active": False}, "option_inactive"),
        ({"stock": 0}, "out_of_stock"),
        ({"minimum_tier_id": "GOLD"}, "tier_too_low"),
        ({"cost": "100.01"}, "insufficient_balance"),
        ({"valid_until": cast.AT}, "option_not_on_sale"),
    ],
)
def test_an_order_that_is_refused_says_why_and_changes_nothing(
    integrator: ApiUser, change: dict[str, Any], code: str
) -> None:
    RedemptionOption.objects.update(**change)

    answer = order(integrator)

    assert (answer[0], error_of(answer)["code"]) == (409, code)
    assert not RedemptionOrder.objects.exists()
    assert points() == "100.00"


def test_a_self_excluded_player_orders_nothing_and_the_refusal_is_kept(integrator: ApiUser) -> None:
    carol = cast.make_carol()
    Player.objects.filter(pk=carol.pk).update(tier="BRONZE")
    give(currency="LP", amount=100)

    answer = order(integrator, player_id="carol")

    assert (answer[0], error_of(answer)["code"]) == (409, "player_restricted")
    assert PostingRefusal.objects.get().player_id == "carol"
    assert not RedemptionOrder.objects.exists()


def give(*, currency: str, amount: int, player_id: str = "carol") -> None:
    """Credit what even a restricted player may get: something that is given back."""
    posting = credit_posting(
        key=f"give:{player_id}:{currency}",
        kind="TEST",
        player_id=player_id,
        currency=currency,
        amount=Decimal(amount),
        on=cast.ON,
        purpose="REFUND",
    )
    post_operation([posting], actor="tests")


@pytest.mark.parametrize(
    ("change", "status", "field"),
    [
        ({"player_id": 7}, 400, "player_id"),
        ({"option_code": ""}, 400, "option_code"),
        ({"option_code": "x" * 61}, 400, "option_code"),
        ({"option_kode": "BONUS_10"}, 400, "option_kode"),
        ({"option_code": "NOTHING"}, 404, ""),
        ({"player_id": "nobody"}, 404, ""),
    ],
)
def test_a_body_that_cannot_be_is_refused(integrator: ApiUser, change: dict[str, Any], status: int, field: str) -> None:
    answer = order(integrator, **change)

    assert answer[0] == status
    assert not field or error_of(answer)["details"][0]["field"] == field
    assert points() == "100.00"


def test_a_cancelled_order_is_refunded_once(integrator: ApiUser) -> None:
    _, done = order(integrator)

    status, cancelled = cancel(integrator, done["id"])
    _, again = cancel(integrator, done["id"])
    second = cancel(integrator, done["id"], key="another")

    assert (status, cancelled["status"], cancelled["cancel_reason"]) == (200, "CANCELLED", "Changed her mind")
    assert again == {**cancelled, "is_replay": True}
    assert (second[0], error_of(second)["code"]) == (409, "order_status")
    assert points() == "100.00"


@pytest.mark.parametrize("body", [{"reason": ""}, {"reason": "x" * 201}, {"reason": 7}, {"why": "r"}])
def test_a_cancellation_needs_a_reason(integrator: ApiUser, body: dict[str, Any]) -> None:
    _, done = order(integrator)

    answer = cancel(integrator, done["id"], **body)

    assert answer[0] == 400
    assert points() == "50.00"


def test_a_benefit_is_fulfilled_once_and_then_not_refunded(integrator: ApiUser) -> None:
    dinner = cast.make_dinner_order()

    status, done = fulfil(integrator, dinner.pk)
    again, refund = fulfil(integrator, dinner.pk), cancel(integrator, dinner.pk)

    assert (status, done["status"], done["fulfilment_note"]) == (200, "FULFILLED", "Voucher 17")
    assert done["fulfilled_by"] == "integrator"
    assert [(answer[0], error_of(answer)["code"]) for answer in (again, refund)] == [(409, "order_status")] * 2
    assert points() == "95.00"


@pytest.mark.parametrize("body", [{"note": ""}, {"note": "x" * 501}, {"note": None}, {"text": "n"}])
def test_a_fulfilment_needs_a_note(integrator: ApiUser, body: dict[str, Any]) -> None:
    dinner = cast.make_dinner_order()

    assert fulfil(integrator, dinner.pk, **body)[0] == 400
    assert RedemptionOrder.objects.get().status == "ORDERED"


def test_an_order_nobody_knows_is_not_found(integrator: ApiUser) -> None:
    assert [cancel(integrator, 999)[0], fulfil(integrator, 999)[0]] == [404, 404]


def test_orders_are_listed_with_filters_the_newest_first(integrator: ApiUser) -> None:
    order(integrator)
    cast.make_dinner_order()
    add_loyalty_points(player_id=cast.make_player("bob").pk, amount=9, source="s", key="bob", actor="tests")
    cast.make_dinner_order("bob", key="bob's dinner")

    def found(query: str) -> list[str]:
        status, page = integrator.get(f"{ORDERS}?{query}")
        assert status == 200, page
        return [f"{row['player_id']} {row['option_code']}" for row in page["results"]]

    assert found("") == ["bob DINNER", "alice DINNER", "alice BONUS_10"]
    assert found("player_id=alice&status=ORDERED") == ["alice DINNER"]
    assert found("option_code=BONUS_10") == ["alice BONUS_10"]
    assert found("ordered_until=2026-01-01T00:00:00Z") == []
    assert len(found("ordered_from=2026-01-01T00:00:00Z")) == 3
    assert integrator.get(f"{ORDERS}?status=LOST")[0] == 400


def test_more_orders_cost_no_more_queries(integrator: ApiUser) -> None:
    cast.make_dinner_order()
    with CaptureQueriesContext(connection) as few:
        integrator.get(ORDERS)
    for number in range(5):
        cast.make_dinner_order(key=f"dinner {number}")

    with CaptureQueriesContext(connection) as many:
        assert integrator.get(ORDERS)[1]["count"] == 6

    assert len(many) == len(few)


def use(user: ApiUser, *, key: str = "use", **changes: Any) -> tuple[int, Any]:
    body = {"player_id": "alice", "tickets": 2, "event_reference": "FRIDAY-POKER", **changes}
    return user.post("/api/wallet/use-tickets", body, Idempotency_Key=key)


def test_tickets_are_used_for_an_event_once_per_key(integrator: ApiUser) -> None:
    give(currency="TICKETS", amount=5, player_id="alice")

    status, done = use(integrator)
    replayed, again = use(integrator)

    assert (status, done["tickets"], done["tickets_before"], done["tickets_after"]) == (201, 2, 5, 3)
    assert (replayed, again) == (200, {**done, "is_replay": True})
    entry = LedgerEntry.objects.get(pk=done["transaction_id"])
    assert (entry.reference_id, entry.transaction_type) == ("FRIDAY-POKER", "TICKETS_USED")


def test_the_same_key_for_another_event_is_refused(integrator: ApiUser) -> None:
    give(currency="TICKETS", amount=5, player_id="alice")
    use(integrator)

    answer = use(integrator, event_reference="SATURDAY-POKER")

    assert (answer[0], error_of(answer)["code"]) == (409, "idempotency_key_reused")


def test_more_tickets_than_there_are_are_refused(integrator: ApiUser) -> None:
    give(currency="TICKETS", amount=1, player_id="alice")

    answer = use(integrator)

    assert (answer[0], error_of(answer)["code"]) == (409, "insufficient_balance")
    assert error_of(answer)["details"][0]["available"] == "1.00"


def test_a_self_excluded_player_enters_no_event(integrator: ApiUser) -> None:
    cast.make_carol()
    give(currency="TICKETS", amount=5)

    answer = use(integrator, player_id="carol")

    assert (answer[0], error_of(answer)["code"]) == (409, "player_restricted")
    assert LoyaltyBalance.objects.get(player_id="carol").tickets_balance == 5


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"tickets": 0}, "tickets"),
        ({"tickets": "2"}, "tickets"),
        ({"tickets": 1.5}, "tickets"),
        ({"tickets": True}, "tickets"),
        ({"event_reference": ""}, "event_reference"),
        ({"event_reference": "x" * 101}, "event_reference"),
        ({"event": "E"}, "event"),
    ],
    ids=str,
)
def test_a_use_that_cannot_be_is_refused(integrator: ApiUser, change: dict[str, Any], field: str) -> None:
    answer = use(integrator, **change)

    assert (answer[0], error_of(answer)["details"][0]["field"]) == (400, field)
