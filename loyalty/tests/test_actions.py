"""An action of a player: recorded once, what waited for it let go, live rules decided."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pghistory
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from core.errors import InvalidInputError, NotFoundError
from core.tests.threads import run_together
from loyalty.actions import ActionOutcome, handle_action, handle_events
from loyalty.tests import cast
from loyalty.tests.api import ApiUser, error_of
from players.actions import ActionDiffersError, PlayerAction, record_actions
from players.models import Activity, ActivityKey, CreditRequirement, Player
from rewards.events import activity_event
from rewards.models import RewardDecision
from wallet.bonuses import add_bonus_balance
from wallet.models import Lot, LoyaltyBalance

pytestmark = pytest.mark.django_db

KYC_AT = datetime(2026, 3, 9, 8, 30, tzinfo=UTC)


def make_kyc_rule(rule_id: str = "VERIFIED", **content: Any) -> None:
    given = {"conditions": {"kyc_completed": True}, "reward_config": {"type": "LOYALTY_POINTS", "amount": 20}}
    cast.make_rule(rule_id, is_live=True, trigger="KYC_COMPLETE", **{**given, **content})


def complete_kyc(event_id: str = "kyc-1", player_id: str = "alice") -> ActionOutcome:
    return handle_action(player_id=player_id, action="KYC_COMPLETE", event_id=event_id, occurred_at=KYC_AT)


def test_kyc_is_noted_and_the_rule_that_waits_for_it_pays_at_once() -> None:
    cast.make_player("alice")
    depth = Player.objects.get(pk="alice").profile_depth
    make_kyc_rule()

    outcome = complete_kyc()

    alice = Player.objects.get(pk="alice")
    assert (alice.kyc_completed_at, alice.profile_depth > depth) == (KYC_AT, True)
    assert [(one.rule.rule_id, one.amount_given) for one in outcome.decisions] == [("VERIFIED", Decimal("20.00"))]
    assert LoyaltyBalance.objects.get(player="alice").lp_balance == Decimal("20.00")
    kept = Activity.objects.get()
    assert (kept.kind, kept.action, kept.external_id, kept.occurred_at) == ("ACTION", "KYC_COMPLETE", "kyc-1", KYC_AT)


def test_the_same_action_again_answers_as_before_and_does_nothing() -> None:
    cast.make_player("alice")
    make_kyc_rule()
    first = complete_kyc()

    again = complete_kyc()

    assert (first.is_new, again.is_new) == (True, False)
    assert again.decisions == first.decisions
    assert (Activity.objects.count(), RewardDecision.objects.count()) == (1, 1)


@pytest.mark.django_db(transaction=True)
def test_an_action_reported_twice_at_once_pays_once() -> None:
    cast.make_player("alice")
    make_kyc_rule(frequency_period="DAY", frequency_max=9)

    outcomes = run_together(*[complete_kyc] * 4)

    assert sorted(outcome.is_new for outcome in outcomes) == [False, False, False, True]
    assert LoyaltyBalance.objects.get(player="alice").lp_balance == Decimal("20.00")
    assert ActivityKey.objects.count() == 1


def test_the_first_kyc_stands() -> None:
    cast.make_player("alice")
    complete_kyc()

    handle_action(player_id="alice", action="KYC_COMPLETE", event_id="kyc-2", occurred_at=KYC_AT + timedelta(days=1))

    assert Player.objects.get(pk="alice").kyc_completed_at == KYC_AT


def test_an_id_used_for_something_else_is_refused_and_nothing_is_written() -> None:
    cast.make_player("alice")
    cast.make_player("bob")
    complete_kyc()

    with pytest.raises(ActionDiffersError, match="event_id 'kyc-1' was used before"):
        complete_kyc(player_id="bob")

    assert Player.objects.get(pk="bob").kyc_completed_at is None
    assert Activity.objects.count() == 1


def test_a_credit_that_waits_for_the_action_is_released_and_others_are_not() -> None:
    cast.make_player("alice")
    for code in ("KYC_COMPLETE", "PROFILE_COMPLETE"):
        add_bonus_balance(
            player_id="alice", amount=20, wagering_requirement=Decimal(0), expiry=None, key=code, actor="tests"
        )
        Lot.objects.filter(pk=Lot.objects.latest("id").pk).update(status="PENDING", awaits=code)

    assert complete_kyc().credits_released == 1

    lots = Lot.objects.order_by("id").values_list("status", "awaits")
    assert list(lots) == [("ACTIVE", None), ("PENDING", "PROFILE_COMPLETE")]


def test_unknown_players_and_actions_still_to_come_are_refused() -> None:
    cast.make_player("alice")
    tomorrow = timezone.now() + timedelta(days=1)

    with pytest.raises(NotFoundError, match="there is no player 'nobody'"):
        complete_kyc(player_id="nobody")
    with pytest.raises(InvalidInputError, match="still to come"):
        handle_action(player_id="alice", action="KYC_COMPLETE", event_id="1", occurred_at=tomorrow)

    assert not ActivityKey.objects.exists()


def test_a_set_of_actions_is_recorded_together() -> None:
    players = [cast.make_player(f"player{number}").pk for number in range(5)]
    make_kyc_rule()
    actions = [PlayerAction(player_id=one, action="KYC_COMPLETE", event_id=one, occurred_at=KYC_AT) for one in players]

    new = record_actions([*actions, actions[0]], at=timezone.now())
    events = [
        activity_event(player_id=one.player_id, trigger=one.action, source="feed", event_id=one.event_id) for one in new
    ]
    counts = handle_events(events, at=timezone.now())

    assert counts == {"credits released": 0, "APPROVED": 5}
    assert Player.objects.filter(kyc_completed_at=KYC_AT).count() == 5


def test_a_live_evaluation_asks_a_fixed_number_of_queries_however_many_rules_wait() -> None:
    cast.make_player("alice")
    for number in range(3):
        make_kyc_rule(f"RULE_{number}", conditions={"total_wagered_min": 10**6})
    complete_kyc("0")
    with CaptureQueriesContext(connection) as few:
        complete_kyc("1")
    for number in range(3, 50):
        make_kyc_rule(f"RULE_{number}", conditions={"total_wagered_min": 10**6})
    complete_kyc("2")

    with CaptureQueriesContext(connection) as many:
        complete_kyc("3")

    assert len(many) == len(few)
    assert len(few) <= 32


# ── API ──

BODY = {
    "player_id": "alice",
    "action": "KYC_COMPLETE",
    "event_id": "kyc-1",
    "occurred_at": "2026-03-09T08:30:00Z",
}


@pytest.fixture
def integrator() -> ApiUser:
    user = cast.make_users()["Integrator"]
    cast.make_player("alice")
    make_kyc_rule()
    return ApiUser(user)


def test_an_integrator_reports_an_action_and_learns_what_it_led_to(integrator: ApiUser) -> None:
    status, answer = integrator.post("/api/actions", BODY)
    again_status, again = integrator.post("/api/actions", BODY)

    assert (status, answer["is_new"], answer["credits_released"]) == (201, True, 0)
    assert answer["decisions"] == [
        {
            "rule_id": "VERIFIED",
            "verdict": "APPROVED",
            "reason": "",
            "amount_computed": "20.00",
            "amount_given": "20.00",
            "reasons": [],
        }
    ]
    assert (again_status, again) == (200, {**answer, "is_new": False})


@pytest.mark.parametrize(
    ("change", "status", "place"),
    [
        ({"action": "kyc"}, 400, "action"),
        ({"action": "A" * 61}, 400, "action"),
        ({"event_id": ""}, 400, "event_id"),
        ({"event_id": 5}, 400, "event_id"),
        ({"occurred_at": "yesterday"}, 400, "occurred_at"),
        ({"occurred_at": "2999-01-01T00:00:00Z"}, 422, "occurred_at"),
        ({"action": "TIER_REACHED"}, 422, "action"),
        ({"action": "ANY"}, 422, "action"),
        ({"action": "CLAIM"}, 422, "action"),
        ({"player_id": "nobody"}, 404, "nobody"),
        ({"extra": 1}, 400, "extra"),
    ],
)
def test_a_wrong_action_is_refused_at_its_place(
    integrator: ApiUser, change: dict[str, Any], status: int, place: str
) -> None:
    answer = integrator.post("/api/actions", {**BODY, **change})

    assert answer[0] == status
    assert place in str(error_of(answer))
    assert not ActivityKey.objects.exists()


def test_an_id_used_for_another_action_is_a_conflict(integrator: ApiUser) -> None:
    integrator.post("/api/actions", BODY)

    answer = integrator.post("/api/actions", {**BODY, "action": "PROFILE_COMPLETE"})

    assert (answer[0], error_of(answer)["code"]) == (409, "action_differs")


def test_a_bonus_that_is_met_converts_once_it_is_known_who_the_player_is() -> None:
    CreditRequirement.objects.filter(pk="CONVERSION").update(needs_kyc=True)
    cast.make_bob()
    Lot.objects.update(wagering_completed=Decimal(500))

    complete_kyc(player_id="bob")

    lot = Lot.objects.get()
    assert (lot.status, lot.converted) == ("COMPLETED", Decimal("50.00"))


def test_rules_decide_within_a_request_as_anywhere_by_plans_that_the_next_one_finds() -> None:
    """The history of a request puts a statement of its own before each of ours."""
    cast.make_player("alice")
    make_kyc_rule(frequency_period="DAY", frequency_max=9)
    with pghistory.context(said="by a request"):
        complete_kyc("kyc-1")
        with CaptureQueriesContext(connection) as queries:
            outcome = complete_kyc("kyc-2")

    assert [one.verdict for one in outcome.decisions] == ["APPROVED"]
    said = " ".join(query["sql"] for query in queries)
    assert (said.count("PREPARE kept_"), said.count("EXECUTE kept_") > 5) == (0, True)
