"""Active rules against changed profiles, the command that tells of them, and what points buy under a jurisdiction."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command

from core.models import PolicyValue
from players.models import JurisdictionLimit, Player, RestrictionEffect
from players.tests.factories import restrict
from rewards.explaining.asking import explain
from rewards.jurisdictions.compliance import accept_jurisdiction, breaking_rules
from rewards.models import RedemptionOption, RedemptionOrder, RewardRule
from rewards.redemption.options import save_option
from rewards.redemption.ordering import order_redemption
from rewards.tests.factories import evaluate, make_player, make_rule, verdicts
from safety.jurisdictions.changing import propose_profile
from safety.models import JurisdictionProfile
from wallet.ledger import JurisdictionLimitError
from wallet.models import Lot, PostingRefusal
from wallet.points import add_loyalty_points

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
ALLOWED = {"eligible_games": ["slots"], "wagering_requirement": 8, "amount": 10}


def tighten(most: str = "5") -> Any:
    """Let Great Britain allow less of a requirement, as two people do."""
    anna, ben = (User.objects.get_or_create(username=name)[0] for name in ("anna", "ben"))
    content = JurisdictionProfile.objects.get(code="GB", status="IN_FORCE").content
    limits = [{**one, "value": most} if one["kind"] == "WAGERING_REQUIREMENT_MAX" else one for one in content["limits"]]
    proposed = propose_profile(code="GB", content={**content, "limits": limits}, reason="Stricter", by=anna)
    return accept_jurisdiction(profile_id=proposed.pk, by=ben)


def checked() -> tuple[int, list[str]]:
    """Run the command; return its exit code and lines."""
    out = StringIO()
    try:
        call_command("check_jurisdictions", stdout=out)
    except SystemExit as ended:
        return int(str(ended.code)), out.getvalue().splitlines()
    return 0, out.getvalue().splitlines()


def test_a_changed_profile_lists_the_rules_that_break_it_and_lets_them_skip_its_players() -> None:
    make_player("alice", country="United Kingdom")
    make_player("bob", country="Germany")
    make_rule("NAMES", reward=ALLOWED, jurisdictions=["GB", "DEFAULT"])
    make_rule("OPEN", reward=ALLOWED)
    make_rule("SMALL", reward={**ALLOWED, "wagering_requirement": 5})

    accepted = tighten()
    evaluate(NOON.date())

    assert [(one.rule.pk, one.is_named) for one in accepted.breaking] == [("NAMES", True), ("OPEN", False)]
    assert accepted.paused == []
    assert verdicts("alice") == {
        "NAMES": "REJECTED JURISDICTION",
        "OPEN": "REJECTED JURISDICTION",
        "SMALL": "APPROVED",
    }
    assert verdicts("bob") == dict.fromkeys(("NAMES", "OPEN", "SMALL"), "APPROVED")


def test_by_policy_rules_that_break_what_they_name_are_paused() -> None:
    PolicyValue.objects.create(name="JURISDICTION_VIOLATIONS", value="PAUSE")
    make_rule("NAMES", reward=ALLOWED, jurisdictions=["GB"])
    make_rule("OPEN", reward=ALLOWED)

    assert tighten().paused == ["NAMES"]

    statuses = dict(RewardRule.objects.values_list("rule_id", "status"))
    assert statuses == {"NAMES": "PAUSED", "OPEN": "ACTIVE"}


def test_the_command_tells_of_rules_and_fails_where_one_breaks_what_it_names() -> None:
    make_rule("OPEN", reward={**ALLOWED, "wagering_requirement": 20})
    code, lines = checked()
    assert code == 0
    assert lines[0].startswith(
        "SKIPS   OPEN v1: a turnover of 20 × the bonus is required, at most 10 × may be in GB (LCCP"
    )

    make_rule("NAMES", reward=ALLOWED, jurisdictions=["GB"])
    tighten()
    code, lines = checked()

    assert code == 1
    assert lines[0].startswith("BREAKS  NAMES v1:")
    assert lines[-1] == "1 rules break what they name, 1 skip players of a jurisdiction"


def test_the_command_fails_where_the_matrix_is_weaker_than_a_profile() -> None:
    RestrictionEffect.objects.filter(kind="RG_HARM", purpose="PROMOTION").delete()

    code, lines = checked()

    assert (code, lines[0][:21]) == (1, "MATRIX  Great Britain")


def test_looking_for_breaking_rules_costs_the_same_queries_for_more_profiles(django_assert_num_queries: Any) -> None:
    make_rule("OPEN", reward={**ALLOWED, "wagering_requirement": 20})

    with django_assert_num_queries(4):
        assert len(breaking_rules()) == 1


def test_a_bonus_bought_with_points_obeys_too() -> None:
    make_player("alice", country="United Kingdom")
    make_player("bob", country="Germany")
    terms = {"name": "Ten", "cost_currency": "LP", "cost": Decimal(10), "gives": "BONUS", "amount": Decimal(10)}
    save_option(RedemptionOption(code="TEN", **terms, wagering_requirement=Decimal(20)))
    for name in ("alice", "bob"):
        add_loyalty_points(player_id=name, amount="50.00", source="Play", key=f"{name}:lp", actor="tests")

    with pytest.raises(JurisdictionLimitError, match=r"TEN cannot go to player alice: a turnover of 20 ×"):
        order_redemption(player_id="alice", option_code="TEN", key="one", actor="tests", at=NOON)
    order_redemption(player_id="bob", option_code="TEN", key="two", actor="tests", at=NOON)

    assert [lot.player_id for lot in Lot.objects.filter(currency_type="BONUS")] == ["bob"]
    kept = PostingRefusal.objects.get()
    assert (kept.player_id, kept.operation_key, kept.purpose, kept.currency_type, kept.amount) == (
        "alice",
        "one",
        "REDEMPTION",
        "BONUS",
        Decimal("10.00"),
    )
    assert (kept.reason, kept.details["limit"], kept.details["jurisdiction"]) == (
        "JURISDICTION",
        "WAGERING_REQUIREMENT_MAX",
        "GB",
    )


def test_a_benefit_is_not_sold_where_nothing_may_be_given_nor_on_indicators_of_harm() -> None:
    for name in ("alice", "bob"):
        make_player(name, country="United Kingdom")
        add_loyalty_points(player_id=name, amount="50.00", source="Play", key=f"{name}:lp", actor="tests")
    save_option(RedemptionOption(code="DINNER", name="Dinner", cost_currency="LP", cost=Decimal(10), gives="BENEFIT"))
    RestrictionEffect.objects.filter(kind="RG_HARM").delete()
    restrict(Player.objects.get(pk="alice"), "RG_HARM")

    with pytest.raises(JurisdictionLimitError, match="strong indicators of harm are recorded"):
        order_redemption(player_id="alice", option_code="DINNER", key="one", actor="tests", at=NOON)
    JurisdictionLimit.objects.create(
        jurisdiction_id="GB", kind="PROMOTIONS_FORBIDDEN", valid_from=date(2026, 1, 1), clause="§ 1", clause_says="…"
    )
    with pytest.raises(JurisdictionLimitError, match="nothing may be given"):
        order_redemption(player_id="bob", option_code="DINNER", key="two", actor="tests", at=NOON)

    assert (RedemptionOrder.objects.count(), PostingRefusal.objects.count()) == (0, 2)


def test_explanations_tell_the_clause_before_and_after_the_decision() -> None:
    make_player("alice", country="United Kingdom")
    make_rule(reward={"wagering_requirement": 20})

    def jurisdiction_check() -> tuple[str, str]:
        explained = explain(player_id="alice", rule_id="GIFT", at=NOON.date())
        found = next(check for check in explained.safety if check.name == "Jurisdiction")
        return str(found.outcome), found.sentence

    said = (
        "in GB a turnover of 20 × the bonus is required, at most 10 × may be (LCCP, social responsibility code 5.1.1 "
        "(3)(a))"
    )
    before = jurisdiction_check()
    evaluate(NOON.date())

    assert before == jurisdiction_check()
    assert before[1] == said
