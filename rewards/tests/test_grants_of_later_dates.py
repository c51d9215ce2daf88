"""A date that is run after later ones keeps to what those left of caps and margin."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.db import transaction

from core.policies import save_policy
from core.tests.threads import while_held_open
from rewards.explaining.recomputing import recompute
from rewards.live import apply_reward
from rewards.models import RewardDecision
from rewards.tests.factories import allocate, balance, decision, evaluate, issue, make_player, make_rule
from safety.expected_value import Reward, calculate_expected_value
from safety.profitability import RewardTerms
from safety.tests.factories import set_baseline

pytestmark = pytest.mark.django_db
WEDNESDAY = date(2025, 12, 3)
THURSDAY = WEDNESDAY + timedelta(days=1)
DAILY = {"frequency_period": "DAY"}


def test_a_night_counts_what_was_granted_live_on_the_next_morning() -> None:
    make_player()
    save_policy(name="MAX_WEEKLY_REWARD_PER_PLAYER", value="50", saved_by=None)
    apply_reward(player_id="alice", rule=make_rule("LIVE", reward={"amount": 40}), on=THURSDAY)
    make_rule("NIGHT", reward={"amount": 30}, **DAILY)

    evaluate(WEDNESDAY)

    # The week's 50 less Thursday's 40.
    assert balance().bonus_balance == 50
    assert decision(rule_id="NIGHT").reasons == [
        {"code": "CAP_CUT", "room": 10.0, "from": 30.0, "to": 10.0, "cap": "week"}
    ]


def test_the_margin_that_a_later_date_has_spent_is_spent() -> None:
    # The documented example: 324.00 of margin; 300.00 of Thursday leave 24.00.
    set_baseline("LOSING", "600")
    make_player()
    apply_reward(player_id="alice", rule=make_rule("LARGE", reward={"amount": 300}), on=THURSDAY)
    make_rule("SMALL", reward={"amount": 25})

    evaluate(WEDNESDAY)

    assert decision(rule_id="SMALL").reasons == [
        {"code": "UNPROFITABLE", "expected_cost": 25.0, "granted_before": 300.0, "expected_margin": 324.0}
    ]


@pytest.mark.parametrize(("days", "granted"), [(29, "300.00"), (30, "0.00")])
def test_dates_less_than_a_horizon_apart_share_it(days: int, granted: str) -> None:
    set_baseline("LOSING", "600")
    make_player()
    apply_reward(player_id="alice", rule=make_rule("LARGE", reward={"amount": 300}), on=THURSDAY)
    asked = Reward(amount=Decimal(1), terms=RewardTerms(reward_type="BONUS_BALANCE"))

    for on in (THURSDAY - timedelta(days=days), THURSDAY + timedelta(days=days)):
        found = calculate_expected_value(player_id="alice", reward=asked, on=on)
        assert found.granted_cost == Decimal(granted)


def test_an_explanation_of_a_past_day_counts_what_its_night_could_know() -> None:
    make_player()
    rule = make_rule("LARGE", reward={"amount": 40}, **DAILY)
    apply_reward(player_id="alice", rule=rule, on=WEDNESDAY)
    apply_reward(player_id="alice", rule=rule, on=THURSDAY)
    asked = make_rule("ASKED", reward={"amount": 10}).rule_id

    figures = recompute(player_id="alice", rule_id=asked, on=WEDNESDAY).judgement.figures

    assert (figures["granted_value_week"], figures["granted_cost"]) == (40, 40)
    figures = recompute(player_id="alice", rule_id=asked, on=THURSDAY).judgement.figures
    assert (figures["granted_value_week"], figures["granted_cost"]) == (80, 80)


@pytest.mark.django_db(transaction=True)
def test_what_is_granted_of_a_later_date_while_a_run_posts_counts_under_the_lock() -> None:
    make_player()
    save_policy(name="MAX_WEEKLY_REWARD_PER_PLAYER", value="50", saved_by=None)
    night = make_rule("NIGHT", reward={"amount": 30}, **DAILY)
    live = make_rule("LIVE", status="DRAFT", reward={"amount": 40}, **DAILY)
    with transaction.atomic():
        run = allocate(WEDNESDAY)
    live.status = "ACTIVE"
    live.save(update_fields=["status"])

    def post() -> None:
        with transaction.atomic():
            issue(run)

    while_held_open(lambda: apply_reward(player_id="alice", rule=live, on=THURSDAY) and None, post)

    assert balance().bonus_balance == 40
    assert decision(rule_id=night.rule_id).reasons == [{"code": "CAP", "room": 10.0, "cap": "week"}]


@pytest.mark.parametrize(
    ("period", "late", "is_given"),
    [
        ("DAY", WEDNESDAY, True),
        ("WEEK", WEDNESDAY, False),
        ("WEEK", THURSDAY - timedelta(days=7), True),
        ("MONTH", WEDNESDAY, False),
        ("MONTH", date(2025, 11, 30), True),
        ("ONCE", date(2024, 1, 1), False),
    ],
)
def test_a_date_that_is_run_late_asks_only_whether_its_own_period_was_given(
    period: str, late: date, is_given: bool
) -> None:
    make_player()
    make_rule(frequency_period=period)
    evaluate(THURSDAY)

    evaluate(late)

    given = RewardDecision.objects.filter(amount_given__gt=0).order_by("first_on").values_list("first_on", flat=True)
    assert list(given) == ([late, THURSDAY] if is_given else [THURSDAY])
    # Whatever is run again gives nothing more.
    evaluate(late)
    evaluate(THURSDAY)
    assert len(given.all()) == (2 if is_given else 1)


@pytest.mark.parametrize(("days", "is_given"), [(2, False), (3, True)])
def test_a_cooldown_keeps_its_days_before_a_later_date_too(days: int, is_given: bool) -> None:
    make_player()
    make_rule(frequency_period="DAY", cooldown_days=3)
    evaluate(THURSDAY)
    late = THURSDAY - timedelta(days=days)

    evaluate(late)

    assert decision().verdict == ("APPROVED" if is_given else "REJECTED")
    if not is_given:
        assert decision().reasons == [{"code": "COOLDOWN", "last_on": "2025-12-04"}]


@pytest.mark.django_db(transaction=True)
def test_a_later_date_given_while_a_run_posts_does_not_take_the_place_of_its_own() -> None:
    make_player()
    rule = make_rule(frequency_period="DAY")
    with transaction.atomic():
        run = allocate(WEDNESDAY)

    def post() -> None:
        with transaction.atomic():
            issue(run)

    while_held_open(lambda: apply_reward(player_id="alice", rule=rule, on=THURSDAY) and None, post)

    assert balance().bonus_balance == 20
