"""One player live is found by exactly what finds all by night, on populations drawn at random."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from random import Random
from typing import Any

import pytest
from django.db import transaction

from core.policies import save_policy
from players.models import Player
from players.tests.factories import AT
from safety.detection import detect_abuse_signals
from safety.detection.rings.links import refresh_links
from safety.detection.running import LINKS_WINDOW_DAYS, detect_everybody
from safety.detection.scope import Scope
from safety.models import AbuseSignal, CashGrant, Detector
from safety.tests.detection.factories import make_bet, make_bonus, make_event, make_session

pytestmark = pytest.mark.django_db
PLAYERS = 10
# So low that chance meets them.
THRESHOLDS: dict[str, dict[str, Any]] = {
    "BONUS_ONLY_PLAY": {
        "bonuses_min": 2,
        "bonus_staked_rate_min": 0.1,
        "deposit_rate_max": 100,
        "real_stake_rate_max": 0.25,
    },
    "WITHDRAWAL_AFTER_BONUS": {"times_min": 1, "bonus_share_min": 0.1, "withdrawn_rate_min": 0.1},
    "MINIMUM_BETS": {"bets_min": 2, "ratio_min": 2, "large_bets_min": 1, "after_hours": 240},
    "LOW_RISK_WAGERING": {"bets_min": 2, "turnover_rate_min": 0.1, "calm_max": 1, "low_edge_calm_max": 1},
    "SHARED_DEVICE": {"members_min": 2, "ip_weight": 1},
    "ABNORMAL_WIN_RATE": {"bets_min": 2, "false_alarms_per_year": 100000},
    "REGISTRATION_VELOCITY": {
        "device_accounts_min": 2,
        "ip_accounts_min": 2,
        "email_accounts_min": 2,
        "burst_min": 0.1,
        "burst_share_min": 0.1,
        "seen_within_days": 60,
    },
    "CLAIMS_UNDER_LIMITS": {"times_min": 1, "within_rate": 0.5, "same_amount_players_max": 1},
}
CATEGORIES = ("slots", "blackjack", "")


@pytest.fixture(autouse=True)
def low_thresholds() -> None:
    for code, thresholds in THRESHOLDS.items():
        Detector.objects.filter(pk=code).update(thresholds=thresholds, mode="ACTIVE")
    save_policy(name="MAX_DAILY_REWARD_PER_PLAYER", value="100", saved_by=None)
    save_policy(name="MAX_WEEKLY_REWARD_PER_PLAYER", value="150", saved_by=None)


def draw_player(number: int, *, draw: Random) -> None:
    shape = draw.choice(["max{}@x.example", "Max.{}@x.example", "zoe+{}@x.example", "zoe{}a@X.example"])
    email = shape.format(number) if draw.random() < 0.8 else None
    player = Player.objects.create(
        player_id=f"player {number}",
        email=email,
        registered_on=draw.choice([None, *(AT.date() - timedelta(days=days) for days in (1, 3, 30, 120))]),
    )
    Player.objects.filter(pk=player.pk).update(created_at=AT - timedelta(days=draw.randint(0, 120)))
    for _ in range(draw.randint(0, 2)):
        address = draw.choice([None, f"10.0.0.{draw.randint(1, 3)}"])
        make_session(player, device=draw.choice(["", "a", "b", "c"]), ip=address, hours=draw.randint(1, 1000))
    shares = draw.choice([(0, 1), (1, 1)])
    for _ in range(draw.randint(0, 4)):
        draw_bonus(player, shares=shares, draw=draw)
    for _ in range(draw.randint(0, 2)):
        make_event(player, draw.choice(["DEPOSIT", "WITHDRAWAL"]), draw.randint(1, 500), str(draw.randint(1, 90)))
    if draw.random() < 0.3:
        CashGrant.objects.create(
            player=player,
            granted_on=AT.date(),
            promotional_value=Decimal(80),
            expected_cost=Decimal(80),
            decision_id=number,
            event_key=f"cash {number}",
            granted_at=AT - timedelta(hours=1),
        )


def draw_bonus(player: Player, *, shares: tuple[int, int], draw: Random) -> None:
    """Write a bonus, bets while it ran, larger ones after it was completed, and money taken out.

    `shares` are those of bonus money in a stake to choose from.
    """
    began = draw.randint(100, 1000)
    ended = began - draw.randint(5, 90)
    make_bonus(
        player,
        began,
        draw.choice(["60.00", "80.00", f"{draw.randint(40, 99)}.00"]),
        status=draw.choice(["COMPLETED", "LOST"]),
        closed_hours=ended,
        required=draw.choice(["0.00", "100.00"]),
    )
    for _ in range(draw.randint(0, 5)):
        stake, hours = draw.randint(5, 40), draw.uniform(ended, began)
        payout = draw.choice([0, stake, 2 * stake, 9 * stake])
        bonus = Decimal(stake * draw.choice(shares))
        make_bet(player, hours, str(stake), str(payout), game_category=draw.choice(CATEGORIES), bonus_amount=bonus)
    if 0 in shares and draw.random() < 0.7:
        make_bet(player, ended - draw.uniform(0.1, 40), "200.00")
    if draw.random() < 0.5:
        make_event(player, "WITHDRAWAL", began - draw.randint(1, 20), "70.00")


def found() -> dict[tuple[str, str], Any]:
    """Return what signals say by player and detector; the number that a ring was given is its own."""
    return {
        (signal.player_id, signal.detector): (
            signal.description,
            signal.evidence_until,
            {**signal.metadata, "figures": {**signal.metadata["figures"], "ring": None}},
        )
        for signal in AbuseSignal.objects.all()
    }


@pytest.mark.parametrize("seed", range(6))
def test_all_by_night_and_one_by_one_find_the_same(seed: int) -> None:
    draw = Random(seed)
    for number in range(PLAYERS):
        draw_player(number, draw=draw)
    refresh_links(Scope(at=AT), window_days=LINKS_WINDOW_DAYS)

    with transaction.atomic():
        detect_everybody(at=AT)
        by_night = found()
        transaction.set_rollback(True)
    live: dict[tuple[str, str], Any] = {}
    for number in range(PLAYERS):
        with transaction.atomic():
            detect_abuse_signals(f"player {number}", at=AT)
            live |= found()
            transaction.set_rollback(True)

    assert live == by_night
    assert len({detector for _, detector in by_night}) >= 5
