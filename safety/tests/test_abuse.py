"""Abuse score by its formula, what follows in each band, and the risk score it is part of."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db.models import Value

from core.errors import NotFoundError
from core.expressions import fetch_rows
from core.policies import save_policy
from core.runs import KeyRange
from core.tests.threads import run_together
from players.models import Player, PlayerMetrics, RiskScoreChange
from players.tests.factories import AT, ON, make_alice, make_measured, make_player
from safety.abuse import (
    amount_multiplier,
    apply_abuse_penalty,
    calculate_abuse_score,
    calculate_risk_score,
    score_players,
    wagering_multiplier,
)
from safety.models import AbuseSignal
from safety.tests.factories import make_signal

pytestmark = pytest.mark.django_db


# (severity, age in days) of each unresolved signal → score, by hand: min(100, Σ 5 × severity × 0.5^(age ÷ 90)).
SCORES: list[tuple[list[tuple[int, float]], int]] = [
    ([], 0),
    ([(1, 0)], 5),
    ([(10, 0)], 50),
    ([(10, 90)], 25),
    ([(10, 180)], 13),  # 12.5, rounded half up
    ([(6, 0), (4, 90)], 40),  # 30 + 10
    ([(10, 45)], 35),  # 50 × 0.70711 = 35.36
    ([(5, 30)], 20),  # 25 × 0.79370 = 19.84
    ([(1, 90)], 3),  # 2.5, rounded half up
    ([(10, 0), (10, 0)], 100),
    ([(10, 0), (10, 0), (1, 0)], 100),
    ([(10, 0)] * 400, 100),
    ([(1, 3600)], 0),
    # 5 × 0.5^(328 ÷ 90) = 0.40 and 5 × 0.5^(288 ÷ 90) = 0.54: 30.40 is the band of 30, 30.54 that of 31.
    ([(6, 0), (1, 328)], 30),
    ([(6, 0), (1, 288)], 31),
    ([(10, 0), (2, 0), (1, 328)], 60),
    ([(10, 0), (2, 0), (1, 288)], 61),
    ([(10, 0), (6, 0), (1, 328)], 80),
    ([(10, 0), (6, 0), (1, 288)], 81),
    ([(4, -10)], 20),  # seen by a clock ahead of ours: as if new
]


@pytest.mark.parametrize(("signals", "score"), SCORES)
def test_the_score_is_what_the_formula_says(signals: list[tuple[int, float]], score: int) -> None:
    alice = make_alice()
    for severity, days_old in signals:
        make_signal(alice, severity, days_old=days_old)

    assert calculate_abuse_score("alice", at=AT) == score


def test_resolved_signals_and_those_of_others_do_not_count() -> None:
    alice, bob = make_alice(), make_player("bob")
    make_signal(alice, 3)
    make_signal(alice, 10, is_resolved=True)
    make_signal(bob, 10)

    assert calculate_abuse_score("alice", at=AT) == 15


def test_weight_and_half_life_are_policies() -> None:
    make_signal(make_alice(), 4, days_old=10)
    save_policy(name="ABUSE_POINTS_PER_SEVERITY", value="8", saved_by=None)
    save_policy(name="ABUSE_HALF_LIFE_DAYS", value="10", saved_by=None)

    # 8 × 4 × 0.5.
    assert calculate_abuse_score("alice", at=AT) == 16


# Score → what is left of an amount that must be wagered, of one that need not, and the factor of the requirement.
BANDS = {
    0: ("1", "1", "1"),
    30: ("1", "1", "1"),
    31: ("0.5", "0.5", "1"),
    60: ("0.5", "0.5", "1"),
    61: ("1", "0.5", "1.5"),
    80: ("1", "0.5", "1.5"),
    81: ("0", "0", "1"),
    100: ("0", "0", "1"),
}


def band_of(score: int) -> tuple[Decimal, Decimal, Decimal]:
    wagered, unwagered, factor = BANDS[score]
    return Decimal(wagered), Decimal(unwagered), Decimal(factor)


def test_each_band_cuts_the_amount_or_raises_the_requirement_of_many_players_at_once() -> None:
    for score in BANDS:
        make_measured(f"P{score}", bonus_abuse_score=score)

    rows = PlayerMetrics.objects.annotate(
        wagered=amount_multiplier(has_requirement=Value(value=True)),
        unwagered=amount_multiplier(has_requirement=Value(value=False)),
        factor=wagering_multiplier(),
    )

    found = {row.bonus_abuse_score: (row.wagered, row.unwagered, row.factor) for row in rows}
    assert found == {score: band_of(score) for score in BANDS}


@pytest.mark.parametrize("score", BANDS)
def test_each_band_leaves_one_player_what_it_leaves_many(score: int) -> None:
    make_measured("alice", bonus_abuse_score=score)

    wagered, unwagered, _ = band_of(score)
    assert apply_abuse_penalty("alice") == wagered
    assert apply_abuse_penalty("alice", has_requirement=False) == unwagered


def test_the_bands_are_policies() -> None:
    save_policy(name="ABUSE_REDUCE_FROM", value="10", saved_by=None)
    save_policy(name="ABUSE_REDUCED_RATE", value="0.25", saved_by=None)
    make_measured("alice", bonus_abuse_score=10)

    assert apply_abuse_penalty("alice") == Decimal("0.25")


def test_how_much_falls_where_no_requirement_can_rise_is_a_policy() -> None:
    save_policy(name="ABUSE_WAGERING_INSTEAD_RATE", value="0.75", saved_by=None)
    make_measured("alice", bonus_abuse_score=61)

    assert apply_abuse_penalty("alice", has_requirement=False) == Decimal("0.75")
    assert apply_abuse_penalty("alice") == 1


def test_a_player_without_metrics_has_no_penalty_and_an_unknown_one_is_named() -> None:
    make_alice()

    assert apply_abuse_penalty("alice") == 1
    with pytest.raises(NotFoundError, match="there is no player 'dora'"):
        apply_abuse_penalty("dora")


# Risk

RISKS = [
    # won, wagered, severity → risk: the abuse score, and 20 points above a ratio of 1.5.
    ("1500.00", "1000.00", 0, 0),
    ("1500.01", "1000.00", 0, 20),
    ("1000000.00", "1000000.00", 0, 0),
    ("1500000.01", "1000000.00", 0, 20),  # 1.50000001 would be stored as 1.5000
    ("500.00", "0.00", 0, 0),
    ("0.00", "1000.00", 6, 30),
    ("2000.00", "1000.00", 6, 50),
    ("2000.00", "1000.00", 10, 70),
]


@pytest.mark.parametrize(("won", "wagered", "severity", "risk"), RISKS)
def test_risk_is_the_abuse_score_and_points_for_an_unusual_ratio(
    won: str, wagered: str, severity: int, risk: int
) -> None:
    alice = make_measured("alice", total_won=won, total_wagered=wagered)
    if severity:
        make_signal(alice, severity)

    assert calculate_risk_score(player_id="alice", at=AT) == risk
    score_players(on=ON, at=AT)
    assert Player.objects.get().risk_score == risk


def test_risk_ends_at_100() -> None:
    alice = make_measured("alice", total_won="2000.00", total_wagered="1000.00")
    for _ in range(3):
        make_signal(alice, 10)

    assert calculate_risk_score(player_id="alice", at=AT) == 100


def test_points_and_threshold_of_risk_are_policies() -> None:
    save_policy(name="RISK_WIN_RATIO_THRESHOLD", value="1.2", saved_by=None)
    save_policy(name="RISK_WIN_RATIO_POINTS", value="35", saved_by=None)
    make_measured("alice", total_won="1200.01", total_wagered="1000.00")

    assert calculate_risk_score(player_id="alice", at=AT) == 35


def test_the_risk_of_an_unknown_player_is_not_zero_but_an_error() -> None:
    make_measured("alice2")

    with pytest.raises(NotFoundError, match="there is no player 'alice' with metrics"):
        calculate_risk_score(player_id="alice")


def versions() -> set[str]:
    return {
        row
        for table in ("players", "player_metrics")
        for (row,) in fetch_rows(f"SELECT player_id || xmin::text || ctid::text || updated_at FROM {table}", [])
    }


def test_scores_are_stored_with_history_and_only_where_they_change() -> None:
    alice = make_measured("alice", total_wagered="1000.00")
    make_measured("bob", total_wagered="1000.00")
    make_signal(alice, 8)

    assert score_players(on=ON, at=AT, run_id=5) == 1

    assert dict(Player.objects.values_list("player_id", "risk_score")) == {"alice": 40, "bob": 0}
    assert PlayerMetrics.objects.get(player="alice").bonus_abuse_score == 40
    change = RiskScoreChange.objects.get()
    assert (change.player_id, change.risk_score_before, change.risk_score_after) == ("alice", 0, 40)
    assert (change.abuse_score_after, change.on, change.run_id) == (40, ON, 5)

    before = versions()
    assert score_players(on=ON, at=AT) == 0
    assert versions() == before


def test_a_resolved_signal_takes_the_score_back() -> None:
    make_signal(make_measured("alice"), 8)
    score_players(on=ON, at=AT)

    AbuseSignal.objects.update(is_resolved=True, resolved_at=AT)
    assert score_players(on=ON + timedelta(days=1), at=AT) == 1

    assert Player.objects.get().risk_score == 0
    assert RiskScoreChange.objects.count() == 2


def test_a_change_of_one_score_alone_is_kept_too() -> None:
    alice = make_measured("alice", total_won="2000.00", total_wagered="1000.00")
    for _ in range(2):
        make_signal(alice, 9)
    score_players(on=ON, at=AT)
    make_signal(alice, 2)

    # The risk score stays at 100; the abuse score rises from 90 to 100.
    assert score_players(on=ON, at=AT) == 1
    change = RiskScoreChange.objects.latest("id")
    assert (change.risk_score_before, change.risk_score_after, change.abuse_score_after) == (100, 100, 100)


def test_a_range_of_players_leaves_the_others_alone() -> None:
    for player_id in ("alice", "bob", "carol"):
        make_signal(make_measured(player_id), 2)

    assert score_players(on=ON, at=AT, keys=KeyRange(lower="b", upper="c")) == 1
    assert dict(Player.objects.values_list("player_id", "risk_score")) == {"alice": 0, "bob": 10, "carol": 0}


@pytest.mark.django_db(transaction=True)
def test_two_that_score_at_once_write_one_history_row_per_change() -> None:
    for number in range(100):
        make_signal(make_measured(f"player{number:03}"), 2)

    changed = run_together(*[lambda: score_players(on=ON, at=AT)] * 4)

    assert sum(changed) == 100
    assert RiskScoreChange.objects.count() == 100
