"""A back-test replays a period night by night; amounts are worked by hand.

Daily rows, wagered / won. The rule gives a tenth of the net loss since its last reward, 60.00 at most, every day.

          before         Mon 15     Tue 16      Wed 17     Thu 18       Fri 19    Sun 21 (after the period)
    alice 13,700/11,950  100/0                  200/50                            1,000/0
    bob    4,600/4,400              300/400                             150/0
    carol      0/0                                         1,000/900
"""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from core.expressions import fetch_rows
from core.policies import save_policy
from players.models import Player, PlayerDay, SegmentChange
from players.tests.factories import AT, ON, make_day, restrict
from rewards.facts import fill_facts, keep_windows, moved_windows_sql
from rewards.models import RewardRule
from rewards.rules import rules_of_versions, validate_rule
from rewards.simulation.backtesting import Backtest, backtest
from rewards.simulation.periods import (
    NoDailyRowsError,
    PeriodInFutureError,
    PeriodReversedError,
    PeriodTooLongError,
)
from rewards.simulation.sandbox import rewrite
from rewards.tests.factories import evaluate, make_player, make_rule
from safety.models import CashGrant
from wallet.bonuses import add_bonus_balance

pytestmark = pytest.mark.django_db
MONDAY, TUESDAY, WEDNESDAY, THURSDAY, FRIDAY = (date(2025, 12, number) for number in range(15, 20))


def make_cast() -> None:
    """Make the three players of the table above, as they stand on Sunday evening."""
    known: dict[str, Any] = {"days_from": date(2025, 6, 1)}
    alice = make_player("alice", total_wagered=Decimal(15000), total_won=Decimal(12000), **known)
    bob = make_player("bob", total_wagered=Decimal(5050), total_won=Decimal(4800), **known)
    carol = make_player("carol", total_wagered=Decimal(1000), total_won=Decimal(900), **known)
    make_day(alice, MONDAY, wagered="100.00")
    make_day(alice, WEDNESDAY, wagered="200.00", won="50.00")
    make_day(alice, ON, wagered="1000.00")
    make_day(bob, TUESDAY, wagered="300.00", won="400.00")
    make_day(bob, FRIDAY, wagered="150.00")
    make_day(carol, THURSDAY, wagered="1000.00", won="900.00")


def make_cashback(rate: str = "0.10", **content: Any) -> RewardRule:
    reward = {"formula": f"net_loss_since_last_reward * {rate}", "max_amount": 60}
    conditions = {"net_loss_since_last_reward": {"gt": 0}}
    return make_rule("BACK", conditions=conditions, reward=reward, frequency_period="DAY", **content)


def replayed(rule: RewardRule, *, since: date = MONDAY, until: date = FRIDAY, **options: Any) -> Backtest:
    return backtest([validate_rule(rule)], since=since, until=until, at=AT, **options)


def curve(found: Backtest) -> list[str]:
    return [f"{day.money_value:.2f}" for day in found.replay.days]


def test_five_days_of_three_players() -> None:
    make_cast()

    found = replayed(make_cashback())

    # Monday: alice lost 13,800 − 11,950 = 1,850, a tenth of it is more than 60.00; bob lost 200. Wednesday: alice
    # 150. Thursday: carol 100. Friday: bob lost 250 in all, of which 200 are paid.
    assert curve(found) == ["80.00", "0.00", "15.00", "10.00", "5.00"]
    assert [day.players_reached for day in found.replay.days] == [2, 2, 2, 3, 3]
    assert [day.rewards for day in found.replay.days] == [2, 0, 1, 1, 1]
    total = found.replay.total
    assert (total.players, total.rewards) == (3, 5)
    assert total.money_value == total.expected_cost == 110
    assert total.expected_margin > 110
    assert "assumed unchanged" in found.assumption


def test_what_the_rule_really_gave_is_left_out() -> None:
    make_cast()
    rule = make_cashback()
    evaluate(ON)

    assert curve(replayed(rule)) == ["80.00", "0.00", "15.00", "10.00", "5.00"]


def test_what_others_gave_counts_in_the_caps() -> None:
    make_cast()
    save_policy(name="MAX_DAILY_REWARD_PER_PLAYER", value="50", saved_by=None)
    add_bonus_balance(
        player_id="alice", amount=5, wagering_requirement=Decimal(0), expiry=None, key="k", actor="staff", on=MONDAY
    )

    assert curve(replayed(make_cashback())) == ["65.00", "0.00", "15.00", "10.00", "5.00"]


def give_cash(player_id: str, value: int, *, rule: RewardRule, on: date) -> None:
    CashGrant.objects.create(
        player_id=player_id,
        granted_on=on,
        promotional_value=value,
        expected_cost=value,
        rule_number=rule.number,
        decision_id=rule.number,
        event_key=rule.pk,
    )


