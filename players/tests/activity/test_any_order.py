"""Whatever order and batches the same events come in, the same rows follow: those of a model in plain Python."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from django.db import transaction
from hypothesis import given, settings
from hypothesis import strategies as st

from players.activity import record_activity
from players.activity.stage import open_tables
from players.metrics import refresh_metrics, refresh_volatility
from players.models import ActivityException, GameCategory, PlayerDay, PlayerMetrics
from players.tests.activity.plain_model import days_of, in_force, metrics_of, moment
from players.tests.factories import make_player

pytestmark = pytest.mark.django_db

AT = datetime(2026, 3, 12, tzinfo=UTC)
BEGIN = datetime(2026, 3, 9, 22, tzinfo=UTC)
SUMS = ("deposited", "withdrawn", "wagered", "won", "bets", "sessions", "playtime_hours")

cents = st.integers(1, 5000).map(lambda number: f"{number / 100:.2f}")
# Close together, so that gaps of just 30 minutes and ends of days are met often.
minutes = st.sampled_from([0, 1, 29, 30, 31, 60, 61, 90, 119, 120, 121, 149, 150, 151, 200, 1500])


@st.composite
def originals(draw: st.DrawFn, number: int) -> dict[str, Any]:
    kind = draw(st.sampled_from(["WAGER", "WAGER", "WAGER", "WIN", "DEPOSIT", "WITHDRAWAL", "SESSION"]))
    at = BEGIN + timedelta(minutes=draw(minutes), microseconds=draw(st.sampled_from([0, 0, 1])))
    event = {
        "kind": kind,
        "external_id": f"e{number}",
        "player_id": draw(st.sampled_from(["alice", "bob"])),
        "occurred_at": at.isoformat(),
    }
    if kind == "SESSION":
        return {**event, "ended_at": (at + timedelta(minutes=draw(minutes))).isoformat()}
    event["amount"] = draw(cents)
    if kind in {"WAGER", "WIN"}:
        event["game_category"] = draw(st.sampled_from(["slots", "roulette", ""]))
        if draw(st.booleans()):
            event["bonus_amount"] = draw(st.sampled_from(["0.01", event["amount"]]))
    return {name: value for name, value in event.items() if value != ""}


@st.composite
def corrections(draw: st.DrawFn, event: dict[str, Any], number: int) -> dict[str, Any]:
    made_at = BEGIN + timedelta(minutes=draw(st.sampled_from([300, 400, 400])))
    correction = {
        "kind": event["kind"],
        "external_id": f"c{number}",
        "player_id": event["player_id"],
        "occurred_at": made_at.isoformat(),
        "corrects_external_id": event["external_id"],
    }
    if draw(st.booleans()):
        return {**correction, "void": True}
    if event["kind"] == "SESSION":
        began = datetime.fromisoformat(event["occurred_at"])
        return {**correction, "ended_at": (began + timedelta(minutes=draw(minutes))).isoformat()}
    return {**correction, "amount": draw(st.sampled_from(["0.00", "7.77", "12.00"]))}


@st.composite
def feeds(draw: st.DrawFn) -> tuple[list[dict[str, Any]], list[list[dict[str, Any]]]]:
    """Return events with their corrections, and the same in some order and batches, some of them sent twice."""
    count = draw(st.integers(1, 10))
    events = [draw(originals(number)) for number in range(count)]
    corrected = draw(st.lists(st.sampled_from(events), max_size=4))
    events += [draw(corrections(event, number)) for number, event in enumerate(corrected)]
    shuffled = draw(st.permutations(events)) + draw(st.lists(st.sampled_from(events), max_size=2))
    cuts = sorted(draw(st.lists(st.integers(0, len(shuffled)), max_size=4)))
    edges = [0, *cuts, len(shuffled)]
    batches = [shuffled[first:last] for first, last in pairwise(edges) if first < last]
    return events, batches


@contextmanager
def undone() -> Iterator[None]:
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def stored_days() -> dict[tuple[str, Any], dict[str, Any]]:
    found = {}
    for day in PlayerDay.objects.values("player_id", "on", *SUMS, "lp_due", "games"):
        measures = {name: value for name, value in day.items() if name not in {"player_id", "on"}}
        if any(measures.values()):
            found[day["player_id"], day["on"]] = measures
    return found


def times_of(events: list[dict[str, Any]], player_id: str) -> dict[str, Any]:
    """Return when a player first and last did what: a void bet still was one, a void deposit was none."""
    own = [event for event in in_force(events) if event["player_id"] == player_id]
    deposited = [moment(event) for event in own if event["kind"] == "DEPOSIT" and Decimal(event["amount"]) > 0]
    wagered = [moment(event) for event in own if event["kind"] == "WAGER"]
    return {
        "first_deposit_at": min(deposited, default=None),
        "last_deposit_at": max(deposited, default=None),
        "last_wager_at": max(wagered, default=None),
    }


def with_zeros(day: dict[str, Any]) -> dict[str, Any]:
    return {**dict.fromkeys([*SUMS, "lp_due"], Decimal(0)), "games": None, **day}


@given(feed=feeds())
@settings(max_examples=25, deadline=None)
def test_any_order_and_batching_gives_the_rows_of_the_plain_model(
    feed: tuple[list[dict[str, Any]], list[list[dict[str, Any]]]],
) -> None:
    events, batches = feed
    open_tables(are_many=True)
    with undone():
        make_player("alice")
        make_player("bob")
        GameCategory.objects.filter(code="roulette").update(lp_per_unit_staked=Decimal("0.0333"))

        for batch in batches:
            record_activity(source="platform", events=batch, at=AT)

        assert stored_days() == {on: with_zeros(day) for on, day in days_of(events).items()}
        assert not ActivityException.objects.exclude(status="APPLIED").exists()
        # The batches themselves keep what follows from the totals; only volatility is the night's.
        assert refresh_metrics() == 0
        refresh_volatility()
        for metrics in PlayerMetrics.objects.all():
            expected = {**metrics_of(days_of(events), metrics.player_id), **times_of(events, metrics.player_id)}
            assert {name: getattr(metrics, name) for name in expected} == expected
