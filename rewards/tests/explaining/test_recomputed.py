"""Explaining what was not decided: computed again by the night's phases, and marked so."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from core.errors import NotFoundError
from core.models import Run, RunKind
from core.policies import save_policy
from players.models import Player, PlayerDay, PlayerMetrics, SegmentChange, TierChange
from players.tests.factories import ON, restrict
from rewards.explaining import Basis, DateInFutureError, Truth, explain
from rewards.facts import fill_facts, needed_columns
from rewards.models import RewardRule, RewardRuleVersion
from rewards.problems import RuleInvalidError
from rewards.rules import validate_rule
from rewards.tests.explaining.test_stored import lines, outcomes, sentences, steps
from rewards.tests.factories import evaluate, make_player, make_rule, verdicts
from rewards.tests.test_rule_preview import row_counts

pytestmark = pytest.mark.django_db


@pytest.fixture
def today() -> date:
    return timezone.localdate()


def test_a_player_whom_the_rule_does_not_match_learns_what_is_missing(today: date) -> None:
    make_player(total_won=Decimal(14937))
    make_rule(conditions={"segment": "WINNING", "net_loss_min": 100})

    found = explain(player_id="alice", rule_id="GIFT")

    assert (found.basis, found.on, found.verdict, found.decision_id) == (Basis.RECOMPUTED, today, "", None)
    assert found.summary == (
        "Conditions do not hold: segment is LOSING, WINNING is needed; 37.00 more net loss needed."
    )
    assert lines(found) == {
        "segment": ("LOSING", "DOES_NOT_HOLD", "is LOSING, WINNING is needed"),
        "net_loss": (Decimal("63.00"), "DOES_NOT_HOLD", "37.00 more net loss needed"),
    }
    assert found.missing == ()


def test_limits_and_safety_are_told_also_where_the_conditions_do_not_hold() -> None:
    make_player()
    restrict(Player.objects.get())
    make_rule(conditions={"net_loss_min": 5000}, reward={"amount": 400})

    found = explain(player_id="alice", rule_id="GIFT")

    stopped = [name for name, outcome in outcomes(found).items() if outcome == "STOPPED"]
    assert stopped == ["Restrictions", "Profitability"]
    assert steps(found)[-1] == ("Given", "0.00", "0.00")


def test_profitability_shows_its_inputs() -> None:
    make_player()
    make_rule(conditions={"net_loss_min": 5000}, reward={"amount": 10})

    found = explain(player_id="alice", rule_id="GIFT")

    figures = dict(next(check for check in found.safety if check.name == "Profitability").figures)
    assert figures == {
        "expected_cost": "10.00",
        "granted_before": "0.00",
        "expected_margin": "231.43",
        "wager_per_active_day": "428.5714",
        "active_days": "6",
        "retention_multiplier": "1.8",
        "house_edge": "0.05",
        "cost_rate": "1",
    }


@pytest.mark.parametrize(
    ("player", "rule", "is_restricted"),
    [
        ({}, {}, False),
        ({}, {}, True),
        ({"segment": "VIP"}, {}, False),
        ({"bonus_abuse_score": 45}, {}, False),
        ({"bonus_abuse_score": 65}, {}, False),
        ({"bonus_abuse_score": 85}, {}, False),
        ({}, {"reward": {"amount": 1000}}, False),
        ({}, {"reward": {"formula": "5 / 0", "max_amount": 5}}, False),
        ({}, {"reward": {"formula": "total_sessions", "max_amount": 90, "min_amount": 26}}, False),
        ({}, {"reward": {"amount": 160, "min_amount": 158}}, False),
        ({}, {"reward": {"amount": 10, "type": "VIP_PERKS"}}, False),
        ({}, {"reward": {"amount": 160, "wagering_requirement": 10}}, False),
        ({}, {"holdout_percent": 100}, False),
        ({}, {"holdout_percent": 100, "reward": {"amount": 1000}}, False),
        ({}, {"total_budget": 149}, False),
        ({}, {"daily_budget": 150}, False),
        (
            {},
            {"total_budget": 10_000, "budget_pacing": "EVEN", "ends_on": "2030-01-01"},
            False,
        ),
        ({}, {"max_players": 1}, False),
        ({}, {"max_players": 1, "reward": {"type": "VIP_PERKS", "amount": 1}}, False),
        ({}, {"exclusive_group": "retention"}, False),
    ],
    ids=str,
)
def test_it_says_what_the_night_of_today_then_does(
    player: dict[str, Any], rule: dict[str, Any], is_restricted: bool, today: date
) -> None:
    save_policy(name="MAX_DAILY_REWARD_PER_PLAYER", value="155", saved_by=None)
    make_player(**player)
    if is_restricted:
        restrict(Player.objects.get())
    make_rule("FIRST", priority=9, reward={"amount": 5}, exclusive_group="retention")
    make_rule("NEVER", priority=8, conditions={"net_loss_min": 10**6})
    plain = {"conditions": {"net_loss_min": 100}, "reward": {"formula": "net_loss * 0.05", "max_amount": 500}}
    make_rule(**{**plain, **rule})

    expected = explain(player_id="alice", rule_id="GIFT")
    evaluate(on=today)
    stored = explain(player_id="alice", rule_id="GIFT")

    assert (expected.basis, stored.basis) == (Basis.RECOMPUTED, Basis.STORED)
    assert f"{expected.verdict} {expected.reason}".strip() == verdicts()["GIFT"]
    assert expected.amount_given == stored.amount_given
    assert expected.amount_computed == stored.amount_computed
    assert expected.conditions == stored.conditions
    assert expected.summary.partition(":")[2] == stored.summary.partition(":")[2]
    assert steps(expected)[-1][2] == steps(stored)[-1][2]


@pytest.mark.parametrize("reward", [{"amount": 10}, {"type": "VIP_PERKS", "amount": 1}], ids=str)
def test_the_places_of_a_rule_are_told_before_the_night_and_after_it(reward: dict[str, Any], today: date) -> None:
    make_player("bob")
    make_rule(max_players=1, frequency_period="DAY", reward=reward)
    evaluate(on=today)
    make_player("alice")

    expected = explain(player_id="alice", rule_id="GIFT")
    evaluate(on=today)
    stored = explain(player_id="alice", rule_id="GIFT")

    sentence = "all places of the rule, 1 in number, are taken"
    for found, basis in ((expected, Basis.RECOMPUTED), (stored, Basis.STORED)):
        assert (found.basis, found.verdict, found.reason) == (basis, "REJECTED", "MAX_PLAYERS")
        assert found.amount_given == 0
        assert [name for name, outcome in outcomes(found).items() if outcome == "STOPPED"][:1] == ["Places"]
        assert sentences(found)["Places"] == sentence
        assert sentence in found.summary
    assert expected.summary.partition(":")[2] == stored.summary.partition(":")[2]


def test_who_has_a_place_already_is_told_so(today: date) -> None:
    make_player("bob")
    make_rule(max_players=1, frequency_period="DAY")
    evaluate(on=today - timedelta(days=1))

    found = explain(player_id="bob", rule_id="GIFT", at=today)

    assert (found.verdict, outcomes(found)["Places"]) == ("APPROVED", "PASSED")
    assert sentences(found)["Places"] == "the player has one of 1 already"


def test_free_places_are_counted() -> None:
    make_player()
    make_rule(max_players=3)

    assert sentences(explain(player_id="alice", rule_id="GIFT"))["Places"] == "3 of 3 are left"


def test_whom_the_global_control_group_holds_is_told_so_by_a_rule_without_one(today: date) -> None:
    save_policy(name="GLOBAL_HOLDOUT_PERCENT", value="100", saved_by=None)
    make_player()
    make_rule()

    expected = explain(player_id="alice", rule_id="GIFT")
    evaluate(on=today)
    stored = explain(player_id="alice", rule_id="GIFT")

    for found in (expected, stored):
        assert (found.verdict, outcomes(found)["Holdout"]) == ("HELD_OUT", "STOPPED")
        assert "global control group" in sentences(found)["Holdout"]
        assert "drawn into the global control group; otherwise 10.00 would have been given" in found.summary


def test_a_live_rule_that_nothing_set_off_says_what_it_waits_for() -> None:
    make_player()
    make_rule(is_live=True, trigger="DEPOSIT")

    found = explain(player_id="alice", rule_id="GIFT")

    assert (found.verdict, outcomes(found)["In force"]) == ("", "STOPPED")
    assert "Conditions hold, but the rule waits for DEPOSIT, not for the night" in found.summary


def test_nothing_is_written() -> None:
    make_player()
    make_rule("FIRST", priority=9, total_budget=100)
    make_rule(conditions={"net_loss_min": 5000}, total_budget=100)
    before = row_counts()

    explain(player_id="alice", rule_id="GIFT")

    assert row_counts() == before


def test_rules_that_do_not_match_cost_no_query_more(django_assert_max_num_queries: Any) -> None:
    make_player()
    make_rule(conditions={"net_loss_min": 5000})
    for number in range(20):
        make_rule(f"OTHER_{number}", priority=9, conditions={"net_loss_min": 10**6})

    with django_assert_max_num_queries(74):
        explain(player_id="alice", rule_id="GIFT")


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ({"status": "PAUSED"}, "Conditions hold, but the rule is paused, not active."),
        ({"ends_on": "2026-01-10"}, "Conditions hold, but the rule ended on 2026-01-10, 10 days before."),
        ({"starts_on": "2026-01-25"}, "Conditions hold, but the rule starts on 2026-01-25, 5 days later."),
    ],
)
def test_a_rule_that_is_not_in_force_says_so(content: dict[str, Any], sentence: str) -> None:
    make_player()
    make_rule(**content)

    found = explain(player_id="alice", rule_id="GIFT", at=date(2026, 1, 20))

    assert found.summary == sentence
    assert (found.verdict, found.amount_given) == ("", Decimal(0))
    assert steps(found)[-2:] == [("In force", "10.00", "0.00"), ("Given", "0.00", "0.00")]


def test_an_unknown_window_says_since_when_there_are_daily_rows() -> None:
    alice = make_player()
    PlayerMetrics.objects.update(days_from=date(2025, 12, 10))
    PlayerDay.objects.create(player=alice, on=ON, wagered=Decimal(50))
    make_rule(conditions={"total_wagered_30d_min": 10, "total_wagered_7d_min": 10})

    found = explain(player_id="alice", rule_id="GIFT", at=ON)

    assert found.conditions.truth is Truth.UNKNOWN
    assert lines(found)["total_wagered_7d"] == (Decimal("50.00"), "HOLDS", "40.00 above 10.00")
    assert lines(found)["total_wagered_30d"][2] == (
        "not known: no daily rows reach back 30 days, to 2025-11-22: they begin on 2025-12-10"
    )
    assert found.summary.startswith("Conditions are not known to hold: total wagered in 30 days is not known")


# ── A past day ──


def test_a_past_day_has_the_segment_and_tier_of_then() -> None:
    alice = make_player(segment="VIP", tier="GOLD")
    SegmentChange.objects.create(player=alice, on=date(2025, 12, 1), segment_before="NEW", segment_after="LOSING")
    SegmentChange.objects.create(player=alice, on=date(2025, 12, 24), segment_before="LOSING", segment_after="VIP")
    TierChange.objects.create(player=alice, on=date(2025, 12, 24), tier_before="SILVER", tier_after="GOLD")
    make_rule(conditions={"segment": "VIP", "tier": "GOLD"}, reward={"formula": "cashback_multiplier", "max_amount": 9})

    then = explain(player_id="alice", rule_id="GIFT", at=ON)
    now = explain(player_id="alice", rule_id="GIFT")

    assert lines(then)["segment"][:2] == ("LOSING", "DOES_NOT_HOLD")
    assert lines(then)["tier"][:2] == ("SILVER", "DOES_NOT_HOLD")
    assert (str(then.amount_computed), str(now.amount_computed)) == ("1.20", "1.50")


def test_what_of_a_past_day_is_todays_is_named() -> None:
    make_player()
    make_rule(conditions={"net_loss_min": 5000, "segment": "LOSING"})
    RewardRuleVersion.objects.update(saved_at=timezone.now() - timedelta(days=1000))

    found = explain(player_id="alice", rule_id="GIFT", at=ON)

    assert found.missing == (
        "today's values stand in for that day's: net_loss",
        "restrictions, policies and the rule's status are today's",
        "what other rules gave in the same night is not counted again",
    )


def test_a_past_day_is_explained_by_the_version_of_then() -> None:
    make_player()
    make_rule(conditions={"net_loss_min": 5000})
    RewardRuleVersion.objects.update(saved_at=timezone.now() - timedelta(days=1000))
    make_rule(conditions={"net_loss_min": 1})

    then = explain(player_id="alice", rule_id="GIFT", at=ON)
    now = explain(player_id="alice", rule_id="GIFT")

    assert (then.rule_version, then.conditions.truth) == (1, Truth.DOES_NOT_HOLD)
    assert (now.rule_version, now.conditions.truth) == (2, Truth.HOLDS)


def test_a_day_before_the_rule_was_saved_is_marked(today: date) -> None:
    make_player()
    make_rule(conditions={"net_loss_min": 5000})

    found = explain(player_id="alice", rule_id="GIFT", at=ON)

    assert found.missing[0] == f"the rule was first saved on {today}; shown is what that version says"


def test_the_facts_of_the_days_night_are_used_while_they_are_there() -> None:
    make_player()
    rule = make_rule(conditions={"net_loss_min": 5000})
    night = Run.objects.create(
        kind=RunKind.NIGHT, business_date=ON, parameters={"rules": [{"rule_id": "GIFT", "version": 1}]}
    )
    fill_facts(run_id=night.pk, on=ON, columns=needed_columns([validate_rule(rule)]))
    PlayerMetrics.objects.update(net_pnl=Decimal(-9000))
    make_rule(conditions={"net_loss_min": 1})

    found = explain(player_id="alice", rule_id="GIFT", at=ON)

    assert lines(found)["net_loss"] == (Decimal("3000.00"), "DOES_NOT_HOLD", "2,000.00 more net loss needed")
    assert found.rule_version == 1
    assert not [gap for gap in found.missing if gap.startswith("today's values")]


def test_a_later_reward_does_not_count_for_a_day_before_it() -> None:
    make_player()
    make_rule(conditions={"risk_score_max": 50})
    evaluate(on=ON + timedelta(days=1))

    found = explain(player_id="alice", rule_id="GIFT", at=ON)

    assert found.basis is Basis.RECOMPUTED
    assert sentences(found)["Frequency"] == "given 0 of 1 ever"
    assert found.verdict == "APPROVED"


# ── What cannot be answered ──


def test_an_unknown_player_is_not_found() -> None:
    make_rule()

    with pytest.raises(NotFoundError, match="there is no player 'nobody'"):
        explain(player_id="nobody", rule_id="GIFT")


def test_a_removed_player_without_a_decision_is_not_found() -> None:
    make_player("removed", is_active=False)
    make_rule()

    with pytest.raises(NotFoundError, match="no active player 'removed' with metrics"):
        explain(player_id="removed", rule_id="GIFT")


def test_an_unknown_rule_is_not_found() -> None:
    make_player()

    with pytest.raises(NotFoundError, match="there is no rule 'NOTHING'"):
        explain(player_id="alice", rule_id="NOTHING")


def test_a_day_that_has_not_come_is_refused(today: date) -> None:
    make_player()
    make_rule()

    with pytest.raises(DateInFutureError, match=f"has not come yet; ask for {today} or earlier"):
        explain(player_id="alice", rule_id="GIFT", at=today + timedelta(days=1))


def test_a_version_that_cannot_be_read_is_refused() -> None:
    make_player()
    make_rule()
    version = RewardRuleVersion.objects.get()
    RewardRuleVersion.objects.update(content={**version.content, "conditions": {"gone": 1}})
    assert RewardRule.objects.exists()

    with pytest.raises(RuleInvalidError, match="gone"):
        explain(player_id="alice", rule_id="GIFT")
