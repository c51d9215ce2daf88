"""Saving a rule: everything wrong at once, a version per change, and the documented ways of writing one."""

from __future__ import annotations

import time
from datetime import date
from decimal import Decimal
from threading import Thread
from typing import Any

import pytest
from django.db import connection, transaction

from core.expressions import fetch_rows
from players.tests.factories import ON
from rewards.models import RewardRule, RewardRuleVersion
from rewards.problems import RuleInvalidError
from rewards.rule_life.stopping import archive_rule
from rewards.rules import active_rules, refused_rules, rules_of_versions, save_rule
from rewards.tests.factories import definition_of, make_rule

CASHBACK: dict[str, Any] = {
    "name": "Cashback",
    "priority": 10,
    "conditions": {
        "segment": "LOSING",
        "net_loss_min": 100,
        "session_count_min": 3,
        "days_since_last_deposit": {"max": 7},
    },
    "reward": {
        "type": "BONUS_BALANCE",
        "formula": "net_loss * 0.10",
        "max_amount": 500,
        "wagering_requirement": 10,
        "expiry_hours": 48,
        "eligible_games": ["slots", "roulette"],
    },
}


def save(rule_id: str = "RULE", **content: Any) -> RewardRule:
    return save_rule(rule_id=rule_id, content=content, saved_by=None)


def problems_of(**content: Any) -> list[str]:
    with pytest.raises(RuleInvalidError) as refused:
        save(**content)
    return [str(problem) for problem in refused.value.problems]


@pytest.mark.django_db
@pytest.mark.parametrize("key", ["reward", "reward_config"])
def test_the_documented_rule_is_saved_under_either_key(key: str) -> None:
    content = {**CASHBACK, key: CASHBACK["reward"]}
    if key != "reward":
        del content["reward"]

    rule = save("LOSING_PLAYER_CASHBACK", **content)

    assert rule.reward_config == CASHBACK["reward"]
    assert rule.conditions == CASHBACK["conditions"]
    assert (rule.version, rule.priority, rule.status, rule.frequency_period) == (1, 10, "DRAFT", "ONCE")


@pytest.mark.django_db
def test_the_documented_weekend_rule_is_saved() -> None:
    rule = save(
        "WEEKEND_BONUS",
        name="Weekend Warrior Bonus",
        priority=5,
        conditions={"total_wagered_min": 500},
        reward_config={"type": "BONUS_BALANCE", "formula": "total_wagered * 0.05", "max_amount": 200},
    )

    assert rule.name == "Weekend Warrior Bonus"


@pytest.mark.django_db
def test_everything_wrong_is_said_at_once_and_nothing_is_saved() -> None:
    found = problems_of(
        nmae="x",
        priority="high",
        starts_on="2026-01-02",
        ends_on="2026-01-01",
        holdout_percent=101,
        daily_budget=0,
        cooldown_days=10_000,
        frequency_period="DAY",
        conditions={"segmnt": "NEW", "tier": "GOLDD"},
        reward={"type": "BONUS", "formula": "net_lost", "eligible_games": ["slot"], "wagering": 3},
    )

    assert [problem.split(":")[0] for problem in found] == [
        "nmae",
        "priority",
        "ends_on",
        "holdout_percent",
        "daily_budget",
        "conditions.segmnt",
        "reward_config.wagering",
        "reward_config.type",
        "reward_config.formula",
        "reward_config.max_amount",
        "cooldown_days",
        "reward_config.eligible_games[0]",
        "conditions.tier",
    ]
    assert not RewardRule.objects.exists()


