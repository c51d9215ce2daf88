"""Bets through the API: split, settled and voided once, however often they are told; refusals carry their figures."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from loyalty.tests import cast
from loyalty.tests.api import Answer, ApiUser, error_of
from wallet.bonuses import add_bonus_balance
from wallet.models import Bet, LedgerEntry, LoyaltyBalance, PostingRefusal

BET: dict[str, Any] = {
    "bet_id": "r1:b1",
    "player_id": "bob",
    "stake": "8.00",
    "real_available": "5.00",
    "game_category": "slots",
}


@pytest.fixture
def platform(db: None) -> ApiUser:
    user = cast.make_users()["Integrator"]
    cast.make_player("bob")
    return ApiUser(user)


def give_bonus(amount: str = "50.00", **terms: Any) -> int:
    """Give bob a bonus to be wagered ten times, and return its number."""
    given: dict[str, Any] = {"wagering_requirement": Decimal(10), "expiry": timedelta(hours=48), "key": "bonus"}
    posted = add_bonus_balance(player_id="bob", amount=amount, actor="tests", **(given | terms))
    assert posted.lot_id is not None
    return posted.lot_id


def place(user: ApiUser, **changes: Any) -> Answer:
    return user.post("/api/bets", {**BET, **changes})


def settle(user: ApiUser, payout: Any) -> Answer:
    return user.post("/api/bets/r1:b1/settle", {"payout": payout})


def void(user: ApiUser) -> Answer:
    return user.post("/api/bets/r1:b1/void", None)


def refusal(answer: Answer) -> tuple[int, str, dict[str, Any]]:
    error = error_of(answer)
    return answer[0], error["code"], error["details"][0]


def bonus_balance() -> str:
    return str(LoyaltyBalance.objects.get(player_id="bob").bonus_balance)


def test_a_bet_is_answered_with_its_split(platform: ApiUser) -> None:
    bonus_id = give_bonus()

    status, bet = place(platform)

    assert status == 201
    assert (bet["status"], bet["stake"], bet["real_stake"], bet["bonus_stake"]) == ("OPEN", "8.00", "5.00", "3.00")
    assert (bet["payout"], bet["real_payout"], bet["bonus_payout"], bet["closed_at"]) == (None, "0.00", "0.00", None)
    assert bet["bonuses"] == [
        {
            "bonus_id": bonus_id,
            "bonus_status": "ACTIVE",
            "amount": "3.00",
            "contribution": "3.00",
            "paid_back": "0.00",
            "converted": "0.00",
        }
    ]
    assert bonus_balance() == "47.00"


def test_the_same_bet_again_is_answered_with_the_first_split_and_takes_once(platform: ApiUser) -> None:
    give_bonus()
    _, first = place(platform)

    status, again = place(platform)

    assert (status, again) == (200, first)
    assert bonus_balance() == "47.00"


def test_the_time_of_a_bet_is_the_servers(platform: ApiUser) -> None:
    before = timezone.now()

    place(platform, stake="5.00")

    assert before <= Bet.objects.get().placed_at <= timezone.now()
    assert refusal(place(platform, placed_at="2020-01-01T00:00:00Z"))[2]["field"] == "placed_at"


@pytest.mark.parametrize(
    "change",
    [{"stake": "9.00"}, {"real_available": "6.00"}, {"game_category": "poker"}, {"player_id": "alice"}],
    ids=str,
)
def test_the_same_id_for_another_bet_is_refused(platform: ApiUser, change: dict[str, Any]) -> None:
    cast.make_player("alice")
    give_bonus()
    place(platform)

    status, code, details = refusal(place(platform, **change))

    assert (status, code, details["bet_id"]) == (409, "idempotency_key_reused", "r1:b1")
    assert Bet.objects.count() == 1


def test_a_bet_can_be_looked_up(platform: ApiUser) -> None:
    give_bonus()
    _, placed = place(platform)

    assert platform.get("/api/bets/r1:b1") == (200, placed)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [("GET", "", None), ("POST", "/settle", {"payout": "0"}), ("POST", "/void", None)],
)
def test_a_bet_nobody_placed_is_unknown(platform: ApiUser, method: str, path: str, body: Any) -> None:
    status, code, details = refusal(platform.send(method, f"/api/bets/nothing{path}", body))

    assert (status, code, details) == (404, "unknown_bet", {"bet_id": "nothing"})


def test_a_settled_bet_says_what_each_bonus_got(platform: ApiUser) -> None:
    give_bonus()
    place(platform)

    status, bet = settle(platform, "16.00")

    # Of 16.00, 3/8 were won by bonus money: 6.00, of which 3.00 go back to the bonus and the rest is real.
    assert (status, bet["status"], bet["payout"]) == (200, "SETTLED", "16.00")
    assert (bet["real_payout"], bet["bonus_payout"]) == ("13.00", "3.00")
    assert (bet["bonuses"][0]["paid_back"], bet["bonuses"][0]["converted"]) == ("3.00", "3.00")
    assert bonus_balance() == "50.00"


@pytest.mark.parametrize("payout", ["0", "0.00", 0])
def test_a_lost_bet_is_settled_with_zero(platform: ApiUser, payout: Any) -> None:
    give_bonus()
    place(platform)

    status, bet = settle(platform, payout)

    assert (status, bet["payout"], bet["real_payout"], bet["bonus_payout"]) == (200, "0.00", "0.00", "0.00")
    assert bonus_balance() == "47.00"


def test_a_bonus_played_away_has_ended_in_the_answer(platform: ApiUser) -> None:
    give_bonus("3.00")
    place(platform)

    _, bet = settle(platform, "0")

    assert bet["bonuses"][0]["bonus_status"] == "LOST"


def test_the_same_payout_again_is_answered_the_same_and_paid_once(platform: ApiUser) -> None:
    give_bonus()
    place(platform)
    first = settle(platform, "16.00")

    assert settle(platform, "16.00") == first
    assert LedgerEntry.objects.count() == 3


def test_another_payout_of_a_settled_bet_is_refused_with_the_first(platform: ApiUser) -> None:
    give_bonus()
    place(platform)
    settle(platform, "16.00")

    status, code, details = refusal(settle(platform, "17.00"))

    assert (status, code) == (409, "bet_closed")
    assert details == {"bet_id": "r1:b1", "status": "SETTLED", "payout": "16.00"}
    assert refusal(void(platform))[1] == "bet_closed"
    assert LedgerEntry.objects.count() == 3


def test_a_void_bet_gives_the_stake_back_once(platform: ApiUser) -> None:
    give_bonus()
    place(platform)

    first = void(platform)

    assert (first[0], first[1]["status"]) == (200, "VOID")
    assert (first[1]["real_payout"], first[1]["bonus_payout"]) == ("5.00", "3.00")
    assert void(platform) == first
    assert bonus_balance() == "50.00"


@pytest.mark.parametrize("payout", ["-1", "abc", "", "0.001", 0.001, "NaN", None, True, [], {}], ids=str)
def test_a_payout_that_is_none_is_refused(platform: ApiUser, payout: Any) -> None:
    give_bonus()
    place(platform)

    status, _, details = refusal(settle(platform, payout))

    assert (status, details["field"]) == (400, "payout")
    assert Bet.objects.get().status == "OPEN"


def test_a_stake_above_a_bonuss_largest_bet_is_refused_with_both_figures(platform: ApiUser) -> None:
    bonus_id = give_bonus(max_bet=Decimal("7.00"))

    status, code, details = refusal(place(platform))

    assert (status, code) == (409, "max_bet_exceeded")
    assert details == {"stake": "8.00", "max_bet": "7.00", "bonus_id": bonus_id}


def test_a_game_that_the_bonus_may_not_be_played_in_is_refused_with_those_it_may(platform: ApiUser) -> None:
    give_bonus(eligible_games=["slots"])

    status, code, details = refusal(place(platform, game_category="roulette"))

    assert (status, code) == (409, "game_not_eligible")
    assert details == {"game_category": "roulette", "eligible_games": ["slots"]}


def test_a_stake_that_nobody_can_pay_is_refused_with_what_there_is(platform: ApiUser) -> None:
    give_bonus("2.00")

    status, code, details = refusal(place(platform))

    assert (status, code) == (409, "insufficient_funds")
    assert details == {"stake": "8.00", "real_available": "5.00", "bonus_available": "2.00", "order": "REAL_FIRST"}
    assert not Bet.objects.exists()


def test_a_self_excluded_player_bets_nothing_and_the_refusal_is_kept(platform: ApiUser) -> None:
    cast.make_carol()

    status, code, details = refusal(place(platform, player_id="carol"))

    assert (status, code, details["restriction"]) == (409, "player_restricted", "SELF_EXCLUDED")
    assert PostingRefusal.objects.get().player_id == "carol"
    assert not Bet.objects.exists()


@pytest.mark.parametrize(
    ("change", "status", "field"),
    [
        ({"stake": "0"}, 400, "stake"),
        ({"stake": "-1"}, 400, "stake"),
        ({"stake": 1.005}, 400, "stake"),
        ({"real_available": "-1"}, 400, "real_available"),
        ({"real_available": None}, 400, "real_available"),
        ({"game_category": "chess"}, 422, "game_category"),
        ({"bet_id": ""}, 400, "bet_id"),
        ({"bet_id": "a/b"}, 400, "bet_id"),
        ({"bet_id": ".."}, 400, "bet_id"),
        ({"bet_id": "x" * 101}, 400, "bet_id"),
        ({"bet_id": 7}, 400, "bet_id"),
        ({"player_id": "bo\x00b"}, 400, ""),
        ({"payout": "5"}, 400, "payout"),
    ],
    ids=str,
)
def test_a_bet_that_cannot_be_is_refused(platform: ApiUser, change: dict[str, Any], status: int, field: str) -> None:
    answer = place(platform, **change)

    details = error_of(answer)["details"]
    assert answer[0] == status, answer
    assert not field or details[0]["field"] == field
    assert not Bet.objects.exists()


def test_a_player_nobody_knows_bets_nothing(platform: ApiUser) -> None:
    answer = place(platform, player_id="nobody")

    assert (answer[0], error_of(answer)["code"]) == (404, "not_found")


def test_voiding_takes_no_body(platform: ApiUser) -> None:
    place(platform, stake="5.00")

    answer = platform.post("/api/bets/r1:b1/void", {"reason": "typo"})

    assert (answer[0], error_of(answer)["details"][0]["field"]) == (400, "reason")
    assert Bet.objects.get().status == "OPEN"
