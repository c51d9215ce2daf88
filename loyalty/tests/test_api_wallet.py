"""Balances, bonuses, spending, withdrawals and actions through the API."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from core.models import PolicyValue
from loyalty.tests import cast
from loyalty.tests.api import Answer, ApiUser, error_of
from players.models import Player
from players.tests.factories import restrict
from wallet.bonuses import add_bonus_balance
from wallet.holdings import holdings_of
from wallet.models import LedgerEntry, Lot, LoyaltyBalance, PostingRefusal
from wallet.points import add_loyalty_points

SPEND: dict[str, Any] = {"player_id": "alice", "currency": "LP", "amount": "40.00", "description": "Mug"}


@pytest.fixture
def platform(db: None) -> ApiUser:
    user = cast.make_users()["Integrator"]
    cast.make_alice()
    return ApiUser(user)


def give_bonus(amount: str = "50.00", *, key: str = "bonus", player_id: str = "alice", **terms: Any) -> int:
    """Give a bonus to be wagered ten times within 48 hours, and return its number."""
    given: dict[str, Any] = {"wagering_requirement": Decimal(10), "expiry": timedelta(hours=48)}
    posted = add_bonus_balance(player_id=player_id, amount=amount, key=key, actor="tests", **(given | terms))
    assert posted.lot_id is not None
    return posted.lot_id


def balances(user: ApiUser, player_id: str = "alice") -> dict[str, tuple[str, str, str]]:
    """Return balance, spendable and pending by currency."""
    status, body = user.get(f"/api/players/{player_id}/balance")
    assert status == 200, body
    return {one["currency"]: (one["balance"], one["spendable"], one["pending"]) for one in body["balances"]}


def bonuses(user: ApiUser, query: str = "") -> list[dict[str, Any]]:
    status, body = user.get(f"/api/players/alice/bonuses{query}")
    assert status == 200, body
    results: list[dict[str, Any]] = body["results"]
    return results


def claim(user: ApiUser, bonus_id: int, player_id: str = "alice") -> Answer:
    return user.post(f"/api/players/{player_id}/bonuses/{bonus_id}/claim", None)


def cancel(user: ApiUser, bonus_id: int, *, key: str = "cancel", reason: Any = "Given by mistake") -> Answer:
    return user.post(f"/api/players/alice/bonuses/{bonus_id}/cancel", {"reason": reason}, Idempotency_Key=key)


def deduct(user: ApiUser, *, key: str = "spend", **changes: Any) -> Answer:
    return user.post("/api/wallet/deduct", {**SPEND, **changes}, Idempotency_Key=key)


def test_balances_show_what_is_spendable_and_what_waits(platform: ApiUser) -> None:
    give_bonus("50.00")
    give_bonus("20.00", key="next")

    assert balances(platform) == {
        "LP": ("100.00", "100.00", "0.00"),
        "RP": ("0.00", "0.00", "0.00"),
        "BONUS": ("70.00", "50.00", "20.00"),
        "TICKETS": ("0.00", "0.00", "0.00"),
    }


def test_a_pending_credit_whose_date_has_come_is_spendable_before_any_night(platform: ApiUser) -> None:
    now = timezone.now()
    give_bonus("50.00", available_at=now + timedelta(hours=1))

    held = {one.currency: one for one in holdings_of("alice", at=now + timedelta(hours=2))}

    assert balances(platform)["BONUS"] == ("50.00", "0.00", "50.00")
    assert (str(held["BONUS"].spendable), str(held["BONUS"].pending)) == ("50.00", "0.00")


def test_what_is_past_its_time_is_neither_spendable_nor_pending(platform: ApiUser) -> None:
    give_bonus("50.00")

    held = {one.currency: one for one in holdings_of("alice", at=timezone.now() + timedelta(hours=49))}

    bonus = held["BONUS"]
    assert (str(bonus.balance), str(bonus.spendable), str(bonus.pending)) == ("50.00", "0.00", "0.00")


def test_balances_are_read_in_one_query(platform: ApiUser, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    give_bonus("50.00")

    with django_assert_num_queries(1):
        holdings_of("alice", at=timezone.now())


def test_a_player_without_credits_holds_nothing(platform: ApiUser) -> None:
    cast.make_player("bob")

    assert set(balances(platform, "bob").values()) == {("0.00", "0.00", "0.00")}


@pytest.mark.parametrize("path", ["balance", "bonuses"])
def test_a_player_nobody_knows_has_no_wallet(platform: ApiUser, path: str) -> None:
    answer = platform.get(f"/api/players/nobody/{path}")

    assert (answer[0], error_of(answer)["code"]) == (404, "not_found")


def test_open_bonuses_come_first_with_their_progress_and_limits(platform: ApiUser) -> None:
    ended = give_bonus("5.00", key="a")
    active = give_bonus("50.00", key="b", max_bet=Decimal(5), max_conversion=Decimal(80), eligible_games=["slots"])
    cancel(platform, ended)
    Lot.objects.filter(pk=active).update(wagering_completed=Decimal("33.33"))

    first, second = bonuses(platform)

    assert (first["bonus_id"], first["status"], first["progress_percent"]) == (active, "ACTIVE", "6.66")
    assert (first["max_bet"], first["max_conversion"], first["eligible_games"]) == ("5.00", "80.00", ["slots"])
    assert (second["bonus_id"], second["status"], second["end_reason"]) == (ended, "CANCELLED", "Given by mistake")


def test_a_bonus_says_what_it_waits_for(platform: ApiUser) -> None:
    tomorrow = timezone.now() + timedelta(days=1)
    give_bonus(key="active")
    give_bonus(key="turn")
    give_bonus(key="claim", claim_within=timedelta(hours=24))
    give_bonus(key="action", awaits="KYC_COMPLETE")
    give_bonus(key="date", available_at=tomorrow)

    found = bonuses(platform)[::-1]

    assert [one["waits_for"] for one in found] == [None, "TURN", "CLAIM", "KYC_COMPLETE", "DATE"]
    assert [one["claim_until"] is not None for one in found] == [False, False, True, False, False]
    assert [one["expires_at"] is not None for one in found] == [True, False, False, False, False]


def test_bonuses_are_filtered_by_status_and_paged(platform: ApiUser) -> None:
    active, pending = give_bonus(key="a"), give_bonus(key="b")

    assert [one["bonus_id"] for one in bonuses(platform, "?status=PENDING")] == [pending]
    status, page = platform.get("/api/players/alice/bonuses?page=2&page_size=1")
    assert (status, page["count"], [one["bonus_id"] for one in page["results"]]) == (200, 2, [active])
    assert platform.get("/api/players/alice/bonuses?status=OPEN")[0] == 400


def test_a_list_of_bonuses_costs_the_same_for_one_and_for_many(
    platform: ApiUser, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(12):
        give_bonus(key=f"bonus:{number}")

    with django_assert_max_num_queries(8):
        assert len(bonuses(platform)) == 12


def test_a_claimed_bonus_is_active(platform: ApiUser) -> None:
    bonus_id = give_bonus(claim_within=timedelta(hours=24))

    status, bonus = claim(platform, bonus_id)

    assert (status, bonus["status"], bonus["waits_for"], bonus["claim_until"]) == (200, "ACTIVE", None, None)


def test_a_bonus_is_claimed_once_and_by_its_player(platform: ApiUser) -> None:
    cast.make_player("bob")
    bonus_id = give_bonus(claim_within=timedelta(hours=24))

    assert claim(platform, bonus_id, "bob")[0] == 404
    claim(platform, bonus_id)
    again = claim(platform, bonus_id)

    assert (again[0], error_of(again)["code"]) == (409, "bonus_not_claimable")
    assert error_of(again)["details"][0]["status"] == "ACTIVE"


def test_a_number_that_no_table_could_hold_is_not_found(platform: ApiUser) -> None:
    assert claim(platform, 10**30)[0] == 404


def test_a_self_excluded_player_claims_nothing_and_the_refusal_is_kept(platform: ApiUser) -> None:
    bonus_id = give_bonus(claim_within=timedelta(hours=24))
    restrict(Player.objects.get(pk="alice"), "SELF_EXCLUDED")

    answer = claim(platform, bonus_id)

    assert (answer[0], error_of(answer)["code"]) == (409, "player_restricted")
    assert PostingRefusal.objects.get().operation_key == f"claim:{bonus_id}"


def test_a_cancelled_bonus_leaves_the_balance_and_says_why(platform: ApiUser) -> None:
    bonus_id = give_bonus()

    status, bonus = cancel(platform, bonus_id)

    assert (status, bonus["status"], bonus["end_reason"]) == (200, "CANCELLED", "Given by mistake")
    assert balances(platform)["BONUS"] == ("0.00", "0.00", "0.00")
    assert LedgerEntry.objects.latest("number").actor == "integrator"


def test_cancelling_again_with_the_same_key_is_answered_the_same(platform: ApiUser) -> None:
    bonus_id = give_bonus()
    first = cancel(platform, bonus_id)

    assert cancel(platform, bonus_id) == first
    assert error_of(cancel(platform, bonus_id, reason="Other"))["code"] == "idempotency_key_reused"
    assert error_of(cancel(platform, bonus_id, key="new"))["code"] == "bonus_ended"


@pytest.mark.parametrize("reason", ["", " ", None, 7, "x" * 201, "a\x00b"], ids=str)
def test_cancelling_needs_a_reason(platform: ApiUser, reason: Any) -> None:
    bonus_id = give_bonus()

    answer = cancel(platform, bonus_id, reason=reason)

    assert answer[0] == 400
    assert Lot.objects.get(pk=bonus_id).status == "ACTIVE"


def test_cancelling_needs_a_key(platform: ApiUser) -> None:
    answer = cancel(platform, give_bonus(), key="")

    assert (answer[0], error_of(answer)["code"]) == (400, "idempotency_key_needed")


def test_points_are_spent_once_per_key(platform: ApiUser) -> None:
    status, spent = deduct(platform)

    assert (status, spent["amount"], spent["balance_after"], spent["lot_id"]) == (201, "-40.00", "60.00", None)
    assert deduct(platform) == (200, {**spent, "is_replay": True})
    assert error_of(deduct(platform, amount="41.00"))["code"] == "idempotency_key_reused"
    assert balances(platform)["LP"][0] == "60.00"


def test_more_than_there_is_cannot_be_spent(platform: ApiUser) -> None:
    answer = deduct(platform, amount="100.01")

    error = error_of(answer)
    assert (answer[0], error["code"], error["details"][0]["available"]) == (409, "insufficient_balance", "100.00")


def test_bonus_money_is_spent_by_bets_alone(platform: ApiUser) -> None:
    give_bonus()

    answer = deduct(platform, currency="BONUS")

    assert answer[0] == 400
    assert "bonus money is spent by bets" in error_of(answer)["message"]
    assert balances(platform)["BONUS"][0] == "50.00"


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"amount": "0"}, 400),
        ({"amount": "-5"}, 400),
        ({"currency": "EUR"}, 400),
        ({"currency": None}, 400),
        ({"currency": "TICKETS", "amount": "1.50"}, 422),
        ({"player_id": "nobody"}, 404),
        ({"reason": "x"}, 400),
    ],
    ids=str,
)
def test_a_spend_that_cannot_be_is_refused(platform: ApiUser, change: dict[str, Any], status: int) -> None:
    assert deduct(platform, **change)[0] == status
    assert LedgerEntry.objects.count() == 1


def withdraw(user: ApiUser, withdrawal_id: Any = "w-1", player_id: str = "alice") -> Answer:
    return user.post("/api/wallet/withdrawals", {"player_id": player_id, "withdrawal_id": withdrawal_id})


def test_a_withdrawal_leaves_bonuses_alone_by_default(platform: ApiUser) -> None:
    give_bonus()

    assert withdraw(platform) == (200, {"player_id": "alice", "withdrawal_id": "w-1", "forfeited": []})


def test_a_withdrawal_names_the_bonuses_it_has_ended_however_often_it_is_told(platform: ApiUser) -> None:
    PolicyValue.objects.create(name="FORFEIT_BONUS_ON_WITHDRAWAL", value="True")
    bonus_id = give_bonus()

    status, body = withdraw(platform)

    assert status == 200
    assert [(one["bonus_id"], one["status"]) for one in body["forfeited"]] == [(bonus_id, "FORFEITED")]
    assert withdraw(platform) == (200, body)
    assert balances(platform)["BONUS"] == ("0.00", "0.00", "0.00")


def test_a_withdrawal_of_one_player_is_not_anothers(platform: ApiUser) -> None:
    PolicyValue.objects.create(name="FORFEIT_BONUS_ON_WITHDRAWAL", value="True")
    cast.make_player("bob")
    give_bonus()
    give_bonus(key="bobs", player_id="bob")
    withdraw(platform)

    answer = withdraw(platform, player_id="bob")

    assert (answer[0], error_of(answer)["code"]) == (409, "idempotency_key_reused")
    assert LoyaltyBalance.objects.get(player_id="bob").bonus_balance == 50


@pytest.mark.parametrize("withdrawal_id", ["", None, 5, "x" * 101])
def test_a_withdrawal_needs_its_id(platform: ApiUser, withdrawal_id: Any) -> None:
    assert withdraw(platform, withdrawal_id)[0] == 400


def act(platform: ApiUser, **change: Any) -> tuple[int, Any]:
    told = {
        "player_id": "alice",
        "action": "KYC_COMPLETE",
        "event_id": "kyc-1",
        "occurred_at": timezone.now().isoformat(),
    }
    return platform.post("/api/actions", {**told, **change})


def test_an_action_lets_the_credits_go_that_wait_for_it(platform: ApiUser) -> None:
    give_bonus(awaits="KYC_COMPLETE")

    status, body = act(platform)

    assert (status, body["credits_released"]) == (201, 1)
    assert balances(platform)["BONUS"] == ("50.00", "50.00", "0.00")


def test_an_action_nobody_waits_for_lets_nothing_go(platform: ApiUser) -> None:
    assert act(platform, action="FIRST_DEPOSIT")[1]["credits_released"] == 0


@pytest.mark.parametrize(
    ("change", "status"),
    [({"action": "CLAIM"}, 422), ({"action": ""}, 400), ({"action": "kyc"}, 400), ({"player_id": "nobody"}, 404)],
    ids=str,
)
def test_an_action_that_cannot_be_is_refused(platform: ApiUser, change: dict[str, Any], status: int) -> None:
    give_bonus(claim_within=timedelta(hours=24))

    answer = act(platform, **change)

    assert answer[0] == status
    assert Lot.objects.get(currency_type="BONUS").status == "PENDING"


def test_points_of_two_players_are_told_apart(platform: ApiUser) -> None:
    cast.make_player("bob")
    add_loyalty_points(player_id="bob", amount="7.00", source="Play", key="bob:lp", actor="tests")

    assert (balances(platform)["LP"][0], balances(platform, "bob")["LP"][0]) == ("100.00", "7.00")
