"""How tiers qualify and fall: the tables of docs/tiers.md."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from importlib import import_module

import pytest
from django.conf import settings

from core.environment import PROJECT_FOLDER
from core.expressions import run_statement
from core.policies import save_policy
from core.tests.threads import run_together
from players.models import Player, TierChange
from players.tests.factories import ON, make_player
from rewards.models import PointsEarnedDay
from rewards.tiers import evaluate_tiers, record_points_earned, tier_outlook
from wallet.corrections import reverse_operation
from wallet.models import LoyaltyBalance, Operation
from wallet.tests.factories import AT, credit, make_alice, spend

pytestmark = pytest.mark.django_db


def documented(head: str) -> list[tuple[str, ...]]:
    """Return the rows of a table in docs/tiers.md."""
    text = (PROJECT_FOLDER / "docs" / "tiers.md").read_text()
    table = text.partition(head)[2].partition("\n\n")[0]
    return [tuple(cell.strip() for cell in row.strip("|").split("|")) for row in table.splitlines()[2:]]


WINDOW = documented("| night of | earned since the night before |")
FALLS = documented("| policy | holds | kept until |")


def save(**values: object) -> None:
    for name, value in values.items():
        save_policy(name=name, value=str(value), saved_by=None)


def day(text: str) -> date | None:
    return None if text == "–" else date.fromisoformat(text)


def rank(on: date, *, player_id: str = "alice") -> str:
    """Rank as the night of a date does; return the player's tier."""
    record_points_earned(on=on)
    evaluate_tiers(on=on)
    return Player.objects.get(pk=player_id).tier


def test_the_documented_tables_are_read() -> None:
    assert (len(WINDOW), len(FALLS)) == (7, 11)


def test_a_rolling_window_counts_as_the_table_says() -> None:
    make_alice()
    save(TIER_QUALIFICATION="ROLLING", TIER_WINDOW_DAYS=30)

    for night, earned, ever, in_window, tier in WINDOW:
        if int(earned):
            credit("alice", earned, key=night)
        assert (night, rank(date.fromisoformat(night))) == (night, tier)
        outlook = tier_outlook(player=Player.objects.get(pk="alice"), on=date.fromisoformat(night))
        assert (outlook.points, outlook.tier_level) == (Decimal(in_window), tier)
        assert LoyaltyBalance.objects.get(player="alice").lp_earned == Decimal(ever)

    assert list(PointsEarnedDay.objects.order_by("on").values_list("on", "lp_earned")) == [
        (date(2025, 12, 1), Decimal(900)),
        (date(2025, 12, 10), Decimal(1200)),
        (date(2026, 1, 5), Decimal(11000)),
    ]


@pytest.mark.parametrize(("policy", "holds", "kept", "points", "night", "then", "then_kept"), FALLS)
def test_a_tier_falls_as_the_table_says(
    policy: str, holds: str, kept: str, points: str, night: str, then: str, then_kept: str
) -> None:
    save(TIER_DOWNGRADE=policy, TIER_GRACE_DAYS=30)
    alice = make_player("alice", tier=holds, tier_kept_until=day(kept))
    LoyaltyBalance.objects.create(player=alice, lp_earned=Decimal(points))
    on = date.fromisoformat(night)

    for _ in range(2):  # the same night again changes nothing more
        evaluate_tiers(on=on)
        alice.refresh_from_db()
        assert (alice.tier, alice.tier_kept_until) == (then, day(then_kept))

    assert TierChange.objects.count() == (holds != then)


def test_spending_costs_no_tier_and_a_reversal_does() -> None:
    make_alice()
    save(TIER_QUALIFICATION="ROLLING", TIER_WINDOW_DAYS=30)
    credit("alice", "1000.00", key="kept")
    spend("alice", "990.00")
    assert rank(ON) == "SILVER"

    credit("alice", "9000.00", key="mistake")
    assert rank(ON) == "GOLD"
    mistake = Operation.objects.get(key="mistake")
    reverse_operation(operation_id=mistake.pk, reason="Mistake", key="undo", actor="tests", at=AT)

    assert rank(ON) == "SILVER"


def test_changing_to_a_rolling_window_finds_the_nights_before() -> None:
    make_alice()
    credit("alice", "1200.00")
    assert rank(date(2025, 11, 1)) == "SILVER"

    save(TIER_QUALIFICATION="ROLLING", TIER_WINDOW_DAYS=30)

    assert rank(date(2025, 12, 1)) == "BRONZE"


def test_what_was_earned_before_the_table_was_made_is_read_from_the_ledger() -> None:
    make_alice()
    credit("alice", "100.00", key="1", at=AT.replace(day=1))
    credit("alice", "50.00", key="2", at=AT.replace(day=1))
    credit("alice", "30.00", key="3", at=AT.replace(day=9))
    spend("alice", "20.00", at=AT.replace(day=9))
    credit("alice", "7.00", key="rp", currency="RP", at=AT.replace(day=9))
    reversed_one = Operation.objects.get(key="2")
    reverse_operation(operation_id=reversed_one.pk, reason="Mistake", key="u", actor="t", at=AT.replace(day=12))

    sql = import_module("rewards.migrations.0013_points_earned_so_far").POINTS_EARNED_SO_FAR_SQL
    run_statement(sql, [settings.TIME_ZONE])

    rows = PointsEarnedDay.objects.order_by("on").values_list("on__day", "lp_earned")
    assert list(rows) == [(1, Decimal(150)), (9, Decimal(180)), (12, Decimal(130))]
    assert LoyaltyBalance.objects.get(player="alice").lp_earned == Decimal(130)


@pytest.mark.django_db(transaction=True)
def test_two_nights_at_once_let_each_player_fall_one_level() -> None:
    save(TIER_DOWNGRADE="ONE_LEVEL", TIER_GRACE_DAYS=30)
    for number in range(100):
        make_player(f"player{number:03}", tier="PLATINUM")

    changed = run_together(*[lambda: evaluate_tiers(on=ON)] * 4)

    assert sum(changed) == 100
    assert TierChange.objects.count() == 100
    assert set(Player.objects.values_list("tier", flat=True)) == {"GOLD"}


@pytest.mark.django_db(transaction=True)
def test_two_nights_at_once_keep_points_earned_once() -> None:
    make_alice()
    credit("alice", "100.00")

    run_together(*[lambda: record_points_earned(on=ON)] * 4)

    assert PointsEarnedDay.objects.get().lp_earned == Decimal(100)
