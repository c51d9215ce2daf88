"""Credits by hand within the limits of the player's jurisdiction."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from core.expressions import fetch_rows
from players.jurisdictions import jurisdiction_of
from players.models import CreditPurpose, LimitKind, RestrictionEffect, RestrictionEffectKind, RestrictionKind
from safety.caps import granted_value, window_ends, window_starts
from safety.jurisdictions.profiles import Limit, Profile, profile_of
from safety.jurisdictions.violations import Incentive, float_free, known_games, violations


class RefusedGrant:
    """What a jurisdiction has against a grant: in words, and as the evidence keeps it."""

    def __init__(self, says: str, details: Mapping[str, Any]) -> None:
        self.says, self.details = says, dict(details)


def refused_grant(incentive: Incentive, *, player_id: str, value: Decimal, on: date) -> RefusedGrant | None:
    """Return what the player's jurisdiction has against a grant of a money value on a business date, or None.

    To be asked with the player locked. Raises NotFoundError.
    """
    profile = profile_of(jurisdiction_of(player_id))
    if not profile.limits:
        return None
    for broken in violations(incentive, profile=profile, on=on, games=known_games()):
        return RefusedGrant(str(broken), broken.as_reason())
    harm = profile.limit(LimitKind.HARM_BLOCKS_PROMOTION, on=on)
    if harm and has_harm(player_id):
        return _refusal(profile, harm, "strong indicators of harm are recorded: nothing may be offered")
    return _beyond_month(profile, player_id=player_id, value=value, on=on)


def matrix_refuses_harm() -> bool:
    """Tell whether the restriction matrix itself refuses promotions on strong indicators of harm, for everybody."""
    return RestrictionEffect.objects.filter(
        kind=RestrictionKind.RG_HARM, purpose=CreditPurpose.PROMOTION, effect=RestrictionEffectKind.REFUSE
    ).exists()


def has_harm(player_id: str) -> bool:
    """Tell whether strong indicators of harm are recorded of a player now."""
    rows = fetch_rows(
        "SELECT EXISTS (SELECT 1 FROM player_restrictions r WHERE r.player_id = %s AND r.kind = %s "
        "AND r.starts_at <= now() AND (r.ends_at IS NULL OR r.ends_at > now()))",
        [player_id, RestrictionKind.RG_HARM.value],
    )
    return bool(rows[0][0])


def _beyond_month(profile: Profile, *, player_id: str, value: Decimal, on: date) -> RefusedGrant | None:
    limit = profile.limit(LimitKind.PROMOTION_VALUE_MONTH_MAX, on=on)
    if limit is None or limit.value is None:
        return None
    granted = granted_value(player_id=player_id, since=window_starts(on)["month"], until=window_ends(on)["month"])
    if granted + value <= limit.value:
        return None
    says = f"{granted} were granted this month and {value} more are asked for, at most {limit.value} may be"
    return _refusal(profile, limit, says)


def _refusal(profile: Profile, limit: Limit, says: str) -> RefusedGrant:
    most = {} if limit.value is None else {"most": float_free(limit.value)}
    details = {"jurisdiction": profile.code, "version": profile.version, "limit": limit.kind.value, **most}
    return RefusedGrant(f"{says} in {profile.code} ({limit.clause})", {**details, "says": says, "clause": limit.clause})
