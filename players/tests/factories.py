"""The cast and minimal valid rows around them, with fixed values."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from players.models import Player, PlayerDay, PlayerMetrics, PlayerRestriction, RestrictionKind

ON = date(2025, 12, 21)
AT = datetime(2025, 12, 21, 12, tzinfo=UTC)
LONG_AGO = datetime(2025, 1, 1, tzinfo=UTC)


def make_player(player_id: str = "alice", **profile: Any) -> Player:
    """Return a player without metrics and without money."""
    return Player.objects.create(player_id=player_id, **profile)


def make_alice() -> Player:
    """Return an ordinary player."""
    return make_player("alice", name="Alice", email="alice@example.com")


def make_bob() -> Player:
    """Return the player who is given bonuses."""
    return make_player("bob", name="Bob", email="bob@example.com")


def make_carol() -> Player:
    """Return a self-excluded player."""
    carol = make_player("carol", name="Carol", email="carol@example.com")
    restrict(carol)
    return carol


def restrict(
    player: Player,
    kind: str = RestrictionKind.SELF_EXCLUDED,
    *,
    starts_at: datetime = LONG_AGO,
    ends_at: datetime | None = None,
) -> PlayerRestriction:
    """Put a restriction on a player."""
    return PlayerRestriction.objects.create(
        player=player, kind=kind, starts_at=starts_at, ends_at=ends_at, source="the player"
    )


def make_measured(player_id: str = "alice", *, profile: dict[str, Any] | None = None, **totals: Any) -> Player:
    """Return a player with the given totals; amounts are written as text."""
    player = make_player(player_id, **(profile or {}))
    exact = {name: Decimal(total) if isinstance(total, str) else total for name, total in totals.items()}
    PlayerMetrics.objects.create(player=player, **exact)
    return player


def make_day(player: Player, on: date = ON, **sums: Any) -> PlayerDay:
    """Return what a player did on one business date; amounts are written as text."""
    exact = {name: Decimal(amount) if isinstance(amount, str) else amount for name, amount in sums.items()}
    return PlayerDay.objects.create(player=player, on=on, **exact)
