"""Finding a player by what a person types."""

from __future__ import annotations

from django.db.models import Q, QuerySet

from players.models import Player


def search_players(players: QuerySet[Player], term: str) -> QuerySet[Player]:
    """Keep players whose id starts with the term or whose e-mail it is; where there are none, those named so.

    The first look uses two indexes; only the second reads all names.
    """
    by_key = players.filter(Q(player_id__startswith=term) | Q(email=term))
    return by_key if by_key.exists() else players.filter(name__icontains=term)
