"""Which jurisdiction a player belongs to."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from django.db import transaction
from django.utils import timezone

from core.errors import InvalidInputError, NotFoundError
from core.expressions import fetch_rows
from core.strict_json import is_storable
from players.models import Jurisdiction, Player, PlayerJurisdictionChange

if TYPE_CHECKING:
    from django.contrib.auth.models import User

REASON_LENGTH_MAX = 500


def jurisdiction_of(player_id: str) -> str:
    """Return the code of a player's jurisdiction: staff's choice, else the country's, else that of unknown countries.

    Raises NotFoundError.
    """
    code = fetch_rows("SELECT jurisdiction_of(%s)", [player_id])[0][0]
    if code is None:
        raise NotFoundError(f"there is no player {player_id!r}", player_id=player_id)
    return str(code)


@transaction.atomic
def set_jurisdiction(
    *, player_id: str, code: str | None, reason: str, by: User | None, at: datetime | None = None
) -> PlayerJurisdictionChange:
    """Put a player under a jurisdiction whatever the country says, or leave it to the country (None); keep who and why.

    Takes the player's lock, so that nothing is given by the old one meanwhile. Raises NotFoundError, and
    InvalidInputError for a reason that is missing or too long.
    """
    if not reason.strip() or len(reason) > REASON_LENGTH_MAX or not is_storable(reason):
        raise InvalidInputError(f"reason has to say why, in 1 to {REASON_LENGTH_MAX} characters", field="reason")
    if code is not None and not Jurisdiction.objects.filter(pk=code).exists():
        known = ", ".join(Jurisdiction.objects.values_list("code", flat=True))
        raise NotFoundError(f"there is no jurisdiction {code!r}: one of {known} is needed", field="jurisdiction")
    player = Player.objects.select_for_update(no_key=True).filter(pk=player_id).only("jurisdiction").first()
    if player is None:
        raise NotFoundError(f"there is no player {player_id!r}", player_id=player_id)
    Player.objects.filter(pk=player_id).update(jurisdiction=code)
    return PlayerJurisdictionChange.objects.create(
        player_id=player_id,
        jurisdiction_before=player.jurisdiction_id or "",
        jurisdiction_after=code or "",
        reason=reason,
        changed_by=by,
        changed_at=at or timezone.now(),
    )
