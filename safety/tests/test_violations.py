"""What safety refuses is listed: once for a rule that refuses every night, and each credit by hand."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from core.policies import save_policy
from players.models import PlayerMetrics
from players.tests.factories import ON, make_alice
from rewards.tests.factories import allocate, decision, evaluate, issue, make_player, make_rule, verdicts
from safety.credit_checks import AbusiveCreditError, CapExceededError, UnprofitableCreditError
from safety.grants import credit_bonus, credit_points
from safety.models import SafetyViolation, ViolationPath
from safety.tests.factories import set_baseline
from safety.violations import forget_old_violations
from wallet.tests.factories import balances

pytestmark = pytest.mark.django_db


def give(amount: str, *, key: str = "by hand", **terms: Any) -> None:
    given = {"wagering_requirement": Decimal(0), "expiry": None, **terms}
    credit_bonus(player_id="alice", amount=amount, key=key, actor="staff", **given)


def test_a_rule_that_refuses_every_night_is_listed_once_and_counted_at_its_decision() -> None:
    make_player()
    make_rule(reward={"amount": 400}, frequency_period="DAY")

    evaluate(ON)
    evaluate(ON + timedelta(days=1))

    listed = SafetyViolation.objects.get()
    assert (listed.code, listed.path, listed.on, listed.decision_id) == ("UNPROFITABLE", "RULE", ON, decision().pk)
    assert listed.figures == {
        "code": "UNPROFITABLE",
        "expected_cost": 400.0,
        "granted_before": 0.0,
        "expected_margin": 231.43,
    }
    assert decision().times == 2


def test_what_a_rule_refuses_by_its_own_limits_is_no_violation() -> None:
    make_player()
    make_rule()
    evaluate(ON)
    evaluate(ON + timedelta(days=1))

    assert verdicts() == {"GIFT": "REJECTED FREQUENCY"}
    assert not SafetyViolation.objects.exists()


def test_a_credit_beyond_a_cap_is_listed_with_its_way_and_who_asked() -> None:
    make_player()

    with pytest.raises(CapExceededError):
        credit_points(
            player_id="alice", amount="200000", source="sorry", key="points", actor="platform", path=ViolationPath.API
        )

    listed = SafetyViolation.objects.get()
    assert (listed.code, listed.path, listed.actor, listed.operation_key) == ("CAP", "API", "platform", "points")
    assert listed.figures["room"] == "1000"


def test_credits_by_hand_must_be_profitable_only_where_staff_say_so() -> None:
    make_player()
    set_baseline("LOSING", "600.00")
    save_policy(name="MANUAL_CREDITS_PROFITABILITY", value="OFF", saved_by=None)
    give("330.00", key="not asked")
    assert not SafetyViolation.objects.exists()
    save_policy(name="MANUAL_CREDITS_PROFITABILITY", value="WARN", saved_by=None)

    give("10.00", key="warned")

    listed = SafetyViolation.objects.get()
    assert (listed.code, listed.is_refused) == ("UNPROFITABLE", False)
    assert listed.figures["granted_before"] == "330.00"
    save_policy(name="MANUAL_CREDITS_PROFITABILITY", value="ENFORCE", saved_by=None)
    with pytest.raises(UnprofitableCreditError, match=r"a cost of 10\.00 with 340\.00 granted before is not below"):
        give("10.00", key="refused")
    assert balances("alice") == {"BONUS": "340.00"}
    assert SafetyViolation.objects.filter(is_refused=True).count() == 1


def test_points_by_hand_use_up_the_margin_by_their_unit_value() -> None:
    make_player()
    set_baseline("LOSING", "600.00")
    credit_points(player_id="alice", amount="30000", source="sorry", key="points", actor="staff")
    make_rule(reward={"amount": 25})

    evaluate(timezone.localdate())

    # 30,000 points of a cent and 25.00 are not below 324.00.
    assert decision().reasons == [
        {"code": "UNPROFITABLE", "expected_cost": 25.0, "granted_before": 300.0, "expected_margin": 324.0}
    ]


def test_a_credit_to_a_player_of_whom_no_play_is_known_is_doubtful_and_no_error() -> None:
    make_alice()

    give("10.00", key="warned")

    listed = SafetyViolation.objects.get()
    assert (listed.is_refused, listed.figures) == (False, {"missing": "the player's measures"})
    save_policy(name="MANUAL_CREDITS_PROFITABILITY", value="ENFORCE", saved_by=None)
    with pytest.raises(UnprofitableCreditError, match="no play is known"):
        give("10.00", key="refused")


def test_a_credit_to_a_player_who_waits_for_a_review_is_listed_or_refused_as_staff_want_it() -> None:
    make_player()
    set_baseline("LOSING", "600.00")
    PlayerMetrics.objects.update(bonus_abuse_score=80)
    give("10.00", key="in a band that only cuts")
    PlayerMetrics.objects.update(bonus_abuse_score=81)

    give("10.00", key="warned")

    listed = SafetyViolation.objects.get()
    assert (listed.code, listed.is_refused, listed.figures["abuse_score"]) == ("ABUSE_REVIEW", False, 81)
    save_policy(name="MANUAL_CREDITS_ABUSE", value="ENFORCE", saved_by=None)
    with pytest.raises(AbusiveCreditError, match="has an abuse score of 81: from 81 on a person must look first"):
        give("10.00", key="refused")
    assert balances("alice") == {"BONUS": "20.00"}


def test_a_refused_credit_is_not_listed_as_let_pass_as_well() -> None:
    make_player()
    set_baseline("LOSING", "600.00")

    with pytest.raises(CapExceededError):
        give("1000.01", key="unprofitable and beyond the cap")

    assert [(one.code, one.is_refused) for one in SafetyViolation.objects.all()] == [("CAP", True)]


def test_what_was_granted_meanwhile_counts_against_the_margin_under_the_lock() -> None:
    make_player()
    today = timezone.localdate()
    make_rule(reward={"amount": 200})
    run = allocate(today)
    give("100.00", key="meanwhile")

    issue(run)

    assert verdicts() == {"GIFT": "REJECTED UNPROFITABLE"}
    assert decision().reasons == [
        {"code": "UNPROFITABLE", "expected_cost": 200.0, "granted_before": 100.0, "expected_margin": 231.43}
    ]
    assert balances("alice") == {"BONUS": "100.00"}


def test_old_violations_are_forgotten_when_their_time_is_over() -> None:
    make_player()
    today = timezone.localdate()
    for days in (10, 800):
        SafetyViolation.objects.create(
            player_id="alice", on=today - timedelta(days=days), path="RULE", code="CAP", figures={}
        )

    assert forget_old_violations(today=today) == 1
    assert SafetyViolation.objects.get().on == today - timedelta(days=10)
