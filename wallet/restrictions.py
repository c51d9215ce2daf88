"""What a player's restrictions refuse where nothing is posted that the core would judge; refusals are kept."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from django.db.models import Q

from players.models import CreditPurpose, PlayerRestriction, RestrictionEffect, RestrictionEffectKind
from wallet.ledger import PlayerRestrictedError
from wallet.models import PostingRefusal


def refusing_restriction(*, player_id: str, purpose: CreditPurpose, at: datetime) -> str | None:
    """Return the kind of a restriction that refuses the purpose at a time, or None. To be asked under the lock."""
    refusing = RestrictionEffect.objects.filter(purpose=purpose, effect=RestrictionEffectKind.REFUSE)
    held = PlayerRestriction.objects.filter(player_id=player_id, starts_at__lte=at, kind__in=refusing.values("kind"))
    held = held.filter(Q(ends_at=None) | Q(ends_at__gt=at))
    return held.order_by("kind").values_list("kind", flat=True).first()


def keep_refusal(
    *, player_id: str, purpose: CreditPurpose, restriction: str, key: str, currency: str, amount: Decimal,
    actor: str, at: datetime,
) -> PlayerRestrictedError:  # fmt: skip
    """Store the evidence and return the error to raise once it is committed."""
    PostingRefusal.objects.create(
        player_id=player_id,
        operation_key=key,
        purpose=purpose,
        currency_type=currency,
        amount=amount,
        reason="RESTRICTED",
        details={"restriction": restriction},
        actor=actor,
        refused_at=at,
    )
    return PlayerRestrictedError(
        f"player {player_id} is restricted ({restriction}): {CreditPurpose(purpose).label.lower()} is refused",
        player_id=player_id,
        restriction=restriction,
    )
