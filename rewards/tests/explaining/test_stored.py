"""Explaining a stored decision: by what was kept, whatever was changed since."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from core.policies import save_policy
from players.metrics import refresh_metrics
from players.models import Player, PlayerMetrics
from players.tests.factories import ON, restrict
from rewards.explaining import (
    Basis,
    ExplainedComparison,
    Explanation,
    Outcome,
    Truth,
    explain,
    explain_decision,
    walk,
)
from rewards.models import RewardDecision, RewardRule, Verdict
from rewards.tests.factories import decision, evaluate, make_player, make_rule

pytestmark = pytest.mark.django_db
CASHBACK: dict[str, Any] = {
    "conditions": {"segment": "LOSING", "net_loss_min": 100},
    "reward": {"type": "CASHBACK", "formula": "net_loss * 0.02 * cashback_multiplier", "max_amount": 500},
}


def lines(found: Explanation) -> dict[str, tuple[Any, str, str]]:
    return {
        node.field: (node.actual, str(node.truth), node.distance)
        for node in walk(found.conditions)
        if isinstance(node, ExplainedComparison)
    }


def outcomes(found: Explanation) -> dict[str, str]:
    return {check.name: str(check.outcome) for check in (*found.limits, *found.safety)}


def sentences(found: Explanation) -> dict[str, str]:
    return {check.name: check.sentence for check in (*found.limits, *found.safety)}


def steps(found: Explanation) -> list[tuple[str, str | None, str | None]]:
    shown = [(s.name, None if s.before is None else str(s.before), s.after) for s in found.amount]
    return [(name, before, None if after is None else str(after)) for name, before, after in shown]


def test_a_given_reward_is_explained_from_its_decision() -> None:
    make_player(tier="SILVER")
    make_rule(**CASHBACK)
    evaluate()

    found = explain(player_id="alice", rule_id="GIFT")

    assert (found.basis, found.decision_id, found.on) == (Basis.STORED, decision().pk, ON)
    assert found.summary == "72.00 (cashback) was given."
    assert lines(found) == {
        "segment": ("LOSING", "HOLDS", "is LOSING"),
        "net_loss": (Decimal("3000.00"), "HOLDS", "2,900.00 above 100.00"),
    }
    assert steps(found) == [
        ("Formula", None, "72.00"),
        ("Maximum", "72.00", "72.00"),
        ("Rounding", "72.00", "72.00"),
        ("Given", "72.00", "72.00"),
    ]
    assert found.amount[0].sentence == (
        "net_loss * 0.02 * cashback_multiplier with net loss 3,000.00, cashback multiplier 1.2"
    )
    assert found.missing == ()


def test_it_stays_what_it_was_when_rule_and_player_change() -> None:
    make_player(tier="SILVER")
    make_rule(**CASHBACK)
    evaluate()
    before = explain(player_id="alice", rule_id="GIFT")

    make_rule(name="Another", conditions={"net_loss_min": 5000}, reward={"amount": 1}, frequency_period="WEEK")
    Player.objects.update(segment="VIP", tier="GOLD", is_active=False)
    PlayerMetrics.objects.update(total_wagered=Decimal(1), total_won=Decimal(0))
    refresh_metrics(player_ids=["alice"])

    assert explain(player_id="alice", rule_id="GIFT") == before
    assert explain(player_id="alice", rule_id="GIFT", at=ON) == before
    assert before.rule_version == 1


def test_what_was_since_the_last_reward_is_told_as_of_then() -> None:
    make_player()
    rule: dict[str, Any] = {"conditions": {"net_loss_since_last_reward_min": 100}, "frequency_period": "WEEK"}
    make_rule(**rule, reward={"formula": "net_loss_since_last_reward * 0.01", "max_amount": 500})
    evaluate()
    PlayerMetrics.objects.update(total_wagered=Decimal(15500))
    refresh_metrics(player_ids=["alice"])
    later = ON + timedelta(days=7)
    evaluate(on=later)

    first, second = (explain(player_id="alice", rule_id="GIFT", at=on) for on in (ON, later))

    assert lines(first)["net_loss_since_last_reward"][0] == Decimal("3000.00")
    assert lines(second)["net_loss_since_last_reward"][0] == Decimal("500.00")
    assert (first.amount_given, second.amount_given) == (Decimal("30.00"), Decimal("5.00"))
    assert first.missing == second.missing == ()


@pytest.mark.parametrize(
    ("player", "rule", "is_restricted", "stopped_by", "sentence"),
    [
        ({}, {}, True, "Restrictions", "the player is restricted: SELF_EXCLUDED"),
        ({"bonus_abuse_score": 85}, {}, False, "Abuse", "the abuse score of 85 needs a person to look"),
        (
            {},
            {"reward": {"amount": 400}},
            False,
            "Profitability",
            "the expected cost of 400.00, with 0.00 granted before, is not below the expected margin of 231.43",
        ),
        ({}, {"reward": {"amount": 10, "type": "VIP_PERKS"}}, False, "Approval", "a perk is given by a person"),
        ({}, {"total_budget": 59}, False, "Budget", "the budget has 59.00 left, 60.00 would be needed"),
        ({}, {"holdout_percent": 100}, False, "Holdout", "drawn into the control group; otherwise 60.00 would have"),
    ],
    ids=str,
)
def test_a_refusal_names_the_check_that_stopped_it(
    player: dict[str, Any], rule: dict[str, Any], is_restricted: bool, stopped_by: str, sentence: str
) -> None:
    make_player(**player)
    if is_restricted:
        restrict(Player.objects.get())
    make_rule(**{"reward": {"amount": 60}, **rule})
    evaluate()

    found = explain(player_id="alice", rule_id="GIFT")

    assert [name for name, outcome in outcomes(found).items() if outcome == "STOPPED"] == [stopped_by]
    assert sentences(found)[stopped_by].startswith(sentence)
    assert sentence in found.summary
    assert found.amount_given == 0
    assert str(found.amount[-1].after) == "0.00"


def test_the_guardrail_is_a_check_of_its_own() -> None:
    make_player()
    make_rule()
    RewardRule.objects.update(forecast_cost=4)
    evaluate()

    found = explain(player_id="alice", rule_id="GIFT")

    assert [name for name, outcome in outcomes(found).items() if outcome == "STOPPED"] == ["Guardrail"]
    assert sentences(found)["Guardrail"] == ("the rule was approved for 4.00 a date and reached its guardrail of 8.00")


def test_what_stands_behind_the_deciding_check_was_not_reached() -> None:
    make_player()
    restrict(Player.objects.get())
    make_rule()
    evaluate()

    found = outcomes(explain(player_id="alice", rule_id="GIFT"))

    assert (found["Frequency"], found["Cooldown"], found["Restrictions"]) == ("PASSED", "PASSED", "STOPPED")
    assert {found[name] for name in ("Abuse", "Profitability", "Caps", "Budget")} == {"NOT_REACHED"}


def test_a_second_reward_in_the_period_is_refused_with_the_first_ones_date() -> None:
    make_player()
    make_rule()
    evaluate()
    evaluate(on=ON + timedelta(days=1))

    found = explain(player_id="alice", rule_id="GIFT")

    assert found.summary == "Nothing was given: given once in the period already, last on 2025-12-21."
    assert outcomes(found)["Frequency"] == "STOPPED"
    assert steps(found)[-2:] == [("Limits", "10.00", "0.00"), ("Given", "0.00", "0.00")]


def test_abuse_and_caps_are_steps_of_the_amount() -> None:
    save_policy(name="MAX_DAILY_REWARD_PER_PLAYER", value="20", saved_by=None)
    make_player(bonus_abuse_score=45)
    make_rule(reward={"amount": 60})
    evaluate()

    found = explain(player_id="alice", rule_id="GIFT")

    assert found.verdict == Verdict.REDUCED
    assert found.summary == (
        "20.00 (bonus money) was given and not 60.00: the abuse score of 45 leaves 0.5 of the amount; "
        "the cap per day leaves 20.00: cut from 30.00 to 20.00."
    )
    assert steps(found)[1:] == [
        ("Rounding", "60.00", "60.00"),
        ("Abuse", "60.00", "30.00"),
        ("Caps", "30.00", "20.00"),
        ("Given", "20.00", "20.00"),
    ]
    assert (outcomes(found)["Abuse"], outcomes(found)["Caps"]) == ("CHANGED", "CHANGED")


def test_a_refusal_that_repeated_says_so_for_every_day_between() -> None:
    make_player()
    make_rule(reward={"amount": 400})
    for day in range(3):
        evaluate(on=ON + timedelta(days=day))

    found = explain(player_id="alice", rule_id="GIFT", at=ON + timedelta(days=1))

    assert found.basis is Basis.STORED
    assert [gap.partition(":")[0] for gap in found.missing] == [
        "the same refusal stood 3 times from 2025-12-21 to 2025-12-23"
    ]


def test_no_amount_says_why() -> None:
    make_player()
    make_rule(reward={"formula": "total_wagered / total_bets", "max_amount": 5})
    evaluate()

    found = explain(player_id="alice", rule_id="GIFT")

    assert found.summary == (
        "Nothing was given: the formula has no value: a field is not known, or it divides by zero."
    )
    assert steps(found) == [("Formula", None, None), ("Nothing to give", None, "0.00"), ("Given", "0.00", "0.00")]


def test_what_a_decision_did_not_keep_is_named_and_not_taken_from_today() -> None:
    make_player()
    make_rule(**CASHBACK)
    evaluate()
    kept = decision()
    RewardDecision.objects.filter(pk=kept.pk).update(facts={"segment": "LOSING"})

    found = explain_decision(RewardDecision.objects.get(pk=kept.pk))

    assert lines(found)["net_loss"] == (None, "UNKNOWN", "not known: the decision did not keep it")
    assert found.conditions.truth is Truth.UNKNOWN
    assert found.missing == ("the decision did not keep cashback_multiplier, net_pnl",)
    assert found.amount_given == Decimal("60.00")


def test_large_figures_are_kept_to_the_cent() -> None:
    make_player(total_wagered=Decimal("9007199254740993.01"), total_won=Decimal(0))
    make_rule(conditions={"total_wagered_min": 1}, reward={"amount": 1})
    evaluate()

    found = explain(player_id="alice", rule_id="GIFT")

    assert lines(found)["total_wagered"][0] == Decimal("9007199254740993.01")


def test_a_stored_explanation_costs_a_fixed_number_of_queries(django_assert_num_queries: Any) -> None:
    make_player()
    make_rule(**CASHBACK)
    for number in range(5):
        make_rule(f"OTHER_{number}")
    evaluate()

    with django_assert_num_queries(6):
        found = explain(player_id="alice", rule_id="GIFT")

    assert outcomes(found)["Budgets"] == Outcome.PASSED


def test_an_amount_that_fell_because_no_requirement_can_rise_says_so() -> None:
    make_player(bonus_abuse_score=65)
    make_rule(reward={"type": "LOYALTY_POINTS", "amount": 100})
    evaluate()

    found = explain_decision(decision())

    assert found.summary == (
        "50.00 (loyalty points) was given and not 100.00: the abuse score of 65 raises wagering requirements; this "
        "reward has none that could rise, so 0.5 of the amount is left."
    )
    assert outcomes(found)["Abuse"] == "CHANGED"