@pytest.mark.django_db
def test_a_problem_names_what_would_be_right() -> None:
    assert problems_of(nmae="x", name="x", reward={"type": "TICKETS", "amount": 1}) == [
        "nmae: unknown key (did you mean 'name'?)"
    ]
    assert problems_of(name="x", priority="high", reward={"type": "TICKETS", "amount": 1}) == [
        "priority: 'high' is not usable (a whole number)"
    ]
    assert problems_of(name="x", reward={"type": "TICKETS", "amount": 1}, conditions={"tier": "GOLDD"}) == [
        "conditions.tier: unknown tier 'GOLDD' (did you mean 'GOLD'?)"
    ]
    assert problems_of(name="x", reward={"type": "FREE_PLAY", "amount": 1, "eligible_games": ["slot"]}) == [
        "reward_config.eligible_games[0]: unknown game category 'slot' (did you mean 'slots'?)"
    ]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("reward", "problem"),
    [
        ({"formula": "net_loss"}, 'max_amount: a formula without a maximum could give any amount (add "max_amount")'),
        ({"formula": "net_loss", "max_amount": None}, "max_amount: a formula without a maximum could give any amount"),
        ({"amount": None}, "formula: either a formula or an amount is needed, not both"),
        ({}, 'formula: either a formula or an amount is needed, not both (for example "amount": 10)'),
        ({"amount": 1, "formula": "1"}, "formula: either a formula or an amount is needed, not both"),
        ({"amount": 5, "max_amount": 4}, "amount: 5 is above max_amount 4 (lower one of them)"),
        ({"amount": 5, "min_amount": 6}, "min_amount: 6 is above amount 5 (no reward could ever be given)"),
        (
            {"formula": "net_loss", "max_amount": 5, "min_amount": 6},
            "min_amount: 6 is above max_amount 5 (no reward could ever be given)",
        ),
        ({"amount": 5, "maxamount": 6}, "maxamount: unknown key (did you mean 'max_amount'?)"),
        (
            {"type": "LOYALTY_POINTS", "amount": 5, "wagering_requirement": 3},
            "wagering_requirement: LOYALTY_POINTS is not bonus money and has no such condition (remove it)",
        ),
        ({"type": "TICKETS", "amount": 1.5}, "amount: 1.5 is not whole (tickets are not cut)"),
        ({"type": "TICKETS", "formula": "2", "max_amount": 2.5}, "max_amount: 2.5 is not whole"),
        ({"type": "BONUS", "amount": 5}, "type: unknown reward type 'BONUS' (one of CASHBACK, BONUS_BALANCE, "),
        ({"type": "TICKET", "amount": 5}, "type: unknown reward type 'TICKET' (did you mean 'TICKETS'?)"),
        (
            {"amount": 0.001},
            "amount: 0.001 is not usable (a number of more than 0, at most 1000000000000000, with two decimals at ",
        ),
    ],
    ids=str,
)
def test_what_is_wrong_with_a_reward(reward: dict[str, Any], problem: str) -> None:
    found = problems_of(name="x", reward_config={"type": "BONUS_BALANCE", **reward})

    assert len(found) == 1
    assert found[0].startswith(f"reward_config.{problem}")


@pytest.mark.django_db
def test_a_wrong_type_hides_nothing_else_and_a_wrong_formula_neither() -> None:
    found = problems_of(name="x", reward={"type": "BONUS", "amount": 5, "min_amount": 6})
    found += problems_of(name="x", reward={"type": "TICKETS", "formula": "x + y", "max_amount": 1.5, "max_bet": 3})

    assert [problem.split(":")[0] for problem in found] == [
        "reward_config.type",
        "reward_config.min_amount",
        "reward_config.formula",
        "reward_config.formula",
        "reward_config.max_bet",
        "reward_config.max_amount",
    ]


@pytest.mark.django_db
def test_reward_and_reward_config_at_once_are_refused() -> None:
    reward = {"type": "TICKETS", "amount": 1}

    assert problems_of(name="x", reward=reward, reward_config=reward) == [
        "reward: reward and reward_config are given at once (use reward_config alone)"
    ]


@pytest.mark.django_db
def test_once_means_one_reward() -> None:
    found = problems_of(name="x", frequency_max=2, reward={"type": "TICKETS", "amount": 1})

    assert found == ["frequency_max: once means one reward (choose a period, or set frequency_max to 1)"]


@pytest.mark.django_db
def test_amounts_may_be_written_as_text_or_number() -> None:
    rule = save(name="x", daily_budget="500", holdout_percent=2.5, reward={"type": "BONUS_BALANCE", "amount": "10.50"})

    assert (rule.daily_budget, rule.holdout_percent) == (500, Decimal("2.50"))


@pytest.mark.django_db
def test_a_rule_without_a_name_is_called_by_its_id() -> None:
    assert save("LOSING_PLAYER_CASHBACK", priority=10, reward=CASHBACK["reward"]).name == "LOSING_PLAYER_CASHBACK"
    assert save("LOSING_PLAYER_CASHBACK", name="Cashback").name == "Cashback"
    assert save("LOSING_PLAYER_CASHBACK", priority=11).name == "Cashback"


# ── versions ──


@pytest.mark.django_db
def test_a_changed_content_is_a_new_version_and_the_old_one_is_kept() -> None:
    save(**CASHBACK)

    rule = save(priority=11)

    assert rule.version == 2
    kept = dict(RewardRuleVersion.objects.values_list("version", "content"))
    assert (kept[1]["priority"], kept[2]["priority"]) == (10, 11)
    assert kept[1]["conditions"] == kept[2]["conditions"] == CASHBACK["conditions"]


@pytest.mark.django_db
@pytest.mark.parametrize(
    "change",
    [
        {},
        {"priority": 10},
        {"daily_budget": 500},
        {"daily_budget": "500.00"},
        {"status": "PAUSED"},
        {"is_active": True},
        {"reward": dict(reversed(list(CASHBACK["reward"].items())))},
    ],
    ids=str,
)
def test_the_same_content_is_the_same_version(change: dict[str, Any]) -> None:
    save(**CASHBACK, daily_budget="500")

    assert save(**change).version == 1
    assert RewardRuleVersion.objects.count() == 1


