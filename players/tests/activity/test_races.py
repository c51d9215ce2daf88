"""Batches at the same moment, with real threads: nothing is lost, nothing counted twice, nobody waits for ever."""

from __future__ import annotations

from datetime import date
from functools import partial
from typing import Any

import pytest

from core.tests.threads import run_together, while_held_open
from players.activity import ActivityRefusedError, RecordedBatch
from players.models import Activity, Player, PlayerDay, PlayerMetrics
from players.tests.activity.events import record, session, wager
from players.tests.factories import make_measured

pytestmark = pytest.mark.django_db(transaction=True)


def make_fed(*player_ids: str) -> None:
    """Make players of whom nothing is left to be written but what a batch counts: no row but theirs is waited for."""
    for player_id in player_ids:
        make_measured(player_id, profile={"source": "FEED"})


def events(prefix: str, players: tuple[str, ...], count: int = 30) -> list[dict[str, Any]]:
    return [
        wager(f"{prefix}{number}", "1.00", f"{number % 20:02}:00", player_id=player_id)
        for number, player_id in enumerate(players * count)
    ]


def stored(outcomes: list[Any]) -> list[int]:
    assert all(isinstance(outcome, RecordedBatch) for outcome in outcomes), outcomes
    return sorted(outcome.stored for outcome in outcomes)


def test_the_same_batch_twice_at_once_is_stored_once() -> None:
    make_fed("alice", "bob")
    batch = [*events("w", ("alice", "bob")), session("s1", "10:00", "11:00")]

    outcomes = run_together(*[partial(record, *batch)] * 3)

    assert stored(outcomes) == [0, 0, 61]
    assert [metrics.total_wagered for metrics in PlayerMetrics.objects.order_by("player_id")] == [30, 30]
    assert Activity.objects.count() == 61


def test_batches_of_the_same_players_at_once_lose_nothing_and_do_not_wait_for_each_other_for_ever() -> None:
    make_fed("alice", "bob")
    batches = [events(f"{number}-", ("alice", "bob") if number % 2 else ("bob", "alice")) for number in range(4)]

    outcomes = run_together(*[partial(record, *batch) for batch in batches])

    assert stored(outcomes) == [60] * 4
    days: Any = PlayerDay.objects.order_by("player_id")
    assert [(day.wagered, day.bets, day.sessions) for day in days] == [(120, 120, 20), (120, 120, 20)]


def test_who_comes_second_waits_for_the_players_and_sees_what_the_first_counted() -> None:
    make_fed("alice")

    first, later = wager("w1", clock="10:00"), wager("w2", clock="10:10")

    (second,) = while_held_open(partial(record, first), partial(record, later))

    assert second.stored == 1
    day: Any = PlayerDay.objects.get(player="alice", on=date(2026, 3, 10))
    assert (day.wagered, day.sessions) == (20, 1)


def test_one_id_for_two_players_at_once_goes_to_the_first() -> None:
    make_fed("alice", "bob")

    outcomes = while_held_open(partial(record, wager("w1")), partial(record, wager("w1", player_id="bob")))

    assert isinstance(outcomes[0], ActivityRefusedError)
    assert list(Activity.objects.values_list("player_id", flat=True)) == ["alice"]


def test_a_player_is_made_once_by_two_batches_at_once() -> None:
    outcomes = run_together(
        *[partial(record, wager(f"w{number}", player_id="dora"), create_players=True) for number in range(3)]
    )

    assert stored(outcomes) == [1, 1, 1]
    assert Player.objects.get().source == "FEED"
    assert PlayerMetrics.objects.get().total_bets == 3
