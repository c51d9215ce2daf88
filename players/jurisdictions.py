"""Which jurisdiction a player belongs to."""

from __future__ import annotations

from core.errors import NotFoundError
from core.expressions import fetch_rows
from players.models import Jurisdiction, Player


def jurisdiction_of(player_id: str) -> str:
    """Return the code of a player's jurisdiction: staff's choice, else the country's, else that of unknown countries.

    Raises NotFoundError.
    """
    code = fetch_rows("SELECT jurisdiction_of(%s)", [player_id])[0][0]
    if code is None:
        raise NotFoundError(f"there is no player {player_id!r}", player_id=player_id)
    return str(code)


def set_jurisdiction(*, player_id: str, code: str | None) -> Player:
    """Put a player under a jurisdiction whatever the country says, or leave it to the country (None).

    Takes the player's lock, so that no reward is posted by the old one meanwhile. Raises NotFoundError.
    """
    if code is not None and not Jurisdiction.objects.filter(pk=code).exists():
        known = ", ".join(Jurisdiction.objects.values_list("code", flat=True))
        raise NotFoundError(f"there is no jurisdiction {code!r}: one of {known} is needed", field="jurisdiction")
    if not Player.objects.filter(pk=player_id).update(jurisdiction=code):
        raise NotFoundError(f"there is no player {player_id!r}", player_id=player_id)
    return Player.objects.get(pk=player_id)
