"""How often a player may get a reward, and that no play is paid twice."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from core.policies import save_policy
from players.models import PlayerMetrics
from players.tests.factories import ON, make_day
from rewards.definitions import define_rule
from rewards.models import RewardDecision, RewardRule
from rewards.tests.factories import decision, evaluate, make_player, make_rule, verdicts

SUNDAY, MONDAY = date(2025, 12, 21), date(2025, 12, 22)


def given_on(*days: date) -> list[date]:
    """Evaluate on the days in turn; return those on which alice was given something."""
    for day in days:
        evaluate(day)
    return list(RewardDecision.objects.filter(amount_given__gt=0).order_by("id").values_list("first_on", flat=True))


def days_from(start: date, count: int) -> list[date]:
    return [start + timedelta(days=number) for number in range(count)]


# ── frequency and cooldown ──


@pytest.mark.django_db
def test_once_is_once() -> None:
    make_player()
    make_rule()

    assert given_on(SUNDAY, MONDAY, date(2027, 1, 1)) == [SUNDAY]
    assert verdicts() == {"GIFT": "REJECTED FREQUENCY"}
    assert decision().reasons == [{"code": "FREQUENCY", "given": 1, "last_on": "2025-12-21"}]


@pytest.mark.django_db
def test_daily_is_every_business_date() -> None:
    make_player()
    make_rule(frequency_period="DAY")

    assert given_on(SUNDAY, SUNDAY, MONDAY) == [SUNDAY, MONDAY]


@pytest.mark.django_db
def test_a_week_is_an_iso_week_and_begins_on_monday() -> None:
    make_player()
    make_rule(frequency_period="WEEK")

    assert given_on(*days_from(SUNDAY, 9)) == [SUNDAY, MONDAY, MONDAY + timedelta(days=7)]


@pytest.mark.django_db
def test_a_month_is_a_calendar_month() -> None:
    make_player()
    make_rule(frequency_period="MONTH")
    days = [date(2025, 12, 31), date(2026, 1, 1), date(2026, 1, 31), date(2026, 2, 1)]

    assert given_on(*days) == [date(2025, 12, 31), date(2026, 1, 1), date(2026, 2, 1)]


@pytest.mark.django_db
def test_several_times_a_week() -> None:
    make_player()
    make_rule(frequency_period="WEEK", frequency_max=2)

    assert given_on(*days_from(MONDAY, 8)) == [MONDAY, MONDAY + timedelta(days=1), MONDAY + timedelta(days=7)]


@pytest.mark.django_db
@pytest.mark.parametrize(("cooldown", "again_after"), [(0, 1), (1, 1), (2, 2), (7, 7)])
def test_a_cooldown_of_n_days_ends_on_the_nth_day_after(cooldown: int, again_after: int) -> None:
    make_player()
    make_rule(frequency_period="DAY", cooldown_days=cooldown)

    assert given_on(*days_from(SUNDAY, again_after + 1)) == [SUNDAY, SUNDAY + timedelta(days=again_after)]
    if again_after > 1:
        refused = RewardDecision.objects.get(verdict="REJECTED")
        assert refused.reasons == [{"code": "COOLDOWN", "last_on": "2025-12-21"}]


@pytest.mark.django_db
def test_what_was_given_later_counts_for_a_night_that_is_run_after_it() -> None:
    make_player()
    make_rule(frequency_period="MONTH")

    assert given_on(MONDAY, SUNDAY) == [MONDAY]


@pytest.mark.django_db
def test_a_date_that_is_run_late_gives_what_its_own_period_leaves() -> None:
    make_player()
    make_rule("DAILY", frequency_period="DAY")
    make_rule("WEEKLY", frequency_period="WEEK")
    evaluate(MONDAY)

    evaluate(SUNDAY)

    given = RewardDecision.objects.filter(amount_given__gt=0).order_by("id")
    assert sorted(given.values_list("rule__rule_id", "first_on")) == [
        ("DAILY", SUNDAY),
        ("DAILY", MONDAY),
        ("WEEKLY", SUNDAY),
        ("WEEKLY", MONDAY),
    ]


@pytest.mark.django_db
def test_a_date_that_is_run_late_gives_nothing_more_in_a_period_that_a_later_date_has_used_up() -> None:
    make_player()
    make_rule(frequency_period="WEEK", frequency_max=2)
    saturday = MONDAY + timedelta(days=5)

    assert given_on(saturday, saturday - timedelta(days=1), MONDAY) == [saturday, saturday - timedelta(days=1)]
    assert RewardDecision.objects.get(first_on=MONDAY).reasons == [
        {"code": "FREQUENCY", "given": 2, "last_on": saturday.isoformat()}
    ]


@pytest.mark.django_db
@pytest.mark.parametrize(("days_earlier", "expected"), [(6, "REJECTED COOLDOWN"), (7, "APPROVED")])
def test_a_cooldown_counts_from_later_dates_too(days_earlier: int, expected: str) -> None:
    # Less than seven days apart, two dates measure some of the same play.
    make_player()
    make_rule(frequency_period="DAY", cooldown_days=7)
    evaluate(MONDAY)

    evaluate(MONDAY - timedelta(days=days_earlier))

    late = RewardDecision.objects.get(first_on=MONDAY - timedelta(days=days_earlier))
    assert f"{late.verdict} {late.reason}".strip() == expected


# ── a rule that may repeat must not pay the same play twice ──


def problems_of(formula: str, **limits: Any) -> list[str]:
    reward = {"type": "BONUS_BALANCE", "formula": formula, "max_amount": 50}
    rule = RewardRule(rule_id="R", number=1, name="rule", reward_config=reward, **limits)
    return [str(problem) for problem in define_rule(rule)[1]]


@pytest.mark.parametrize(
    ("formula", "limits", "message"),
    [
        (
            "net_loss * 0.1",
            {"frequency_period": "DAY"},
            "net_loss would pay the same play again every 1 day(s) (use net_loss_since_last_reward, or a window",
        ),
        ("total_wagered * 0.1", {"frequency_period": "MONTH"}, "total_wagered would pay the same play again every 31"),
        ("net_loss_30d * 0.1", {"frequency_period": "WEEK"}, "net_loss_30d would pay the same play again every 7"),
        ("net_loss_7d", {"frequency_period": "WEEK", "frequency_max": 2}, "net_loss_7d would pay the same play again"),
        ("net_loss_7d * 0.1", {"frequency_period": "DAY", "cooldown_days": 6}, "net_loss_7d would pay the same play"),
        ("5 + min(ggr, 3)", {"frequency_period": "DAY"}, "house_edge_contribution would pay the same play again"),
        (
            "active_days_30d",
            {"frequency_period": "WEEK"},
            "active_days_30d would pay the same play again every 7 day(s) (use a window no longer than the period)",
        ),
        (
            "lp_earned * 0.1",
            {"frequency_period": "MONTH"},
            "lp_earned would pay the same play again every 31 day(s) (use a window no longer than the period)",
        ),
    ],
)
def test_a_repeating_rule_that_would_pay_the_same_play_again_is_refused(
    formula: str, limits: dict[str, Any], message: str
) -> None:
    problems = problems_of(formula, **limits)

    assert len(problems) == 1
    assert problems[0].startswith(f"reward_config.formula: {message}")


@pytest.mark.parametrize(
    ("formula", "limits"),
    [
        ("net_loss * 0.1", {}),
        ("net_loss_7d * 0.1", {"frequency_period": "WEEK"}),
        ("net_loss_7d * 0.1", {"frequency_period": "DAY", "cooldown_days": 7}),
        ("net_loss_7d * 0.1", {"frequency_period": "MONTH", "frequency_max": 4}),
        ("net_loss_30d * 0.1", {"frequency_period": "MONTH"}),
        ("net_loss_since_last_reward * 0.1", {"frequency_period": "DAY"}),
        ("5 * cashback_multiplier", {"frequency_period": "DAY"}),
    ],
)
def test_windows_within_the_period_and_play_since_the_last_reward_may_repeat(
    formula: str, limits: dict[str, Any]
) -> None:
    assert problems_of(formula, **limits) == []


@pytest.mark.django_db
def test_a_window_must_have_passed_before_it_is_measured_again() -> None:
    alice = make_player(days_from=SUNDAY - timedelta(days=30))
    for day in days_from(SUNDAY - timedelta(days=10), 30):
        make_day(alice, day, wagered="100.00", won="50.00")
    make_rule(frequency_period="WEEK", reward={"formula": "net_loss_7d * 0.01", "max_amount": 50})

    # Given on Sunday and again on Monday, the next week's first day, six days of loss would be paid twice.
    assert given_on(*days_from(SUNDAY, 15)) == [SUNDAY, SUNDAY + timedelta(days=7), SUNDAY + timedelta(days=14)]


# ── since the last reward ──


def play(*, wagered: int, won: int) -> None:
    PlayerMetrics.objects.filter(player_id="alice").update(total_wagered=wagered, total_won=won)


@pytest.mark.django_db
def test_play_since_the_last_reward_is_paid_once() -> None:
    make_player(total_wagered=15000, total_won=12000)
    make_rule(
        frequency_period="DAY",
        conditions={"net_loss_since_last_reward": {"gt": 0}},
        reward={"formula": "net_loss_since_last_reward * 0.01", "max_amount": 500},
    )

    evaluate(ON)
    evaluate(ON + timedelta(days=1))
    play(wagered=16000, won=12500)
    evaluate(ON + timedelta(days=2))
    play(wagered=16100, won=13500)
    evaluate(ON + timedelta(days=3))

    paid: list[Any] = list(RewardDecision.objects.order_by("id").values_list("first_on", "amount_given"))
    assert paid == [(ON, 30), (ON + timedelta(days=2), 5)]


@pytest.mark.django_db
def test_a_refused_reward_leaves_the_play_to_be_paid() -> None:
    make_player(total_wagered=15000, total_won=12000)
    save_policy(name="MAX_DAILY_REWARD_PER_PLAYER", value="0", saved_by=None)
    make_rule(
        frequency_period="DAY",
        cooldown_days=3,
        reward={"formula": "net_loss_since_last_reward * 0.01", "max_amount": 500},
    )

    evaluate(ON)
    assert verdicts() == {"GIFT": "REJECTED CAP"}
    save_policy(name="MAX_DAILY_REWARD_PER_PLAYER", value="1000", saved_by=None)
    evaluate(ON + timedelta(days=3))

    assert verdicts() == {"GIFT": "APPROVED"}
    assert decision().amount_given == 30


@pytest.mark.django_db
def test_another_rules_reward_does_not_count() -> None:
    make_player()
    make_rule("ONE", priority=1, frequency_period="DAY")
    make_rule("TWO", frequency_period="DAY", reward={"formula": "total_sessions_since_last_reward", "max_amount": 500})

    evaluate()

    assert decision(rule_id="TWO").amount_given == 25


@pytest.mark.django_db
def test_a_rule_changed_to_pay_since_the_last_reward_does_not_pay_a_lifetime_again() -> None:
    make_player()
    make_rule(frequency_period="DAY")
    evaluate(ON)
    make_rule(frequency_period="DAY", reward={"formula": "total_sessions_since_last_reward * 2", "max_amount": 500})
    PlayerMetrics.objects.update(total_sessions=28)

    evaluate(ON + timedelta(days=1))

    assert decision().rule_version == 2
    assert decision().amount_given == 6


@pytest.mark.django_db
def test_what_the_last_reward_did_not_keep_is_unknown() -> None:
    make_player()
    make_rule()
    evaluate(ON)
    make_rule(frequency_period="DAY", reward={"formula": "total_sessions_since_last_reward", "max_amount": 500})

    evaluate(ON + timedelta(days=1))

    assert verdicts() == {"GIFT": "REJECTED NO_AMOUNT"}
    assert decision().amount_computed is None