def test_cash_that_others_gave_counts_in_the_caps_and_the_rule_s_own_does_not() -> None:
    make_cast()
    save_policy(name="MAX_DAILY_REWARD_PER_PLAYER", value="50", saved_by=None)
    cash = {"type": "CASHBACK", "withdrawable": True, "amount": 55}
    own = make_rule("OWN", reward=cash, conditions={"total_wagered_min": 13_000})
    give_cash("alice", 2, rule=make_rule("OTHER"), on=MONDAY)
    give_cash("alice", 3, rule=own, on=MONDAY)

    # Of alice's 50.00 the other's 2.00 are gone for both, the 3.00 for who did not give them; bob gets 20.00.
    assert curve(replayed(make_cashback(), until=MONDAY)) == ["65.00"]
    assert curve(replayed(own, until=MONDAY)) == ["48.00"]


def test_cash_is_in_no_balance_and_who_had_none_gets_one() -> None:
    make_cast()
    rich = {"conditions": {"bonus_balance_max": 7, "net_loss_min": 500}, "frequency_period": "DAY"}
    cash = make_rule("CASH", reward={"type": "CASHBACK", "withdrawable": True}, **rich)
    bonus = make_rule("BONUS", **rich)

    assert curve(replayed(cash)) == ["10.00"] * 5
    assert curve(replayed(bonus)) == ["10.00", "0.00", "0.00", "0.00", "0.00"]


def test_the_guard_of_a_day_does_not_know_what_others_gave_later() -> None:
    make_cast()
    give_cash("alice", 10, rule=make_rule("OTHER"), on=WEDNESDAY)
    save_policy(name="RULE_GUARD_VALUE", value="62", saved_by=None)

    # Alice: 60.00 on Monday, and from Wednesday on 62 − 60 − 10 leaves nothing.
    assert curve(replayed(make_cashback())) == ["80.00", "0.00", "0.00", "10.00", "5.00"]


def test_a_paced_budget_is_spread_over_the_period() -> None:
    make_cast()
    paced = make_rule(
        "PACED",
        conditions={"total_wagered_min": 1},
        total_budget=100,
        budget_pacing="EVEN",
        ends_on="2026-06-30",
        frequency_period="DAY",
    )

    found = replayed(paced)

    # 100 ÷ 5, then 80 ÷ 4, 60 ÷ 3, 40 ÷ 2 and the rest: two rewards of 10.00 a day; carol plays from Thursday on.
    assert curve(found) == ["20.00"] * 5
    assert [day.beyond_budget for day in found.replay.days] == [0, 0, 0, 1, 1]
    assert (found.replay.budgets[0].exhausted_on, found.replay.budgets[0].days_cut) == (FRIDAY, 1)


def test_a_guardrail_does_not_hide_what_a_rule_costs() -> None:
    make_cast()
    rule = make_cashback()
    RewardRule.objects.update(forecast_cost=10)

    assert curve(replayed(rule)) == ["80.00", "0.00", "15.00", "10.00", "5.00"]
    assert RewardRule.objects.get().forecast_cost == 10


def test_places_of_a_replay_are_its_own() -> None:
    make_cast()
    rule = make_rule("FIRST", conditions={"total_wagered_min": 1}, max_players=1, frequency_period="DAY")
    evaluate(ON)

    found = replayed(rule)

    assert curve(found) == ["10.00"] * 5
    assert {row.reason for row in found.replay.refusals} == {"MAX_PLAYERS"}
    assert [day.players_reached for day in found.replay.days] == [1] * 5


def test_a_budget_runs_out_on_the_day_it_first_refuses() -> None:
    make_cast()

    found = replayed(make_cashback(total_budget=80))

    assert curve(found) == ["80.00", "0.00", "0.00", "0.00", "0.00"]
    budget = found.replay.budgets[0]
    assert (str(budget.given), budget.exhausted_on, budget.days_cut) == ("80.00", WEDNESDAY, 0)
    # Alice on Wednesday, carol on Thursday, carol and bob on Friday. From Thursday on carol's play lowers the mean of
    # the segment, and 15.00 more would not be profitable for alice either.
    assert {row.reason: row.player_days for row in found.replay.refusals} == {"BUDGET": 4, "UNPROFITABLE": 2}


def test_a_daily_budget_cuts_days_and_is_not_exhausted() -> None:
    make_cast()

    found = replayed(make_cashback(daily_budget=12))

    budget = found.replay.budgets[0]
    assert (budget.exhausted_on, budget.days_cut) == (None, 5)
    assert all(day.money_value <= 12 for day in found.replay.days)


def test_frequency_and_cooldown_hold_over_the_days() -> None:
    make_cast()
    weekly = make_rule("WEEKLY", frequency_period="WEEK", conditions={"total_wagered_min": 1})
    cooling = make_rule("COOLING", frequency_period="DAY", cooldown_days=2, conditions={"total_wagered_min": 1})

    assert curve(replayed(weekly)) == ["20.00", "0.00", "0.00", "10.00", "0.00"]
    assert curve(replayed(cooling)) == ["20.00", "0.00", "20.00", "10.00", "20.00"]


