"""What follows for bonuses as soon as it is known who a player is: a profile edited by hand, an identity reported."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from core.expressions import fetch_rows
from players.models import CreditRequirement, Player
from players.profile_editing import update_profile
from wallet.bonus_life import complete_bonuses, complete_met_bonuses, settle_lots
from wallet.ledger import lock_players

# What age and identity rules ask for.
_ASKED_FOR = frozenset({"age", "kyc_completed_at"})


@transaction.atomic
def edit_profile(*, player_id: str, changes: Mapping[str, Any], today: date, at: datetime | None = None) -> Player:
    """Change profile columns of a player and let go at once what only waited for them.

    Raises what `update_profile` raises; then nothing is changed.
    """
    lock_players([player_id])
    player = update_profile(player_id=player_id, changes=changes, today=today)
    if _ASKED_FOR & set(changes):
        release_held_bonuses([player_id], at=at or timezone.now())
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
