"""A batch of events across the floors: wagering progress, live rules, points of restricted players; and in the API."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from loyalty.activity import ActivityOutcome, take_activity
from loyalty.tests import cast
from loyalty.tests.api import ApiUser, error_of
from players.models import Activity, CreditRequirement, GameCategory, Player, PlayerDay, PlayerMetrics, SourceChange
from rewards.models import RewardDecision
from safety.models import AbuseSignal, Detector
from wallet.bets import place_bet, settle_bet
from wallet.bonuses import add_bonus_balance
from wallet.models import BonusStatus, Lot, LoyaltyBalance, PostingRefusal
from wallet.play import flush_points

pytestmark = pytest.mark.django_db


def minutes_ago(minutes: int) -> str:
    return (timezone.now() - timedelta(minutes=minutes)).isoformat()


def event(kind: str, external_id: str, player_id: str = "alice", **fields: Any) -> dict[str, Any]:
    return {
        "kind": kind,
        "external_id": external_id,
        "player_id": player_id,
        "occurred_at": timezone.now().isoformat(),
        **fields,
    }


def wager(external_id: str, amount: str = "10.00", **fields: Any) -> dict[str, Any]:
    return event("WAGER", external_id, amount=amount, **{"game_category": "slots", **fields})


def take(*events: dict[str, Any]) -> ActivityOutcome:
    return take_activity(source="platform", events=list(events))


def give_bonus(player_id: str = "alice", **terms: Any) -> Lot:
    given: dict[str, Any] = {
        "amount": "10.00",
        "wagering_requirement": Decimal(4),
        "expiry": timedelta(hours=48),
        "wagering_basis": "DEPOSIT_AND_BONUS",
    }
    key = f"bonus:{Lot.objects.count()}"
    add_bonus_balance(player_id=player_id, key=key, actor="tests", **{**given, **terms})
    return Lot.objects.order_by("-pk")[0]


def progress(bonus: Lot) -> Decimal:
    counted: Decimal = Lot.objects.get(pk=bonus.pk).wagering_completed
    return counted


def test_reported_bets_count_towards_the_requirement_by_their_games_weight() -> None:
    cast.make_player("alice")
    bonus = give_bonus()
    weight = {"slots": Decimal(1), "blackjack": Decimal("0.1")}
    for code, share in weight.items():
        GameCategory.objects.filter(code=code).update(contribution_weight=share)

    outcome = take(wager("w1", "10.00"), wager("w2", "20.00", game_category="blackjack"))

    assert (outcome.bonuses_moved, progress(bonus)) == (1, Decimal("12.00"))


def test_a_requirement_that_reported_bets_meet_completes_the_bonus() -> None:
    cast.make_player("alice")
    bonus = give_bonus()

    take(*[wager(f"w{number}") for number in range(5)])

    stored = Lot.objects.get(pk=bonus.pk)
    assert (stored.status, stored.wagering_completed) == (BonusStatus.COMPLETED, Decimal("40.00"))


def test_of_a_bonus_on_its_own_basis_only_what_bonus_money_paid_counts() -> None:
    cast.make_player("alice")
    bonus = give_bonus(wagering_basis="BONUS")

    take(wager("w1", "10.00", bonus_amount="4.00"), wager("w2", "10.00"))

    assert progress(bonus) == Decimal("4.00")


def test_games_that_are_not_eligible_and_bets_from_before_the_bonus_count_nothing() -> None:
    cast.make_player("alice")
    bonus = give_bonus(eligible_games=["slots"])

    take(wager("w1", game_category="roulette"), wager("w2", occurred_at=minutes_ago(5)))

    assert progress(bonus) == 0


def test_a_bet_that_was_placed_here_counts_once_although_it_is_reported_too() -> None:
    cast.make_player("alice")
    bonus = give_bonus()
    place_bet(bet_id="bet-1", player_id="alice", stake=5, real_available=5, category="slots", actor="tests")
    settle_bet(bet_id="bet-1", payout=0, actor="tests")
    assert progress(bonus) == Decimal("5.00")

    outcome = take(wager("w1", "5.00", bet_id="bet-1"), wager("w2", "3.00", bet_id="bet-2"))

    assert (outcome.recorded.stored, progress(bonus)) == (2, Decimal("8.00"))


def test_a_batch_that_is_sent_again_counts_no_bet_a_second_time() -> None:
    cast.make_player("alice")
    bonus = give_bonus()
    bets = [wager("w1", occurred_at=timezone.now().isoformat())]
    take(*bets)

    again = take(*bets)

    assert (again.recorded.repeated, again.bonuses_moved, progress(bonus)) == (1, 0, Decimal("10.00"))


def test_points_of_a_restricted_players_play_are_refused_with_evidence() -> None:
    cast.make_carol()

    take(wager("w1", "100.00", player_id="carol"))
    flush_points(player_id="carol", at=timezone.now())

    day: Any = PlayerDay.objects.get(player="carol")
    assert (day.wagered, day.lp_due, day.lp_posted, day.lp_refused) == (100, 10, 0, 10)
    assert PostingRefusal.objects.get().player_id == "carol"
    assert not LoyaltyBalance.objects.filter(player="carol", lp_balance__gt=0).exists()


def make_deposit_rule() -> None:
    cast.make_rule(
        "DEPOSIT_LP",
        is_live=True,
        trigger="DEPOSIT",
        conditions={"total_deposited_min": 1},
        reward_config={"type": "LOYALTY_POINTS", "amount": 20},
    )


def test_a_reported_deposit_sets_off_the_rule_that_waits_for_it_once() -> None:
    cast.make_player("alice")
    make_deposit_rule()
    deposit = event("DEPOSIT", "d1", amount="50.00")

    first = take(deposit, wager("w1"))
    take(deposit)

    assert first.live["APPROVED"] == 1
    assert RewardDecision.objects.get().occasion == "event:platform:d1"
    assert LoyaltyBalance.objects.get(player="alice").lp_balance == Decimal("20.00")


def hours_ago(hours: int) -> datetime:
    return timezone.now() - timedelta(hours=hours)


def withdraw_after_bonuses(player_id: str) -> None:
    """Let a player have withdrawn after two of three bonuses, the third of them given three hours ago."""
    for number, hours in enumerate((90, 40, 3)):
        give_bonus(player_id)
        Lot.objects.filter(pk=Lot.objects.order_by("-pk")[0].pk).update(created_at=hours_ago(hours))
        if hours > 3:
            withdrawn_at = hours_ago(hours - 1).isoformat()
            take(event("WITHDRAWAL", f"early{number}", player_id, amount="50.00", occurred_at=withdrawn_at))


def test_a_withdrawal_after_a_bonus_is_known_before_the_next_reward_is_decided() -> None:
    make_deposit_rule()
    cast.make_player("alice")
    withdraw_after_bonuses("alice")
    # 5 × 7 = 35: rewards are halved.
    Detector.objects.filter(pk="WITHDRAWAL_AFTER_BONUS").update(severity=7)

    take(
        event("WITHDRAWAL", "o1", amount="50.00", occurred_at=minutes_ago(2)),
        event("DEPOSIT", "d1", amount="100.00", occurred_at=minutes_ago(1)),
    )

    assert PlayerMetrics.objects.get(player="alice").bonus_abuse_score == 35
    decision = RewardDecision.objects.get()
    assert (decision.amount_computed, decision.amount_given) == (Decimal("20.00"), Decimal("10.00"))


def test_a_withdrawal_raises_no_signal_where_its_detector_is_off() -> None:
    cast.make_player("alice")
    withdraw_after_bonuses("alice")
    Detector.objects.filter(pk="WITHDRAWAL_AFTER_BONUS").update(mode="OFF")

    take(event("WITHDRAWAL", "o1", amount="50.00"))

    assert AbuseSignal.objects.count() == 0


def test_an_event_from_long_ago_is_counted_and_sets_nothing_off() -> None:
    cast.make_player("alice")
    make_deposit_rule()

    outcome = take(event("DEPOSIT", "d1", amount="50.00", occurred_at=minutes_ago(25 * 60)))

    assert (outcome.recorded.stored, outcome.live) == (1, {})


def test_a_reported_action_lets_go_what_waits_for_it() -> None:
    cast.make_player("alice")
    bonus = give_bonus(awaits="KYC_COMPLETE")

    outcome = take(event("ACTION", "a1", action="KYC_COMPLETE"))

    assert outcome.live["credits released"] == 1
    assert Lot.objects.get(pk=bonus.pk).status == BonusStatus.ACTIVE


@pytest.fixture
def integrator() -> ApiUser:
    return ApiUser(cast.make_users()["Integrator"])


def test_a_batch_by_the_api_is_answered_with_what_became_of_it(integrator: ApiUser) -> None:
    cast.make_player("alice")
    first = wager("w1")
    body = {"source": "platform", "events": [first, wager("w2"), first]}

    status, answer = integrator.post("/api/activity", body)
    assert (status, answer["received"], answer["stored"], answer["repeated"]) == (201, 3, 2, 1)
    assert (answer["listed"], answer["bonuses_moved"], answer["live"]) == ([], 0, {})

    status, again = integrator.post("/api/activity/", body)
    assert (status, again["stored"], again["repeated"]) == (200, 0, 3)


def test_a_bad_batch_is_refused_in_the_one_shape_of_errors(integrator: ApiUser) -> None:
    cast.make_player("alice")

    answer = integrator.post("/api/activity", {"source": "platform", "events": [wager("w1"), wager("w2", "-1")]})

    error = error_of(answer)
    assert (answer[0], error["code"]) == (422, "activity_refused")
    assert error["details"] == [
        {
            "field": "events[1].amount",
            "message": "is -1.00: at least 0 is needed; a correction names the event it corrects",
            "external_id": "w2",
        }
    ]
    assert not Activity.objects.exists()


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ({"source": "platform"}, 400, "events"),
        ({"source": "platform", "events": {}}, 400, "events"),
        ({"source": "platform", "events": []}, 422, "events"),
        ({"events": [{}], "source": 7}, 400, "source"),
        ({"events": [{}], "source": "platform", "extra": 1}, 400, "extra"),
    ],
)
def test_a_body_that_is_no_batch_is_refused(integrator: ApiUser, body: Any, status: int, field: str) -> None:
    answer = integrator.post("/api/activity", body)

    assert answer[0] == status
    assert error_of(answer)["details"][0]["field"] == field


def test_ten_thousand_events_fit_one_request(integrator: ApiUser) -> None:
    cast.make_player("alice")
    at = timezone.now().isoformat()
    events = [wager(f"event-{number:030}", bet_id=f"bet-{number:060}", occurred_at=at) for number in range(10_000)]

    status, answer = integrator.post("/api/activity", {"source": "platform", "events": events})

    assert (status, answer["stored"]) == (201, 10_000)


def test_a_players_activity_comes_in_pages_the_newest_first(integrator: ApiUser) -> None:
    cast.make_player("alice")
    # Two of them at one moment, so that a page may end between them.
    take(*[wager(f"w{number}", occurred_at=f"2026-03-01T12:00:0{number // 2}Z") for number in range(5)])

    status, first = integrator.get("/api/players/alice/activity?page_size=2")
    seen = [event["external_id"] for event in first["events"]]
    while first["next_cursor"]:
        status, first = integrator.get(f"/api/players/alice/activity?page_size=2&cursor={first['next_cursor']}")
        seen += [event["external_id"] for event in first["events"]]

    assert (status, seen) == (200, ["w4", "w3", "w2", "w1", "w0"])
    assert first["next"] is None
    period = "since=2026-03-01T12:00:01Z&until=2026-03-01T12:00:02Z"
    _, few = integrator.get(f"/api/players/alice/activity?kind=WAGER&{period}")
    assert [event["external_id"] for event in few["events"]] == ["w3", "w2"]


@pytest.mark.parametrize("cursor", ["x", "1-x", "99999999999999999999-1", "-1-1"])
def test_a_cursor_that_no_page_gave_is_refused(integrator: ApiUser, cursor: str) -> None:
    cast.make_player("alice")

    answer = integrator.get(f"/api/players/alice/activity?cursor={cursor}")

    assert (answer[0], error_of(answer)["details"][0]["field"]) == (422, "cursor")
    assert integrator.get("/api/players/nobody/activity")[0] == 404


def test_a_players_source_is_switched_by_the_api(integrator: ApiUser) -> None:
    cast.make_player("alice", source="FILE")

    status, answer = integrator.post("/api/players/alice/source", {"source": "FEED", "reason": "Now live"})

    yesterday = str(timezone.localdate() - timedelta(days=1))
    assert (status, answer["source"], answer["is_new"], answer["opening_as_of"]) == (200, "FEED", True, yesterday)
    assert Player.objects.get(pk="alice").source == "FEED"
    assert SourceChange.objects.get().changed_by is not None
    assert integrator.post("/api/players/nobody/source", {"source": "FEED", "reason": "x"})[0] == 404


def test_a_bonus_placed_bet_id_may_hold_any_character() -> None:
    cast.make_player("alice")
    give_bonus()

    outcome = take(wager("w1", bet_id="bet 'ä' \\ \"1\""))

    assert outcome.bonuses_moved == 1
    assert Activity.objects.get().occurred_at <= datetime.now(tz=UTC)


def met_and_held(player_id: str = "alice") -> None:
    """Have a player meet a bonus before it is known who they are."""
    CreditRequirement.objects.filter(pk="CONVERSION").update(needs_kyc=True)
    cast.make_player(player_id)
    give_bonus(player_id)
    Lot.objects.filter(player_id=player_id).update(wagering_completed=Decimal(40))


def test_an_identity_reported_to_the_feed_converts_at_once_although_no_rule_waits_for_it() -> None:
    met_and_held()
    late = (timezone.now() - timedelta(days=20)).isoformat()

    take(event("ACTION", "kyc", action="KYC_COMPLETE", occurred_at=late))

    lot = Lot.objects.get()
    assert (lot.status, lot.converted) == ("COMPLETED", Decimal("10.00"))


def test_a_profile_edited_through_the_api_converts_at_once() -> None:
    met_and_held()
    operator = ApiUser(cast.make_users()["Superuser"])

    status, body = operator.put("/api/players/alice", {"kyc_completed_at": timezone.now().isoformat()})

    assert status == 200, body
    assert Lot.objects.get().status == "COMPLETED"
