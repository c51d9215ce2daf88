"""What follows as soon as it is known who a player is, or where: a profile edited by hand, an identity reported."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.utils import timezone

from core.expressions import fetch_rows
from players.jurisdictions import jurisdiction_of
from players.models import CreditRequirement, Player, PlayerJurisdictionChange
from players.profile_editing import update_profile
from wallet.bonus_life import complete_bonuses, complete_met_bonuses, settle_lots
from wallet.ledger import lock_players

if TYPE_CHECKING:
    from django.contrib.auth.models import User

# What age and identity rules ask for.
_ASKED_FOR = frozenset({"age", "kyc_completed_at"})


@transaction.atomic
def edit_profile(
    *, player_id: str, changes: Mapping[str, Any], today: date, by: User | None, at: datetime | None = None
) -> Player:
    """Change profile columns of a player and let go at once what only waited for them.

    A country that puts the player under another jurisdiction is kept among the choices of jurisdictions. Raises what
    `update_profile` raises; then nothing is changed.
    """
    at = at or timezone.now()
    lock_players([player_id])
    country = Player.objects.values_list("country", flat=True).get(pk=player_id)
    left = jurisdiction_of(player_id)
    player = update_profile(player_id=player_id, changes=changes, today=today)
    if player.country != country and (entered := jurisdiction_of(player_id)) != left:
        reason = f"Country: {country or 'none'} → {player.country or 'none'}; {left} → {entered}"
        PlayerJurisdictionChange.objects.create(player_id=player_id, reason=reason, changed_by=by, changed_at=at)
    if _ASKED_FOR & set(changes):
        release_held_bonuses([player_id], at=at)
    return player


def release_held_bonuses(player_ids: Sequence[str], *, at: datetime) -> None:
    """Convert what is met and wake what is due of locked players of whom something is known now."""
    complete_bonuses(player_ids, at=at)
    settle_lots(player_ids, at=at)


def convert_known(*, at: datetime | None = None) -> int:
    """Convert the met bonuses of everybody who is known by now, by whatever path; return how many.

    Looks at nobody where no rule holds conversions back.
    """
    if not _is_conversion_held():
        return 0
    return complete_met_bonuses(at=at or timezone.now())


def _is_conversion_held() -> bool:
    sql = "SELECT 1 FROM credit_requirements WHERE purpose = %s AND (needs_kyc OR minimum_age IS NOT NULL)"
    return bool(fetch_rows(sql, [CreditRequirement.CONVERSION]))