@pytest.mark.django_db
def test_a_rule_changed_past_the_service_gets_a_version_when_it_is_next_saved() -> None:
    save(**CASHBACK)
    RewardRule.objects.update(priority=99)

    assert save(status="ACTIVE").version == 2
    assert RewardRuleVersion.objects.get(version=2).content["priority"] == 99


@pytest.mark.django_db
def test_is_active_switches_between_active_and_paused() -> None:
    save(**CASHBACK)

    assert save(is_active=True).status == "ACTIVE"
    assert save(is_active=False).status == "PAUSED"
    assert save(is_active=False).is_active is False


@pytest.mark.django_db
def test_a_version_says_what_the_rule_said_then() -> None:
    save(**CASHBACK, cooldown_days=3, starts_on="2025-12-01")
    save(priority=11, conditions={"age_min": 18})

    old, new = rules_of_versions([{"rule_id": "RULE", "version": 1}, {"rule_id": "RULE", "version": 2}])

    assert (old.version, old.priority, old.limits.cooldown_days) == (1, 10, 3)
    assert [field.name for field in new.fields] == ["age", "net_loss"]
    assert "total_sessions" in {field.name for field in old.fields}


@pytest.mark.django_db
def test_a_version_that_cannot_be_read_any_more_stops_the_run() -> None:
    save(**CASHBACK)
    RewardRuleVersion.objects.update(content={"name": "x", "conditions": {"gone": 1}, "reward_config": {}})

    with pytest.raises(RuleInvalidError, match="gone"):
        rules_of_versions([{"rule_id": "RULE", "version": 1}])


def wait_until_so_many_wait(count: int) -> None:
    waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
    for _ in range(6000):
        if fetch_rows(waiting, [])[0][0] >= count:
            return
        time.sleep(0.01)
    raise AssertionError("they do not wait for each other")


@pytest.mark.django_db(transaction=True)
def test_two_who_save_at_once_do_not_lose_a_version_or_share_a_number() -> None:
    failures: list[BaseException] = []

    def save_in_thread(rule_id: str, priority: int) -> None:
        try:
            save_rule(rule_id=rule_id, content={**CASHBACK, "priority": priority}, saved_by=None)
        except BaseException as error:  # noqa: BLE001  # a thread's error must reach the test
            failures.append(error)
        finally:
            connection.close()

    # The first has made SAME and not committed: the others of that name and of other names wait for it.
    with transaction.atomic():
        save_rule(rule_id="SAME", content={**CASHBACK, "priority": 100}, saved_by=None)
        threads = [Thread(target=save_in_thread, args=("SAME", number)) for number in range(3)]
        threads += [Thread(target=save_in_thread, args=(f"OTHER{number}", number)) for number in range(3)]
        for thread in threads:
            thread.start()
        wait_until_so_many_wait(len(threads))
    for thread in threads:
        thread.join(timeout=120)

    assert failures == []
    assert RewardRule.objects.get(pk="SAME").version == 4
    assert list(
        RewardRuleVersion.objects.filter(rule="SAME").order_by("version").values_list("version", flat=True)
    ) == [
        1,
        2,
        3,
        4,
    ]
    numbers = list(RewardRule.objects.values_list("number", flat=True))
    assert sorted(numbers) == [1, 2, 3, 4]


# ── which rules run ──


@pytest.mark.django_db
def test_active_rules_run_within_their_dates_by_priority() -> None:
    make_rule("LATER", starts_on=date(2025, 12, 22))
    make_rule("OVER", ends_on=date(2025, 12, 20))
    make_rule("FIRST_DAY", starts_on=ON)
    make_rule("LAST_DAY", ends_on=ON, priority=3)
    make_rule("PAUSED", status="PAUSED")
    make_rule("DRAFT", status="DRAFT")
    archive_rule(rule_id=make_rule("ARCHIVED").pk, by=None)

    assert [rule.rule_id for rule in active_rules(on=ON)] == ["LAST_DAY", "FIRST_DAY"]


@pytest.mark.django_db
def test_a_rule_that_cannot_be_read_any_more_does_not_run_and_says_why() -> None:
    make_rule("GOOD")
    make_rule("OLD")
    RewardRule.objects.filter(pk="OLD").update(conditions={"gone": 1})

    assert [rule.rule_id for rule in active_rules(on=ON)] == ["GOOD"]
    assert {name: [str(problem) for problem in found] for name, found in refused_rules(on=ON).items()} == {
        "OLD": ["conditions.gone: unknown field 'gone'"]
    }


@pytest.mark.django_db
def test_rules_know_what_they_read() -> None:
    rule = definition_of(
        conditions={"any": [{"net_loss_7d_min": 1}, {"not": {"tags": "vip"}}]},
        reward={"formula": "sessions * cashback_multiplier", "max_amount": 5},
    )

    assert rule.columns == ["cashback_multiplier", "tags", "total_sessions", "total_wagered_7d", "total_won_7d"]