def test_two_versions_of_a_rule_differ_in_money() -> None:
    make_cast()
    make_cashback("0.05")
    rule = make_cashback("0.10")
    first = rules_of_versions([{"rule_id": "BACK", "version": 1}])

    found = replayed(rule, compared_with=first)

    assert found.compared is not None
    assert found.difference is not None
    assert [f"{day.money_value:.2f}" for day in found.compared.days] == ["70.00", "0.00", "7.50", "5.00", "2.50"]
    assert (found.difference.money_value, found.difference.players, found.difference.rewards) == (
        Decimal("25.00"),
        0,
        0,
    )
    assert [f"{day.money_value:.2f}" for day in found.difference.days] == ["10.00", "0.00", "7.50", "5.00", "2.50"]


def test_segments_are_those_of_the_day() -> None:
    make_cast()
    alice = Player.objects.get(pk="alice")
    SegmentChange.objects.create(player=alice, segment_before="VIP", segment_after="LOSING", on=WEDNESDAY)
    rule = make_rule("VIPS", frequency_period="DAY", conditions={"segment": "VIP"})

    assert curve(replayed(rule)) == ["10.00", "10.00", "0.00", "0.00", "0.00"]


def test_the_restrictions_of_the_evening_hold() -> None:
    make_cast()
    end = AT - timedelta(days=4)
    restrict(Player.objects.get(pk="alice"), ends_at=end)

    # Restricted until Wednesday noon: the loss of before is paid then, 2,000 with Wednesday's.
    assert curve(replayed(make_cashback())) == ["20.00", "0.00", "60.00", "10.00", "5.00"]


def test_who_was_not_registered_yet_gets_nothing_yet() -> None:
    make_cast()
    Player.objects.filter(pk="alice").update(registered_on=TUESDAY)

    assert curve(replayed(make_cashback())) == ["20.00", "60.00", "15.00", "10.00", "5.00"]


def test_balances_are_those_of_the_day_and_hold_virtual_rewards() -> None:
    make_cast()
    add_bonus_balance(
        player_id="alice",
        amount=7,
        wagering_requirement=Decimal(0),
        expiry=None,
        key="k",
        actor="staff",
        at=AT - timedelta(days=4),
        on=WEDNESDAY,
    )
    rule = make_rule("POOR", frequency_period="DAY", conditions={"bonus_balance_max": 7, "net_loss_min": 500})

    found = replayed(rule)

    # On Monday alice holds nothing and is given ten: with these she is too rich for more.
    assert curve(found) == ["10.00", "0.00", "0.00", "0.00", "0.00"]
    assert any("nobody wagers" in words for words in found.unreconstructed)


def test_what_cannot_be_known_of_the_past_is_named() -> None:
    make_cast()
    make_player("dave")
    PlayerDay.objects.filter(player_id="bob").update(is_estimated=True)
    rule = make_rule("RISKY", conditions={"bonus_abuse_score_max": 60, "tags": ["vip"]})

    found = replayed(rule)

    assert "the abuse score is today's" in found.unreconstructed
    assert "the tags are today's" in found.unreconstructed
    assert "1 player(s) have no daily rows: their totals are today's" in found.unreconstructed
    assert any(words.startswith("2 daily row(s) of the period are estimates") for words in found.unreconstructed)


@pytest.mark.parametrize(
    ("since", "until", "error", "message"),
    [
        (FRIDAY, MONDAY, PeriodReversedError, "ends on 2025-12-15, before it begins on 2025-12-19"),
        (MONDAY, ON + timedelta(days=1), PeriodInFutureError, "may end on 2025-12-21 at the latest"),
        (ON - timedelta(days=366), ON, PeriodTooLongError, "the period has 367 days; at most 366"),
        (date(2025, 1, 1), date(2025, 1, 31), NoDailyRowsError, "they reach from 2025-12-15 to 2025-12-21"),
    ],
)
def test_a_period_that_cannot_be_replayed_is_refused(
    since: date, until: date, error: type[Exception], message: str
) -> None:
    make_cast()

    with pytest.raises(error, match=message):
        replayed(make_cashback(), since=since, until=until)


def test_windows_moved_from_day_to_day_are_those_the_night_adds_up() -> None:
    make_cast()
    alice = Player.objects.get(pk="alice")
    for number in range(100):
        day = THURSDAY - timedelta(days=number + 7)
        make_day(alice, day, wagered=f"{number}.50", won="7.25", deposited="3.00", bets=number)
    columns = [f"{name}_{days}d" for days in (7, 30, 90) for name in ("total_wagered", "total_bets", "active_days")]
    names = ", ".join(columns)
    keep_windows("kept_windows", on=MONDAY - timedelta(days=1), columns=columns)

    for run_id, on in enumerate((MONDAY, TUESDAY, WEDNESDAY, THURSDAY, FRIDAY), start=1):
        rewrite("kept_windows", moved_windows_sql("kept_windows", on=on, columns=columns), [])
        fill_facts(run_id=run_id, on=on, columns=columns)
        fill_facts(run_id=-run_id, on=on, columns=columns, kept={"days": "kept_windows"})

        both = [
            fetch_rows(f"SELECT player_id, {names} FROM player_facts WHERE run_id = %s ORDER BY 1", [run])
            for run in (run_id, -run_id)
        ]
        assert both[0] == both[1]
        assert both[0][0][1] > 0
