"""Live rules: decided when their trigger happens, once for each event."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from core.models import Run
from core.policies import save_policy
from core.tests.threads import run_together
from players.models import GameCategory, PlayerRestriction
from players.tests.factories import AT, ON, restrict
from rewards.events import PlayerEvent, activity_event, evaluate_events, live_rules, tier_events
from rewards.models import PlayerFacts, RewardDecision, RewardRule, RuleAllocation, RuleCandidate, RuleMatch
from rewards.problems import RuleInvalidError
from rewards.rules import save_rule
from rewards.tests.factories import balance, decision, evaluate, make_player, make_rule, verdicts
from safety.models import RewardCap, UnitValue

pytestmark = pytest.mark.django_db


def make_live(rule_id: str = "GIFT", trigger: str = "DEPOSIT", **content: Any) -> RewardRule:
    return make_rule(rule_id, is_live=True, trigger=trigger, **content)


def event(event_id: str = "1", *, player_id: str = "alice", trigger: str = "DEPOSIT") -> PlayerEvent:
    return activity_event(player_id=player_id, trigger=trigger, source="feed", event_id=event_id)


def happen(*events: PlayerEvent, on: Any = ON) -> dict[str, int]:
    return evaluate_events(events, on=on, at=AT)


def test_a_live_rule_pays_when_its_trigger_happens_and_not_by_night() -> None:
    make_player()
    make_live()

    assert evaluate() == {}
    assert happen(event()) == {"APPROVED": 1}

    given = decision()
    assert (given.occasion, given.amount_given, given.first_on) == ("event:feed:1", Decimal("10.00"), ON)
    assert evaluate() == {}
    assert balance().bonus_balance == Decimal("10.00")


def test_the_same_event_twice_pays_once() -> None:
    make_player()
    make_live(frequency_period="DAY", frequency_max=9)

    happen(event("1"), event("1"))
    assert happen(event("1"), on=ON + timedelta(days=1)) == {}
    assert happen(event("2")) == {"APPROVED": 1}

    assert balance().bonus_balance == Decimal("20.00")


@pytest.mark.django_db(transaction=True)
def test_an_event_that_arrives_twice_at_once_pays_once() -> None:
    make_player()
    make_live(frequency_period="DAY", frequency_max=9)

    outcomes = run_together(*[lambda: happen(event())] * 4)

    assert sorted(map(str, outcomes)) == ["{'APPROVED': 1}", "{}", "{}", "{}"]
    assert balance().bonus_balance == Decimal("10.00")


@pytest.mark.django_db(transaction=True)
def test_two_events_at_once_keep_the_frequency() -> None:
    make_player()
    make_live(frequency_period="DAY")

    run_together(*[lambda number=number: happen(event(str(number))) for number in range(4)])

    assert balance().bonus_balance == Decimal("10.00")
    assert RewardDecision.objects.filter(verdict="APPROVED").count() == 1


def test_frequency_counts_across_events_and_its_refusals_are_counted_on_one_row() -> None:
    make_player()
    make_live(frequency_period="DAY")

    happen(event("1"), event("2"), event("3"), event("4"))

    rows = RewardDecision.objects.order_by("id").values_list("verdict", "reason", "occasion", "times")
    assert list(rows) == [("APPROVED", "", "event:feed:1", 1), ("REJECTED", "FREQUENCY", "event:feed:2", 3)]
    assert happen(event("5"), on=ON + timedelta(days=1)) == {"APPROVED": 1}


def test_another_refusal_decides_its_event_for_good() -> None:
    restriction = restrict(make_player(), "COOL_OFF")
    make_live(frequency_period="DAY")

    happen(event("1"))
    happen(event("2"))
    PlayerRestriction.objects.filter(pk=restriction.pk).update(ends_at=restriction.starts_at)

    assert happen(event("1"), event("2")) == {}
    assert [row.reason for row in RewardDecision.objects.all()] == ["RESTRICTED", "RESTRICTED"]
    assert happen(event("3")) == {"APPROVED": 1}


def test_a_set_of_events_of_many_players_is_decided_together() -> None:
    for player_id in ("alice", "bob", "dora"):
        make_player(player_id, segment="LOSING" if player_id != "dora" else "NEW")
    make_live("DEPOSITED", conditions={"segment": "LOSING"}, frequency_period="DAY", frequency_max=3)
    make_live("VERIFIED", "KYC_COMPLETE")

    counts = happen(
        event("1"),
        event("2", player_id="bob"),
        event("3", player_id="dora"),
        event("4"),
        event("5", player_id="bob", trigger="KYC_COMPLETE"),
    )

    assert counts == {"APPROVED": 4}
    assert [balance(one).bonus_balance for one in ("alice", "bob")] == [Decimal("20.00"), Decimal("20.00")]
    assert verdicts("dora") == {}
    assert verdicts("bob") == {"DEPOSITED": "APPROVED", "VERIFIED": "APPROVED"}


def test_a_budget_is_kept_over_the_events_of_a_set() -> None:
    for number in range(5):
        make_player(f"player{number}")
    make_live(daily_budget=30)

    counts = happen(*[event(str(number), player_id=f"player{number}") for number in range(5)])

    assert counts == {"APPROVED": 3, "REJECTED": 2}


def test_any_hears_every_activity_and_action_but_no_tier() -> None:
    make_player()
    make_live("ANYTHING", "ANY", frequency_period="DAY", frequency_max=9)

    happen(event("1"), event("2", trigger="PROFILE_COMPLETE"))
    happen(*tier_events({"alice": "GOLD"}))

    assert balance().bonus_balance == Decimal("20.00")


def test_what_no_rule_waits_for_writes_nothing() -> None:
    make_player()
    make_live()
    make_live("PAUSED", "WAGER", status="PAUSED")

    assert happen(event(trigger="WAGER")) == {}

    assert not Run.objects.exists()


def test_the_working_tables_are_left_empty() -> None:
    make_player()
    make_live()

    happen(event())

    for table in (PlayerFacts, RuleMatch, RuleCandidate, RuleAllocation):
        assert not table.objects.exists()


def test_a_long_name_of_an_event_goes_by_its_hash() -> None:
    make_player()
    make_live(frequency_period="DAY", frequency_max=9)
    long = "x" * 100

    happen(event(long), event(long + "y"))
    happen(event(long))

    assert balance().bonus_balance == Decimal("20.00")


def test_what_staff_change_holds_from_the_next_event_on() -> None:
    make_player()
    rule = make_live(frequency_period="DAY", frequency_max=9, reward={"type": "LOYALTY_POINTS", "amount": 10})
    happen(event("1"))

    save_policy(name="MAX_DAILY_REWARD_PER_PLAYER", value="0.15", saved_by=None)
    happen(event("2"))
    assert decision().amount_given == Decimal("5.00")

    save_policy(name="MAX_DAILY_REWARD_PER_PLAYER", value="1000", saved_by=None)
    save_rule(rule_id=rule.pk, content={"reward_config": {"type": "LOYALTY_POINTS", "amount": 7}}, saved_by=None)
    happen(event("3"))
    assert decision().amount_given == Decimal("7.00")

    GameCategory.objects.update(house_edge_rate=0)
    happen(event("4"))
    assert decision().reason == "UNPROFITABLE"


@pytest.mark.parametrize(
    ("content", "path", "words"),
    [
        ({"is_live": True}, "trigger", "a live rule waits for something"),
        ({"trigger": "DEPOSIT"}, "trigger", "only a live rule has a trigger"),
        ({"is_live": True, "trigger": "deposit"}, "trigger", "not usable"),
        ({"is_live": True, "trigger": "A" * 61}, "trigger", ""),
        ({"is_live": "yes", "trigger": "DEPOSIT"}, "is_live", "true or false"),
    ],
)
def test_a_trigger_that_cannot_be_is_refused_at_its_place(content: dict[str, Any], path: str, words: str) -> None:
    with pytest.raises(RuleInvalidError) as refused:
        make_rule(**content)

    found = {problem.path: str(problem) for problem in refused.value.problems}
    assert words in found[path]


def test_rules_are_found_by_trigger_in_the_order_they_are_decided() -> None:
    make_live("SECOND", priority=1)
    make_live("FIRST", "ANY", priority=2)
    make_live("OTHER", "WAGER")
    make_rule("BY_NIGHT")

    found = live_rules(on=ON, triggers={"DEPOSIT"})

    assert [rule.rule_id for rule in found["DEPOSIT"]] == ["FIRST", "SECOND"]


def test_a_cap_or_value_that_staff_changed_holds_for_the_next_event() -> None:
    make_player()
    make_live(reward={"type": "LOYALTY_POINTS", "amount": 10}, frequency_period="DAY", frequency_max=9)
    UnitValue.objects.update_or_create(currency_type="LP", defaults={"money_value": Decimal("0.01")})
    happen(event("1"))
    UnitValue.objects.filter(currency_type="LP").update(money_value=Decimal("0.02"))
    happen(event("2"))
    cap = RewardCap.objects.create(kind="PER_PLAYER", segment="LOSING", window="DAY", value=Decimal("0.35"))
    happen(event("3"))
    cap.delete()
    happen(event("4"))

    given = RewardDecision.objects.order_by("id").values_list("amount_given", "money_value")
    # 10 × 0.01; 10 × 0.02; 0.35 − 0.30 = 0.05, which is 2.5 points; without the cap 10 × 0.02.
    assert [(str(amount), str(value)) for amount, value in given] == [
        ("10.00", "0.10"),
        ("10.00", "0.20"),
        ("2.50", "0.05"),
        ("10.00", "0.20"),
    ]


def test_an_event_costs_a_fixed_number_of_statements_however_many_rules_wait(django_assert_num_queries: Any) -> None:
    make_player()
    for number in range(3):
        wagered = {"total_wagered_min": 10**12 if number else 0}
        make_live(f"GIFT_{number}", conditions=wagered, frequency_period="DAY", frequency_max=9)
    happen(event("1"))

    with django_assert_num_queries(18):
        assert happen(event("2")) == {"APPROVED": 1}
