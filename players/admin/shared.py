"""The player column and filter that every list about players has."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import TextFilter
from unfold.decorators import display

from core.admin.columns import Colours, link_to

SEGMENT_COLOURS = Colours(NEW="info", WINNING="success", BREAKEVEN="warning", LOSING="danger", VIP="primary")
PLAYER_SEARCH_HELP = "Player id, in full"


@display(description="player", ordering="player_id")
def player_link(_: Any, row: Any) -> SafeString:
    """Link to the player's page by key alone, so that no player needs to be read."""
    return link_to("players_player", row.player_id)


class PlayerFilter(TextFilter):
    """Exactly one player's rows: an index finds them among millions."""

    title = "player id"
    parameter_name = "player"

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Return the rows of that player; no stored id holds a NUL byte, so such a value finds nothing."""
        player_id = self.value()
        if not player_id:
            return queryset
        return queryset.none() if "\x00" in player_id else queryset.filter(player_id=player_id)
