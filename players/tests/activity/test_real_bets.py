"""Real bets, one to a batch and in no order: totals, sessions and days as added up in plain Python."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.db.models import Count, Sum

from players.activity import EVENTS_MAX, record_activity
from players.models import Player, PlayerDay, PlayerMetrics
from players.segmentation import batch_reclassify_players
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


@pytest.mark.long
@pytest.mark.django_db(transaction=True)
def test_fifty_thousand_real_bets_in_no_order_and_twice_give_the_documented_figures() -> None:
    events = [event for bet in real_bets() for event in bet]

    answers = [_send(events, seed=seed) for seed in (1, 2)]

    # 50,000 stakes and 28,734 payouts, all known the second time.
    assert answers == [(78_734, 0), (0, 78_734)]
    totals = PlayerMetrics.objects.aggregate(
        players=Count("pk"),
        wagered=Sum("total_wagered"),
        won=Sum("total_won"),
        sessions=Sum("total_sessions"),
        bets=Sum("total_bets"),
    )
    assert totals == {
        "players": 4149,
        "wagered": Decimal(146_762_549),
        "won": Decimal("149049667.27"),
        "sessions": 44_522,
        "bets": 50_000,
    }
    batch_reclassify_players(on=date(2016, 12, 31))
    segments = dict(Player.objects.values_list("segment").annotate(count=Count("pk")))
    # Documented are 984 LOSING and 236 BREAKEVEN: one player won 111.10 of 2222, exactly 5 %, which computed in binary
    # is less.
    assert segments == {"NEW": 2117, "LOSING": 985, "WINNING": 802, "BREAKEVEN": 235, "VIP": 10}
    assert PlayerMetrics.objects.filter(total_wagered=1000).count() == 93


def _send(events: list[dict[str, Any]], *, seed: int) -> tuple[int, int]:
    shuffled = random.Random(seed).sample(events, k=len(events))
    batches = [shuffled[first : first + EVENTS_MAX] for first in range(0, len(shuffled), EVENTS_MAX)]
    answers = [record_activity(source="bustabit", events=batch, at=AT, create_players=True) for batch in batches]
    return sum(answer.stored for answer in answers), sum(answer.repeated for answer in answers)
