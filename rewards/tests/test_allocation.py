"""What a match is given, in the order in which things may speak against it, and the figures that are kept."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from core.policies import save_policy
from players.tests.factories import ON, make_carol, restrict
from rewards.models import RewardDecision, RuleAllocation
from rewards.tests.factories import allocate, decision, evaluate, issue, make_player, make_rule, verdicts
from wallet.bonuses import add_bonus_balance

pytestmark = pytest.mark.django_db


def set_policy(name: str, value: object) -> None:
    save_policy(name=name, value=str(value), saved_by=None)


# ── priority, groups ──


def test_rules_are_decided_by_priority_then_by_age() -> None:
    make_player()
    make_rule("LAST", priority=-1)
    make_rule("OLDER", priority=5)
    make_rule("YOUNGER", priority=5)
    make_rule("FIRST", priority=7)
    set_policy("MAX_DAILY_REWARD_PER_PLAYER", 25)

    evaluate()

    assert verdicts() == {
        "FIRST": "APPROVED",
        "OLDER": "APPROVED",
        "YOUNGER": "REDUCED",
        "LAST": "REJECTED CAP",
    }


def test_of_a_group_only_the_first_given_counts_and_other_groups_stack() -> None:
    make_player()
    make_rule("REFUSED", priority=9, exclusive_group="welcome", reward={"amount": 10**6})
    make_rule("GIVEN", priority=8, exclusive_group="welcome")
    make_rule("TOO_LATE", priority=7, exclusive_group="welcome")
    make_rule("OTHER", priority=6, exclusive_group="weekend")
    make_rule("FREE", priority=5)

    evaluate()

    assert verdicts() == {
        "REFUSED": "REJECTED UNPROFITABLE",
        "GIVEN": "APPROVED",
        "TOO_LATE": "REJECTED EXCLUSIVE_GROUP",
        "OTHER": "APPROVED",
        "FREE": "APPROVED",
    }


def test_a_group_is_about_one_run_only() -> None:
    make_player()
    make_rule("MONDAY", exclusive_group="weekly", ends_on=ON)
    make_rule("TUESDAY", exclusive_group="weekly", starts_on=ON + timedelta(days=1))

    evaluate()
    evaluate(ON + timedelta(days=1))

    assert verdicts() == {"MONDAY": "APPROVED", "TUESDAY": "APPROVED"}


# ── holdout ──


def test_a_share_is_held_out_by_a_stable_draw() -> None:
    for number in range(60):
        make_player(f"P{number:02d}")
    make_rule(holdout_percent=25)

    evaluate()
    held_out = set(RewardDecision.objects.filter(verdict="HELD_OUT").values_list("player_id", flat=True))
    evaluate(ON + timedelta(days=1))
    again = set(RewardDecision.objects.filter(verdict="HELD_OUT", times=2).values_list("player_id", flat=True))

    assert 5 <= len(held_out) <= 25
    assert again == held_out
    assert RewardDecision.objects.filter(verdict="APPROVED").count() == 60 - len(held_out)


def test_who_is_held_out_of_one_rule_is_not_held_out_of_all() -> None:
    for number in range(40):
        make_player(f"P{number:02d}")
    make_rule("ONE", holdout_percent=50)
    make_rule("TWO", holdout_percent=50)

    evaluate()

    rows = RewardDecision.objects.filter(verdict="HELD_OUT").values_list("rule__rule_id", "player_id")
    one, two = ({player for name, player in rows if name == rule} for rule in ("ONE", "TWO"))
    assert one - two
    assert two - one


def test_what_a_held_out_player_would_have_been_given_is_kept() -> None:
    make_player(bonus_abuse_score=40)
    make_rule(holdout_percent=100, total_budget=100)

    evaluate()

    held_out = decision()
    assert held_out.verdict == held_out.reason == "HELD_OUT"
    assert held_out.amount_computed == 10
    assert held_out.amount_given == held_out.money_value == 0
    assert held_out.reasons == [{"code": "HELD_OUT", "group": "RULE", "would_be": "REDUCED", "would_give": 5.0}]


@pytest.mark.parametrize(
    ("score", "amount", "would_be", "reason"),
    [(0, 10**6, "REJECTED", "UNPROFITABLE"), (90, 10, "PENDING_REVIEW", "ABUSE_REVIEW")],
)
def test_a_held_out_player_who_would_have_got_nothing_says_why(
    score: int, amount: int, would_be: str, reason: str
) -> None:
    make_player(bonus_abuse_score=score)
    make_rule(holdout_percent=100, reward={"amount": amount})

    evaluate()

    assert decision().reasons == [
        {
            "code": "HELD_OUT",
            "group": "RULE",
            "would_be": would_be,
            "would_be_reason": reason,
            "would_give": 0,
        }
    ]


# ── restrictions, abuse ──


def test_a_restricted_player_is_refused_with_the_restriction() -> None:
    make_carol()
    make_player("alice")
    carol = make_player("dora")
    restrict(carol, "COOL_OFF")
    make_rule()

    evaluate()

    assert verdicts("dora") == {"GIFT": "REJECTED RESTRICTED"}
    assert decision("dora").reasons == [{"code": "RESTRICTED", "restriction": "COOL_OFF"}]
    assert verdicts("alice") == {"GIFT": "APPROVED"}
    assert verdicts("carol") == {}


def test_a_restriction_that_has_ended_or_not_begun_refuses_nothing() -> None:
    now = timezone.now()
    restrict(make_player("alice"), ends_at=now - timedelta(seconds=1))
    restrict(make_player("bob"), starts_at=now + timedelta(hours=1))
    make_rule()

    evaluate()

    assert verdicts("alice") == verdicts("bob") == {"GIFT": "APPROVED"}


@pytest.mark.parametrize(
    ("score", "verdict", "given"),
    [
        (30, "APPROVED", "10.00"),
        (31, "REDUCED", "5.00"),
        (60, "REDUCED", "5.00"),
        (61, "APPROVED", "10.00"),
        (80, "APPROVED", "10.00"),
        (81, "PENDING_REVIEW ABUSE_REVIEW", "0.00"),
        (100, "PENDING_REVIEW ABUSE_REVIEW", "0.00"),
    ],
)
def test_the_bands_of_the_abuse_score(score: int, verdict: str, given: str) -> None:
    make_player(bonus_abuse_score=score)
    make_rule(reward={"wagering_requirement": 10})

    evaluate()

    assert verdicts() == {"GIFT": verdict}
    assert str(decision().amount_given) == given


def test_what_the_abuse_score_did_is_kept_with_its_figures() -> None:
    make_player("alice", bonus_abuse_score=31)
    make_player("bob", bonus_abuse_score=61)
    make_player("dora", bonus_abuse_score=81)
    make_rule(reward={"wagering_requirement": 10})

    evaluate()

    assert decision("alice").reasons == [{"code": "ABUSE_CUT", "abuse_score": 31, "multiplier": 0.5}]
    assert decision("bob").reasons == [{"code": "ABUSE_WAGERING", "abuse_score": 61, "multiplier": 1.5}]
    assert decision("dora").reasons == [{"code": "ABUSE_REVIEW", "abuse_score": 81}]


# Score → what is given of 100 points, of 100 of bonus money that need not be wagered, and of 100 paid as cash.
UNWAGERED = [(30, "100.00"), (31, "50.00"), (60, "50.00"), (61, "50.00"), (80, "50.00"), (81, "0.00")]


@pytest.mark.parametrize(("score", "given"), UNWAGERED)
@pytest.mark.parametrize(
    "reward",
    [
        {"type": "LOYALTY_POINTS", "amount": 100},
        {"type": "TICKETS", "amount": 100},
        {"type": "CASHBACK", "amount": 100, "wagering_requirement": 0},
        {"type": "CASHBACK", "amount": 100, "withdrawable": True},
    ],
    ids=["points", "tickets", "bonus", "cash"],
)
def test_where_no_requirement_can_rise_the_amount_falls(reward: dict[str, object], score: int, given: str) -> None:
    make_player(bonus_abuse_score=score)
    make_rule(reward=reward)

    evaluate()

    assert str(decision().amount_given) == given


def test_that_the_amount_fell_instead_is_kept_with_its_figures() -> None:
    make_player(bonus_abuse_score=61)
    make_rule(reward={"type": "LOYALTY_POINTS", "amount": 100})

    evaluate()

    assert verdicts() == {"GIFT": "REDUCED"}
    assert decision().reasons == [{"code": "ABUSE_CUT_INSTEAD", "abuse_score": 61, "multiplier": 0.5}]


def test_a_ticket_cut_in_half_is_none_and_the_abuse_score_is_named() -> None:
    make_player(bonus_abuse_score=40)
    make_rule(reward={"type": "TICKETS", "amount": 1})

    evaluate()

    assert verdicts() == {"GIFT": "REJECTED ABUSE_CUT"}


# ── profitability, caps ──


def test_a_reward_that_costs_more_than_its_player_earns_is_refused_with_the_figures() -> None:
    make_player()
    make_rule("SMALL", priority=2, reward={"amount": 200})
    make_rule("LARGE", priority=1, reward={"amount": 32})

    evaluate()

    # 15,000 over 25 sessions and ten of the prior at nothing: 428.57 a day × 6 days × 1.8 × 0.05 = 231.43
    assert verdicts() == {"SMALL": "APPROVED", "LARGE": "REJECTED UNPROFITABLE"}
    assert decision(rule_id="LARGE").reasons == [
        {"code": "UNPROFITABLE", "expected_cost": 32.0, "granted_before": 200.0, "expected_margin": 231.43}
    ]


def test_what_was_granted_within_the_horizon_counts_and_what_is_older_does_not() -> None:
    make_player("alice")
    make_player("bob")
    for player_id, days in (("alice", 29), ("bob", 30)):
        add_bonus_balance(
            player_id=player_id,
            amount="200.00",
            wagering_requirement=Decimal(0),
            expiry=None,
            key=player_id,
            actor="tests",
            on=ON - timedelta(days=days),
            expected_cost=Decimal(200),
        )
    make_rule(reward={"amount": 32})

    evaluate()

    assert verdicts("alice") == {"GIFT": "REJECTED UNPROFITABLE"}
    assert verdicts("bob") == {"GIFT": "APPROVED"}


@pytest.mark.parametrize("period", ["DAILY", "WEEKLY", "MONTHLY"])
def test_a_cap_cuts_with_its_figures_and_later_rules_see_less_room(period: str) -> None:
    set_policy(f"MAX_{period}_REWARD_PER_PLAYER", 15)
    make_player()
    make_rule("FIRST", priority=3)
    make_rule("CUT", priority=2)
    make_rule("NONE", priority=1)

    evaluate()

    assert verdicts() == {"FIRST": "APPROVED", "CUT": "REDUCED", "NONE": "REJECTED CAP"}
    assert decision(rule_id="CUT").amount_given == decision(rule_id="CUT").money_value == 5
    cap = {"DAILY": "day", "WEEKLY": "week", "MONTHLY": "month"}[period]
    assert decision(rule_id="CUT").reasons == [{"code": "CAP_CUT", "room": 5.0, "from": 10.0, "to": 5.0, "cap": cap}]
    assert decision(rule_id="NONE").reasons == [{"code": "CAP", "room": 0, "cap": cap}]


def test_the_cost_of_a_cut_reward_is_that_of_what_is_given() -> None:
    set_policy("MAX_DAILY_REWARD_PER_PLAYER", 5)
    make_player()
    make_rule(reward={"wagering_requirement": 10})

    evaluate()

    # ten times wagering at an edge of 0.05 halves the cost
    assert decision().expected_cost == Decimal("2.50")


def test_the_windows_of_the_caps_are_the_day_its_week_and_its_month() -> None:
    make_player()
    make_rule("SUNDAY", starts_on=ON, ends_on=ON)
    make_rule("MONDAY", starts_on=ON + timedelta(days=1), ends_on=ON + timedelta(days=1))
    make_rule("JANUARY", starts_on=ON.replace(year=2026, month=1, day=1))
    set_policy("MAX_DAILY_REWARD_PER_PLAYER", 10)
    set_policy("MAX_WEEKLY_REWARD_PER_PLAYER", 10)
    set_policy("MAX_MONTHLY_REWARD_PER_PLAYER", 15)

    evaluate(ON)
    evaluate(ON + timedelta(days=1))
    evaluate(ON.replace(year=2026, month=1, day=1))

    given: list[Any] = list(RewardDecision.objects.order_by("id").values_list("rule__rule_id", "amount_given"))
    assert given == [("SUNDAY", 10), ("MONDAY", 5), ("JANUARY", 10)]


def test_points_are_capped_by_what_they_are_worth() -> None:
    set_policy("MAX_DAILY_REWARD_PER_PLAYER", "0.10")
    make_player()
    make_rule(reward={"type": "LOYALTY_POINTS", "amount": 100})

    evaluate()

    assert decision().amount_given == 10
    assert decision().money_value == Decimal("0.10")


def test_tickets_under_a_cap_stay_whole() -> None:
    set_policy("MAX_DAILY_REWARD_PER_PLAYER", "2.50")
    make_player()
    make_rule(reward={"type": "TICKETS", "amount": 3})

    evaluate()

    assert decision().amount_given == 2
    assert decision().reasons == [{"code": "CAP_CUT", "room": 2.5, "from": 3, "to": 2, "cap": "day"}]


def test_a_cut_below_the_rules_minimum_is_a_refusal() -> None:
    set_policy("MAX_DAILY_REWARD_PER_PLAYER", 5)
    make_player()
    make_rule(reward={"amount": 10, "min_amount": 6})

    evaluate()

    assert verdicts() == {"GIFT": "REJECTED BELOW_MINIMUM"}
    assert decision().reasons == [{"code": "BELOW_MINIMUM", "amount": 5.0}]


# ── perks, and what is kept of every decision ──


def test_perks_wait_for_an_approval_and_count_for_the_frequency() -> None:
    make_player()
    make_rule(reward={"type": "VIP_PERKS", "amount": 1})

    assert evaluate() == {"PENDING_REVIEW": 1}
    assert decision().reasons == [{"code": "NEEDS_APPROVAL"}]
    evaluate(ON + timedelta(days=1))

    assert verdicts() == {"GIFT": "REJECTED FREQUENCY"}


def test_a_decision_keeps_facts_version_segment_tier_and_figures() -> None:
    make_player(tier="GOLD")
    rule = make_rule(
        conditions={"net_loss_min": 100, "sessions_min": 3},
        reward={"formula": "net_loss * 0.01 * cashback_multiplier", "max_amount": 100},
    )

    evaluate()

    row: Any = decision()
    assert (row.rule_version, row.segment, row.tier, row.occasion) == (rule.version, "LOSING", "GOLD", "2025-12-21")
    assert row.facts == {"net_pnl": -3000.0, "total_sessions": 25, "cashback_multiplier": 1.5}
    assert (row.amount_computed, row.amount_given, row.money_value) == (45, 45, 45)
    assert (row.expected_cost, row.expected_margin) == (Decimal("45.00"), Decimal("231.43"))
    assert (row.first_on, row.last_on, row.times) == (ON, ON, 1)


def test_who_does_not_match_has_no_decision_and_removed_players_do_not_exist() -> None:
    make_player("alice", segment="NEW")
    make_player("bob", is_active=False)
    make_rule(conditions={"segment": "LOSING"})

    assert evaluate() == {}
    assert not RewardDecision.objects.exists()


def test_allocating_again_for_an_occasion_leaves_what_was_decided_alone() -> None:
    make_player("alice")
    make_player("carol-to-be", bonus_abuse_score=81)
    make_rule()

    evaluate()
    second = allocate()

    assert not RuleAllocation.objects.filter(run_id=second.pk).exists()
    assert issue(second) == {}
