"""What safety refuses is listed: once for a rule that refuses every night, and each credit by hand."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from core.policies import save_policy
from players.tests.factories import ON
from rewards.tests.factories import allocate, decision, evaluate, issue, make_player, make_rule, verdicts
from safety.credit_checks import CapExceededError, UnprofitableCreditError
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
    give("320.00", key="not asked")
    save_policy(name="MANUAL_CREDITS_PROFITABILITY", value="WARN", saved_by=None)

    give("10.00", key="warned")

    listed = SafetyViolation.objects.get()
    assert (listed.code, listed.is_refused) == ("UNPROFITABLE", False)
    assert listed.figures["granted_before"] == "320.00"
    save_policy(name="MANUAL_CREDITS_PROFITABILITY", value="ENFORCE", saved_by=None)
    with pytest.raises(UnprofitableCreditError, match=r"a cost of 10\.00 with 330\.00 granted before is not below"):
        give("10.00", key="refused")
    assert balances("alice") == {"BONUS": "330.00"}
    assert SafetyViolation.objects.filter(is_refused=True).count() == 1


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
