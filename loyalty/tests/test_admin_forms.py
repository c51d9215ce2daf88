"""Forms of the admin: checked where one types, written by services alone."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from core.models import PolicyValue, Run, RunKind
from core.policies import POLICIES, save_policy
from loyalty.tests import cast
from players.models import Player, Tier
from rewards.models import RewardDecision, RewardRule, RewardRuleVersion
from wallet.points import add_loyalty_points

NO_VERSIONS = {f"versions-{name}": "0" for name in ("TOTAL_FORMS", "INITIAL_FORMS", "MIN_NUM_FORMS", "MAX_NUM_FORMS")}
RULE: dict[str, Any] = {
    "rule_id": "WEEKEND_BONUS",
    "name": "Weekend Warrior Bonus",
    "status": "DRAFT",
    "priority": "5",
    "conditions": '{"total_wagered_min": 500}',
    "reward_config": '{"type": "BONUS_BALANCE", "formula": "total_wagered * 0.05", "max_amount": 200}',
    "frequency_period": "ONCE",
    "frequency_max": "1",
    "cooldown_days": "0",
    "holdout_percent": "0",
    "budget_pacing": "NONE",
    **NO_VERSIONS,
}


@pytest.fixture
def staff(db: None) -> Client:
    client = Client()
    client.force_login(cast.make_users()["Loyalty staff"])
    return client


def errors_of(response: Any) -> dict[str, list[str]]:
    """Return the messages of the form that was shown again, by field."""
    assert response.status_code == 200, response.status_code
    form = response.context["adminform"].form
    return {name: [str(message) for message in messages] for name, messages in form.errors.items()}


def test_a_rule_is_saved_by_the_service_with_its_version_and_who_saved_it(staff: Client) -> None:
    response = staff.post(reverse("admin:rewards_rewardrule_add"), RULE)

    assert response.status_code == 302, errors_of(response)
    version = RewardRuleVersion.objects.get(rule_id="WEEKEND_BONUS")
    assert (version.version, version.saved_by) == (1, User.objects.get(username="staff"))
    assert version.content["conditions"] == {"total_wagered_min": 500}


def test_a_changed_rule_is_a_new_version(staff: Client) -> None:
    staff.post(reverse("admin:rewards_rewardrule_add"), RULE)

    staff.post(reverse("admin:rewards_rewardrule_change", args=["WEEKEND_BONUS"]), {**RULE, "priority": "8"})

    rule = RewardRule.objects.get()
    assert (rule.priority, rule.version) == (8, 2)


def test_saving_a_rule_unchanged_makes_no_version(staff: Client) -> None:
    staff.post(reverse("admin:rewards_rewardrule_add"), RULE)

    staff.post(reverse("admin:rewards_rewardrule_change", args=["WEEKEND_BONUS"]), RULE)

    assert RewardRule.objects.get().version == 1


def test_the_id_of_a_rule_stays(staff: Client) -> None:
    staff.post(reverse("admin:rewards_rewardrule_add"), RULE)

    staff.post(
        reverse("admin:rewards_rewardrule_change", args=["WEEKEND_BONUS"]), {**RULE, "rule_id": "OTHER", "name": "N"}
    )

    assert list(RewardRule.objects.values_list("rule_id", "name")) == [("WEEKEND_BONUS", "N")]


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("conditions", '{"total_wagred_min": 5}', "did you mean"),
        ("conditions", '{"all": [{"segment": "LUCKY"}]}', "conditions.all[0].segment"),
        ("conditions", '{"total_wagered_min": NaN}', "NaN is not a JSON number"),
        ("conditions", '{"a": 1, "a": 2}', "given twice"),
        ("conditions", '{"segment": "\\u0000"}', "NUL"),
        ("conditions", "{", "line 1, column 2"),
        ("conditions", "[]", "A JSON object"),
        ("conditions", '{"win_loss_ratio_min": 1.10000000000000000001}', "so many digits"),
        ("reward_config", '{"type": "BONUS_BALANCE", "formula": "total_wagered"}', "max_amount"),
        ("reward_config", '{"type": "GIFT", "amount": 1}', "reward_config.type"),
        ("reward_config", "", "required"),
        ("ends_on", "1999-01-01", "before starts_on"),
        ("frequency_max", "0", "never pay"),
        ("holdout_percent", "101", "no percentage"),
        ("max_players", "0", "may pay nobody"),
        ("budget_pacing", "EVEN", "no total budget to spread"),
        ("daily_budget", "0", "no budget"),
    ],
)
def test_a_problem_of_a_rule_stands_at_its_field(staff: Client, field: str, value: str, words: str) -> None:
    extra = {"starts_on": "2026-01-01"} if field == "ends_on" else {}

    errors = errors_of(staff.post(reverse("admin:rewards_rewardrule_add"), {**RULE, **extra, field: value}))

    assert words in " ".join(errors.get(field, [])), errors
    assert not RewardRule.objects.exists()


def test_a_rule_that_would_pay_the_same_loss_twice_is_refused_at_the_reward(staff: Client) -> None:
    errors = errors_of(staff.post(reverse("admin:rewards_rewardrule_add"), {**RULE, "frequency_period": "DAY"}))

    assert "would pay the same play again" in errors["reward_config"][0]


def test_wrong_json_is_shown_again_as_it_was_typed(staff: Client) -> None:
    page = staff.post(reverse("admin:rewards_rewardrule_add"), {**RULE, "conditions": '{"typed": '}).content.decode()

    assert "{&quot;typed&quot;:" in page


def test_no_rule_can_be_deleted_in_the_admin(staff: Client) -> None:
    cast.make_rule()

    assert staff.post(reverse("admin:rewards_rewardrule_delete", args=["CASHBACK"]), {"post": "yes"}).status_code == 403


def test_a_rule_can_be_tried_on_a_player_and_nothing_is_written(staff: Client) -> None:
    cast.make_rule()
    cast.make_player("alice")
    url = reverse("admin:rewards_rewardrule_test_on_player", args=["CASHBACK"])

    page = staff.get(url, {"player_id": "alice", "on": "2026-03-10"}).content.decode()

    assert "net_loss" in page
    assert "300.00" in page
    assert not RewardDecision.objects.exists()


@pytest.mark.parametrize("query", [{}, {"player_id": ""}, {"player_id": "nobody", "on": "2026-03-10"}, {"on": "x"}])
def test_a_trial_without_a_player_is_asked_again(staff: Client, query: dict[str, str]) -> None:
    cast.make_rule()

    response = staff.get(reverse("admin:rewards_rewardrule_test_on_player", args=["CASHBACK"]), query)

    assert response.status_code == 200


def test_a_tier_form_refuses_a_gap_at_its_field(staff: Client) -> None:
    lowest = Tier.objects.order_by("lp_min").first()
    assert lowest is not None

    errors = errors_of(
        staff.post(reverse("admin:players_tier_change", args=[lowest.pk]), {"lp_min": "10", "benefits": "{}"})
    )

    assert "points from 0 to 9 would have no tier" in errors["lp_min"][0]


def test_a_tier_form_moves_the_neighbours_end(staff: Client) -> None:
    gold = Tier.objects.get(tier_level="GOLD")

    response = staff.post(
        reverse("admin:players_tier_change", args=[gold.pk]), {"lp_min": "20000", "benefits": '{"free_plays": 3}'}
    )

    assert response.status_code == 302
    assert Tier.objects.get(tier_level="SILVER").lp_max == 19999
    assert Tier.objects.get(tier_level="GOLD").is_saved_by_staff


def test_a_tier_form_adds_a_tier(staff: Client) -> None:
    response = staff.post(
        reverse("admin:players_tier_add"), {"tier_level": "DIAMOND", "lp_min": "100000", "benefits": "{}"}
    )

    assert response.status_code == 302
    assert Tier.objects.get(tier_level="PLATINUM").lp_max == 99999


def test_a_tier_is_previewed_before_it_is_saved(staff: Client) -> None:
    cast.make_alice()
    silver = Tier.objects.get(tier_level="SILVER")
    url = f"/admin/players/tier/{silver.pk}/preview/"

    page = staff.post(url, {"lp_min": "100", "benefits": "{}"}).content.decode()

    assert "<strong>1</strong> player would change tier" in page
    assert Tier.objects.get(tier_level="SILVER").lp_min == 1000

    staff.post(url, {"lp_min": "100", "benefits": "{}", "save": "1"})
    assert Tier.objects.get(tier_level="SILVER").lp_min == 100


def test_a_preview_of_what_cannot_be_says_so_at_its_field(staff: Client) -> None:
    silver = Tier.objects.get(tier_level="SILVER")

    page = staff.post(f"/admin/players/tier/{silver.pk}/preview/", {"lp_min": "10000", "benefits": "{}", "save": "1"})

    assert "GOLD starts there" in page.content.decode()
    assert Tier.objects.get(tier_level="SILVER").lp_min == 1000


def test_a_tiers_welcome_reward_is_a_live_rule_filled_in_but_for_what_it_gives(staff: Client) -> None:
    silver = Tier.objects.get(tier_level="SILVER")

    form = staff.get(f"/admin/players/tier/{silver.pk}/welcome/", follow=True).content.decode()

    assert 'value="WELCOME_SILVER"' in form
    assert 'value="TIER_REACHED"' in form
    cast.make_rule("WELCOME_SILVER")
    found = staff.get(f"/admin/players/tier/{silver.pk}/welcome/")
    assert found["Location"] == reverse("admin:rewards_rewardrule_change", args=["WELCOME_SILVER"])


def test_a_player_in_grace_is_shown_until_when(staff: Client) -> None:
    save_policy(name="TIER_DOWNGRADE", value="GRACE", saved_by=None)
    cast.make_player("alice", tier="GOLD", tier_kept_until=date(2999, 12, 31))

    page = staff.get(reverse("admin:players_player_change", args=["alice"])).content.decode()

    assert "keeps Gold until 2999-12-31" in page


def test_the_tier_list_shows_the_environments_threshold_until_staff_save_one(
    staff: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TIER_SILVER_LP", "2222")

    page = staff.get(reverse("admin:players_tier_changelist")).content.decode()

    assert "2,222" in page
    assert "2,221" in page


def policy_page(staff: Client, name: str) -> str:
    return reverse("admin:core_policyvalue_change", args=[name])


def test_every_policy_is_listed_with_its_source(staff: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAX_WEEKLY_REWARD_PER_PLAYER", "4321")
    PolicyValue.objects.create(name="MAX_DAILY_REWARD_PER_PLAYER", value="777")

    response = staff.get(reverse("admin:core_policyvalue_changelist"))

    rows = {row.policy.name: row for group in response.context["groups"] for row in group.rows}
    assert set(rows) == set(POLICIES)
    assert (rows["MAX_DAILY_REWARD_PER_PLAYER"].value, rows["MAX_DAILY_REWARD_PER_PLAYER"].source) == ("777", "saved")
    assert (rows["MAX_WEEKLY_REWARD_PER_PLAYER"].value, rows["MAX_WEEKLY_REWARD_PER_PLAYER"].source) == (
        "4,321",
        "environment",
    )
    assert rows["MAX_MONTHLY_REWARD_PER_PLAYER"].source == "default"


def test_where_segments_are_edited_the_odd_case_is_said(staff: Client) -> None:
    for url in (reverse("admin:core_policyvalue_changelist"), policy_page(staff, "WINNING_RATIO_THRESHOLD")):
        assert "a player 5–10 % ahead falls to LOSING" in staff.get(url).content.decode()


def test_a_saved_policy_holds_and_is_recorded_with_who_saved_it(staff: Client) -> None:
    response = staff.post(policy_page(staff, "MAX_DAILY_REWARD_PER_PLAYER"), {"value": "900.50"})

    saved = PolicyValue.objects.get()
    assert response.status_code == 302
    assert (saved.value, saved.saved_by) == ("900.50", User.objects.get(username="staff"))
    assert str(POLICIES["MAX_DAILY_REWARD_PER_PLAYER"].value()) == "900.50"
    assert LogEntry.objects.get().object_id == "MAX_DAILY_REWARD_PER_PLAYER"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MAX_DAILY_REWARD_PER_PLAYER", "-1"),
        ("MAX_DAILY_REWARD_PER_PLAYER", "much"),
        ("MAX_DAILY_REWARD_PER_PLAYER", "NaN"),
        ("MAX_DAILY_REWARD_PER_PLAYER", ""),
        ("VIP_SESSIONS_THRESHOLD", "1.5"),
        ("BREAKEVEN_RATE", "2"),
        ("NET_PNL_BASIS", "STAKED"),
    ],
)
def test_a_value_that_the_policy_cannot_take_is_refused_at_the_field(staff: Client, name: str, value: str) -> None:
    response = staff.post(policy_page(staff, name), {"value": value})

    assert response.status_code == 200
    assert response.context["form"].errors["value"]
    assert not PolicyValue.objects.exists()


@pytest.mark.parametrize(("sent", "stored"), [({"value": "on"}, "True"), ({}, "False")])
def test_a_yes_or_no_is_a_switch(staff: Client, sent: dict[str, str], stored: str) -> None:
    url = policy_page(staff, "FORFEIT_BONUS_ON_WITHDRAWAL")

    assert 'type="checkbox" name="value"' in staff.get(url).content.decode()
    staff.post(url, sent)

    assert PolicyValue.objects.get().value == stored


def test_choices_are_a_list_with_the_one_that_holds_selected(staff: Client) -> None:
    PolicyValue.objects.create(name="BET_FUNDS_ORDER", value="BONUS_FIRST")

    page = staff.get(policy_page(staff, "BET_FUNDS_ORDER")).content.decode()

    assert '<option value="BONUS_FIRST" selected>' in page
    assert '<option value="REAL_ONLY">' in page


def test_a_saved_value_can_be_forgotten(staff: Client) -> None:
    staff.post(policy_page(staff, "MAX_DAILY_REWARD_PER_PLAYER"), {"value": "900"})

    staff.post(policy_page(staff, "MAX_DAILY_REWARD_PER_PLAYER"), {"forget": "1"})

    assert not PolicyValue.objects.exists()


def test_a_policy_nobody_declared_has_no_page(staff: Client) -> None:
    assert staff.get(policy_page(staff, "NO_SUCH_POLICY")).status_code == 404


def test_only_the_profile_of_a_player_can_be_edited(staff: Client) -> None:
    cast.make_player("alice", email="alice@example.com")

    response = staff.post(
        reverse("admin:players_player_change", args=["alice"]),
        {"name": "Alice Silva", "email": "a@example.com", "is_active": "on", "segment": "VIP", "risk_score": "99"},
    )

    alice = Player.objects.get()
    assert response.status_code == 302
    assert (alice.name, alice.email, alice.segment, alice.risk_score) == ("Alice Silva", "a@example.com", "LOSING", 0)


@pytest.mark.parametrize(
    ("field", "value"), [("email", "no address"), ("email", "bob@example.com"), ("age", "900"), ("tags", "x" * 61)]
)
def test_a_profile_that_cannot_be_is_refused_at_its_field(staff: Client, field: str, value: str) -> None:
    cast.make_player("alice")
    cast.make_player("bob", email="bob@example.com")

    response = staff.post(
        reverse("admin:players_player_change", args=["alice"]), {"name": "A", "is_active": "on", field: value}
    )

    assert field in errors_of(response)
    assert Player.objects.get(pk="alice").name == "Alice"


def test_the_search_box_finds_players_and_rules_as_typed(staff: Client) -> None:
    cast.make_player("P001")
    cast.make_rule("WEEKEND", name="Weekend bonus")

    def found(term: str) -> str:
        return staff.get(reverse("admin:search"), {"s": term, "extended": "1"}).content.decode()

    assert reverse("admin:players_player_change", args=["P001"]) in found("P00")
    assert "Weekend bonus" in found("weekend")
    assert found("\x00") is not None


def test_the_search_box_shows_an_operator_no_players(staff: Client) -> None:
    cast.make_player("P001")
    operator = Client()
    operator.force_login(User.objects.get(username="operator"))

    assert "P001/change" not in operator.get(reverse("admin:search"), {"s": "P00", "extended": "1"}).content.decode()


def test_the_first_page_shows_the_figures_of_the_last_night(staff: Client) -> None:
    cast.make_alice()
    cast.make_rows(1)

    page = staff.get(reverse("admin:index")).content.decode()

    assert "Last night" in page
    assert "Dashboard" in page


def test_numbers_in_json_come_back_as_they_were_typed(staff: Client) -> None:
    conditions = '{"win_loss_ratio_min": 1.1, "total_wagered_min": 500}'

    staff.post(reverse("admin:rewards_rewardrule_add"), {**RULE, "conditions": conditions})

    assert json.dumps(RewardRule.objects.get().conditions, sort_keys=True) == json.dumps(
        json.loads(conditions), sort_keys=True
    )


def test_a_tier_that_the_points_have_reached_is_announced_for_the_next_night(staff: Client) -> None:
    cast.make_player("alice")
    add_loyalty_points(player_id="alice", amount="1500", source="Welcome", key="alice:lp", actor="tests")

    page = staff.get(reverse("admin:players_player_change", args=["alice"])).content.decode()

    assert "Silver from the next night on" in page


def test_a_failed_night_is_the_first_thing_the_dashboard_says(staff: Client) -> None:
    Run.objects.create(kind=RunKind.NIGHT, business_date=cast.ON, status="FAILED", error="DiskFull: no space left")

    page = staff.get(reverse("admin:index")).content.decode()

    assert "The night of 2026-03-10 failed: DiskFull: no space left" in page
