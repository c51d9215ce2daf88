"""Rules where their jurisdictions allow: refused or warned of when saved, and held to the limits when they run."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import User

from players.jurisdictions import set_jurisdiction
from players.models import GameCategory, JurisdictionLimit, RestrictionEffect
from players.tests.factories import restrict
from rewards.events import PlayerEvent, evaluate_events
from rewards.explaining.reasons import reason_sentence
from rewards.jurisdictions.saving import jurisdiction_warnings
from rewards.live import apply_reward
from rewards.models import PerkTask, RewardRule, RuleBudgetDay
from rewards.perks import approve_perk, complete_perk
from rewards.preview import test_rule as try_rule
from rewards.problems import RuleInvalidError
from rewards.rules import check_rule, save_rule
from rewards.tests.factories import allocate, balance, decision, evaluate, issue, make_player, make_rule, verdicts
from safety.models import VipApproval
from safety.vip_approvals import VipApprovalNeededError, approve_vip, open_vip_approval, record_vip_check, revoke_vip
from wallet.bonuses import add_bonus_balance
from wallet.models import Lot

pytestmark = pytest.mark.django_db
ON = date(2026, 3, 10)
NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
CODE = "LCCP, social responsibility code 5.1.1"
MONTH_OF_FIFTEEN = {
    "cap": "month",
    "jurisdiction": "GB",
    "version": 1,
    "limit": "PROMOTION_VALUE_MONTH_MAX",
    "most": "15",
    "clause": "§ 1",
}
SLOTS = {"eligible_games": ["slots"], "wagering_requirement": 10, "amount": 10}


def british(player_id: str = "alice", **values: Any) -> Any:
    return make_player(player_id, country="United Kingdom", **values)


def limit(kind: str, value: str | None = None, **values: Any) -> None:
    JurisdictionLimit.objects.create(
        jurisdiction_id="GB",
        kind=kind,
        value=value,
        **{"valid_from": date(2026, 1, 1), "clause": "§ 1", "clause_says": "…", **values},
    )


def problems(**content: Any) -> list[tuple[str, str, str]]:
    reward = {"type": "BONUS_BALANCE", "amount": 10, **content.pop("reward", {})}
    return [(p.path, p.message, p.suggestion) for p in check_rule({"reward_config": reward, **content})]


# Saving.


def test_a_rule_that_names_a_jurisdiction_hears_everything_that_it_breaks_there_at_once() -> None:
    limit("VALIDITY_HOURS_MIN", "24")
    limit("BONUS_AMOUNT_MAX", "100")
    reward = {**SLOTS, "wagering_requirement": 20, "expiry_hours": 12}

    fixed = problems(reward={**reward, "amount": 150}, jurisdictions=["GB"])
    computed = check_rule(
        {
            "reward_config": {"type": "BONUS_BALANCE", "formula": "net_loss * 2", "max_amount": 150},
            "jurisdictions": ["GB"],
        }
    )

    assert [path for path, *_ in fixed] == [
        "reward_config.wagering_requirement",
        "reward_config.amount",
        "reward_config.expiry_hours",
    ]
    assert [problem.path for problem in computed] == ["reward_config.max_amount"]


def test_every_violation_is_told_with_path_limit_clause_and_what_would_be_right() -> None:
    found = problems(reward={"wagering_requirement": 20}, jurisdictions=["GB"])

    assert found == [
        (
            "reward_config.wagering_requirement",
            f"a turnover of 20 × the bonus is required, at most 10 × may be in GB ({CODE} (3)(a))",
            "10 or less; or take GB out",
        ),
        (
            "reward_config.eligible_games",
            f"it mixes product types: CASINO, other of unknown type in GB ({CODE} (3)(b))",
            "name games of one type: blackjack, poker, roulette, slots (CASINO); or take GB out",
        ),
    ]


def test_a_requirement_on_games_that_count_in_part_is_told_by_the_stakes_it_takes() -> None:
    """Roulette counts half and blackjack a tenth: 10 × takes 20 × the bonus in stakes at least."""
    reward = {"amount": 10, "wagering_requirement": 10, "eligible_games": ["roulette", "blackjack"]}

    assert problems(reward=reward, jurisdictions=["GB"]) == [
        (
            "reward_config.wagering_requirement",
            f"a turnover of 20 × the bonus is required, at most 10 × may be in GB ({CODE} (3)(a))",
            "5 or less, as no more than 0.5 of a stake counts; or take GB out",
        )
    ]
    assert problems(reward={**reward, "wagering_requirement": 5}, jurisdictions=["GB"]) == []


def test_an_unknown_jurisdiction_is_refused_with_its_place() -> None:
    assert problems(jurisdictions=["GB", "ZZ"]) == [
        ("jurisdictions[1]", "unknown jurisdiction 'ZZ'", "one of DEFAULT, GB")
    ]
    assert problems(jurisdictions="GB") == [
        ("jurisdictions", "'GB' is not usable", 'a list of codes such as ["GB"], or [] for everywhere')
    ]


def test_a_clause_that_comes_later_in_the_rules_life_counts() -> None:
    limit("BONUS_AMOUNT_MAX", "5", valid_from=date(2100, 1, 1))

    ending = problems(reward=SLOTS, jurisdictions=["GB"], ends_on="2099-12-31")
    open_ended = problems(reward=SLOTS, jurisdictions=["GB"])

    assert ending == []
    assert [(path, message) for path, message, _ in open_ended] == [
        ("reward_config.amount", "10 may be given, at most 5 is allowed in GB from 2100-01-01 on (§ 1)")
    ]


def test_a_rule_that_names_none_is_saved_with_a_warning() -> None:
    rule = make_rule(reward={"wagering_requirement": 20, "eligible_games": ["slots"]})

    required = f"a turnover of 20 × the bonus is required, at most 10 × may be ({CODE} (3)(a)); 10 or less"
    assert jurisdiction_warnings(rule) == [f"Players of Great Britain will not be given it: {required}."]
    assert jurisdiction_warnings(make_rule("FINE", reward=SLOTS)) == []


def test_an_advisory_limit_warns_and_stops_nothing() -> None:
    limit("BONUS_AMOUNT_MAX", "5", severity="ADVISORY")
    rule = make_rule(reward=SLOTS, jurisdictions=["GB"])

    assert jurisdiction_warnings(rule) == [
        "Great Britain advises against it: 10 may be given, at most 5 is allowed (§ 1); 5 or less."
    ]


def test_jurisdictions_are_content_so_a_change_is_a_new_version() -> None:
    rule = make_rule(reward=SLOTS)

    changed = save_rule(rule_id=rule.pk, content={"jurisdictions": ["GB", "GB"]}, saved_by=None)

    assert (changed.version, changed.jurisdictions) == (2, ["GB"])
    eleven = {**SLOTS, "type": "BONUS_BALANCE", "wagering_requirement": 11}
    with pytest.raises(RuleInvalidError):
        save_rule(rule_id=rule.pk, content={"reward": eleven}, saved_by=None)
    assert RewardRule.objects.get(pk=rule.pk).version == 2


# Running.


def test_a_rule_runs_only_where_it_says() -> None:
    british()
    make_player("bob", country="Germany")
    make_player("carol")
    make_rule("BRITISH", reward=SLOTS, jurisdictions=["GB"])
    make_rule("ELSEWHERE", reward=SLOTS, jurisdictions=["DEFAULT"])

    evaluate(ON)

    assert verdicts("alice") == {"BRITISH": "APPROVED", "ELSEWHERE": "REJECTED JURISDICTION"}
    assert verdicts("bob") == {"BRITISH": "REJECTED JURISDICTION", "ELSEWHERE": "APPROVED"}
    assert verdicts("carol") == verdicts("bob")
    assert decision("bob", "BRITISH").reasons == [
        {"code": "JURISDICTION", "jurisdiction": "DEFAULT", "version": 1, "says": "the rule runs in GB only"}
    ]


def test_a_rule_without_jurisdictions_skips_the_players_whom_it_would_break_a_clause_for() -> None:
    british()
    make_player("bob", country="Germany")
    make_rule(reward={"wagering_requirement": 20})

    evaluate(ON)

    assert verdicts("bob") == {"GIFT": "APPROVED"}
    assert decision("alice").reasons == [
        {
            "code": "JURISDICTION",
            "jurisdiction": "GB",
            "version": 1,
            "limit": "WAGERING_REQUIREMENT_MAX",
            "most": "10",
            "says": "a turnover of 20 × the bonus is required, at most 10 × may be",
            "clause": "LCCP, social responsibility code 5.1.1 (3)(a)",
        }
    ]


def test_before_the_clause_held_the_same_rule_ran() -> None:
    british()
    make_rule(reward={"wagering_requirement": 20})

    evaluate(date(2026, 1, 18), at=datetime(2026, 1, 18, 23, tzinfo=UTC))

    assert verdicts() == {"GIFT": "APPROVED"}


@pytest.mark.parametrize("is_one_by_one", [False, True])
def test_a_past_date_that_is_run_after_the_clause_began_gives_nothing_against_it(is_one_by_one: bool) -> None:
    british()
    make_player("bob", country="Germany")
    rule = make_rule(reward={"wagering_requirement": 20}, daily_budget=100)
    on, at = date(2026, 1, 18), datetime(2026, 1, 20, 12, tzinfo=UTC)

    if is_one_by_one:
        for name in ("alice", "bob"):
            apply_reward(player_id=name, rule=rule, on=on, at=at)
    else:
        evaluate(on, at=at)

    assert (verdicts("alice"), verdicts("bob")) == ({"GIFT": "REJECTED JURISDICTION"}, {"GIFT": "APPROVED"})
    assert decision("alice").reasons[0]["limit"] == "WAGERING_REQUIREMENT_MAX"
    assert [lot.player_id for lot in Lot.objects.all()] == ["bob"]
    assert RuleBudgetDay.objects.get().given_value == decision("bob").amount_given


def test_staffs_choice_of_a_jurisdiction_decides() -> None:
    make_player("alice", country="Germany")
    make_player("bob", country="United Kingdom")
    set_jurisdiction(player_id="alice", code="GB", reason="Moved", by=None)
    set_jurisdiction(player_id="bob", code="DEFAULT", reason="Moved", by=None)
    make_rule(reward={"wagering_requirement": 20})

    evaluate(ON)

    assert (verdicts("alice"), verdicts("bob")) == ({"GIFT": "REJECTED JURISDICTION"}, {"GIFT": "APPROVED"})


def test_where_a_requirement_cannot_rise_the_amount_falls() -> None:
    """An abuse score of 70 asks for 1.5 × 8 = 12 × the bonus. In Great Britain it is held at 1.25 × 8 = 10 × and the
    amount falls to 10 × 1.25 ÷ 1.5 = 8.33.
    """
    for player in (british(), make_player("bob", country="Germany")):
        player.metrics.bonus_abuse_score = 70
        player.metrics.save(update_fields=["bonus_abuse_score"])
    make_rule(reward={**SLOTS, "wagering_requirement": 8})

    evaluate(ON)

    lots = {lot.player_id: (lot.amount, lot.wagering_required) for lot in Lot.objects.all()}
    assert lots == {"alice": (Decimal("8.33"), Decimal("83.30")), "bob": (Decimal("10.00"), Decimal("120.00"))}
    assert (decision("alice").verdict, decision("bob").verdict) == ("REDUCED", "APPROVED")
    cut = next(reason for reason in decision("alice").reasons if reason["code"] == "JURISDICTION_CUT")
    assert (cut["from"], cut["to"], cut["wanted_multiplier"], cut["held_multiplier"]) == (10, 8.33, 1.5, 1.25)
    assert (cut["requirement"], cut["most"], cut["version"]) == ("8", "10", 1)


def test_an_amount_is_held_to_the_largest_bonus() -> None:
    british()
    limit("BONUS_AMOUNT_MAX", "6")
    make_rule(reward={"amount": 10})

    evaluate(ON)

    assert balance().bonus_balance == Decimal("6.00")
    assert decision().verdict == "REDUCED"
    assert [reason["code"] for reason in decision().reasons] == ["JURISDICTION_CUT"]


def test_the_promotions_of_a_month_are_held_to_their_limit_across_rules() -> None:
    british()
    limit("PROMOTION_VALUE_MONTH_MAX", "15")
    make_rule("FIRST", reward={"amount": 10}, priority=2)
    make_rule("SECOND", reward={"amount": 10}, priority=1)
    make_rule("THIRD", reward={"amount": 10}, frequency_period="DAY")

    evaluate(ON)
    given = [decision("alice", rule_id).amount_given for rule_id in ("FIRST", "SECOND")]
    assert given == [Decimal("10.00"), Decimal("5.00")]
    cut = {"code": "CAP_CUT", "room": 5.0, "from": 10.0, "to": 5.0, **MONTH_OF_FIFTEEN}
    assert decision("alice", "SECOND").reasons == [cut]
    assert reason_sentence("CAP_CUT", cut) == (
        "in GB promotions of at most 15 may be granted in a calendar month (§ 1), which leaves 5.00: "
        "cut from 10.00 to 5.00"
    )
    evaluate(date(2026, 3, 11))

    assert verdicts()["THIRD"] == "REJECTED JURISDICTION"
    assert balance().bonus_balance == Decimal("15.00")


def test_a_month_in_which_nothing_may_be_promoted_refuses_the_first_reward_with_its_clause() -> None:
    british()
    limit("PROMOTION_VALUE_MONTH_MAX", "0")
    make_rule(reward={"amount": 10})

    evaluate(ON)

    assert verdicts() == {"GIFT": "REJECTED JURISDICTION"}
    assert decision().reasons[0]["clause"] == "§ 1"


def test_products_of_a_rule_without_games_are_those_of_all_categories() -> None:
    british()
    make_rule("MIXED", reward={"wagering_requirement": 5})
    make_rule("FREE")
    evaluate(ON)
    assert verdicts() == {"MIXED": "REJECTED JURISDICTION", "FREE": "APPROVED"}

    GameCategory.objects.filter(code="other").update(product="CASINO")
    evaluate(date(2026, 3, 11))

    assert verdicts()["MIXED"] == "APPROVED"


def test_indicators_of_harm_stop_every_reward_although_the_matrix_forgot_them() -> None:
    restrict(british(), "RG_HARM")
    make_rule()
    evaluate(ON)
    assert verdicts() == {"GIFT": "REJECTED RESTRICTED"}

    RestrictionEffect.objects.filter(kind="RG_HARM").delete()
    evaluate(date(2026, 3, 11))

    assert verdicts() == {"GIFT": "REJECTED JURISDICTION"}
    assert decision().reasons[0]["clause"] == "LCCP, social responsibility code 3.4.3 (10)"


# VIPs.


def approve(player_id: str = "alice") -> None:
    anna, ben = (User.objects.get_or_create(username=name)[0] for name in ("anna", "ben"))
    approval = open_vip_approval(player_id=player_id, by=anna, at=NOON)
    for kind in ("AFFORDABILITY", "SOURCE_OF_FUNDS", "HARM"):
        record_vip_check(approval_id=approval.pk, kind=kind, result="PASSED", evidence="Seen", by=anna, at=NOON)
    approve_vip(approval_id=approval.pk, by=ben, at=NOON)


def test_a_rule_for_vips_pays_a_british_one_only_after_an_approval() -> None:
    british(segment="VIP")
    make_player("bob", country="Germany", segment="VIP")
    make_rule(conditions={"segment": "VIP"}, reward=SLOTS, frequency_period="DAY")

    evaluate(ON)
    assert (verdicts("alice"), verdicts("bob")) == ({"GIFT": "REJECTED VIP_APPROVAL_NEEDED"}, {"GIFT": "APPROVED"})
    assert decision("alice").reasons[0]["missing"] == "affordability, source of funds, harm, a second person"
    assert decision("alice").reasons[0]["limit"] == "VIP_NEEDS_APPROVAL"

    approve()
    evaluate(date(2026, 3, 11))

    assert verdicts("alice") == {"GIFT": "APPROVED"}


def test_a_rule_that_names_no_vips_pays_the_segment_without_an_approval() -> None:
    british(segment="VIP")
    make_rule("ALL", reward=SLOTS)
    make_rule("NOT_NEW", conditions={"segment": {"not_in": ["NEW"]}}, reward=SLOTS)
    make_rule("VIP_OR_LOSING", conditions={"segment": ["VIP", "LOSING"]}, reward=SLOTS)

    evaluate(ON)

    assert verdicts() == {
        "ALL": "APPROVED",
        "NOT_NEW": "APPROVED",
        "VIP_OR_LOSING": "REJECTED VIP_APPROVAL_NEEDED",
    }


def test_a_perk_needs_the_approval_whatever_the_segment_and_again_when_it_is_handed_over() -> None:
    british()
    make_rule(reward={"type": "VIP_PERKS", "amount": 1, "perk": "Dinner"}, frequency_period="DAY")
    evaluate(ON)
    assert verdicts() == {"GIFT": "REJECTED VIP_APPROVAL_NEEDED"}
    assert not PerkTask.objects.exists()

    approve()
    evaluate(date(2026, 3, 11))
    task = PerkTask.objects.get()
    approve_perk(task_id=task.pk, actor="staff", at=NOON)
    revoke_vip(approval_id=VipApproval.objects.get().pk, by=User.objects.get(username="ben"), note="Losses")

    with pytest.raises(VipApprovalNeededError, match="was revoked"):
        complete_perk(task_id=task.pk, actor="staff", note="Done", at=NOON)


# Between the judgement and the posting.


def test_whoever_moves_to_another_jurisdiction_before_the_posting_is_judged_by_it() -> None:
    make_player("alice", country="Germany")
    make_rule(reward={"wagering_requirement": 20})
    run = allocate(ON)

    set_jurisdiction(player_id="alice", code="GB", reason="Moved", by=None)
    issue(run)

    assert verdicts() == {"GIFT": "REJECTED JURISDICTION"}
    assert not Lot.objects.exists()


def test_without_the_second_look_it_would_be_posted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rewards.rechecking.reject_beyond_jurisdiction", lambda *_, **__: 0)
    make_player("alice", country="Germany")
    make_rule(reward={"wagering_requirement": 20})
    run = allocate(ON)

    set_jurisdiction(player_id="alice", code="GB", reason="Moved", by=None)
    issue(run)

    assert verdicts() == {"GIFT": "APPROVED"}


def test_a_limit_or_an_approval_that_changes_before_the_posting_counts() -> None:
    british(segment="VIP")
    approve()
    make_rule("LARGE", reward={"amount": 10})
    make_rule("VIPS", conditions={"segment": "VIP"}, reward={"amount": 5})
    run = allocate(ON)

    limit("BONUS_AMOUNT_MAX", "6")
    revoke_vip(approval_id=VipApproval.objects.get().pk, by=User.objects.get(username="ben"), note="Losses")
    issue(run)

    assert verdicts() == {"LARGE": "REJECTED JURISDICTION", "VIPS": "REJECTED VIP_APPROVAL_NEEDED"}


def test_what_was_granted_meanwhile_counts_for_the_month() -> None:
    british()
    limit("PROMOTION_VALUE_MONTH_MAX", "15")
    make_rule(reward={"amount": 10})
    run = allocate(ON)

    add_bonus_balance(
        player_id="alice",
        amount="6.00",
        wagering_requirement=Decimal(0),
        expiry=None,
        key="meanwhile",
        actor="tests",
        on=ON,
    )
    issue(run)

    assert verdicts() == {"GIFT": "REJECTED CAP"}
    assert decision().reasons == [{"code": "CAP", "room": 9.0, **MONTH_OF_FIFTEEN}]


def test_live_rules_obey_and_a_changed_profile_counts_at_once() -> None:
    british()
    make_rule(is_live=True, trigger="DEPOSIT", reward=SLOTS, frequency_period="DAY")

    def deposit(name: str, on: date) -> str:
        event = PlayerEvent(player_id="alice", trigger="DEPOSIT", name=name)
        evaluate_events([event], on=on, at=NOON)
        return verdicts()["GIFT"]

    assert deposit("first", ON) == "APPROVED"
    JurisdictionLimit.objects.filter(kind="WAGERING_REQUIREMENT_MAX").update(value=5)
    assert deposit("second", date(2026, 3, 11)) == "REJECTED JURISDICTION"


def test_testing_a_rule_says_what_the_night_will() -> None:
    british()
    rule = make_rule(reward={"wagering_requirement": 20})

    tested = try_rule(rule=rule, player_id="alice", on=ON)
    evaluate(ON)

    assert tested.verdict == "REJECTED"
    assert json.loads(json.dumps(tested.reasons)) == decision().reasons
