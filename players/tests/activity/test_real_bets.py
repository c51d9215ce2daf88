"""Real bets, one to a batch and in no order: totals, sessions and days as added up in plain Python."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from django.db.models import Count, Sum

from players.activity import record_activity
from players.models import PlayerDay, PlayerMetrics
from players.tests.activity.plain_model import days_of
from players.tests.activity.real_bets import FILE, MISSING, real_bets

pytestmark = [pytest.mark.django_db, pytest.mark.skipif(not FILE.exists(), reason=MISSING)]

AT = datetime(2017, 1, 1, tzinfo=UTC)


def test_a_thousand_real_bets_one_to_a_batch_give_what_plain_python_adds_up() -> None:
    bets = real_bets()[:1000]
    events = [event for bet in bets for event in bet]
    shuffled = random.Random(1).sample(bets, k=len(bets))

    for bet in shuffled:
        record_activity(source="bustabit", events=bet, at=AT, create_players=True)

    expected = days_of(events)
    stored = {(day.player_id, day.on): day for day in PlayerDay.objects.all()}
    assert stored.keys() == expected.keys()
    for on, day in stored.items():
        wanted = expected[on]
        assert (day.wagered, day.won) == (wanted["wagered"], wanted.get("won", Decimal(0)))
        assert (day.bets, day.sessions) == (wanted["bets"], wanted["sessions"])
    totals = PlayerMetrics.objects.aggregate(
        players=Count("pk"), wagered=Sum("total_wagered"), won=Sum("total_won"), sessions=Sum("total_sessions")
    )
    assert totals == {
        "players": len({event["player_id"] for event in events}),
        "wagered": sum(Decimal(bet[0]["amount"]) for bet in bets),
        "won": sum(Decimal(bet[1]["amount"]) for bet in bets if len(bet) == 2),
        "sessions": sum(day["sessions"] for day in expected.values()),
    }
