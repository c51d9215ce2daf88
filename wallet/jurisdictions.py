"""What a player's jurisdiction refuses of a promotion: the database decides, here it is told and kept as evidence."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from psycopg.errors import Diagnostic

from core.errors import RefusedError
from players.models import CreditPurpose, LimitKind
from wallet.models import PostingRefusal

# The trigger that keeps lots within the limits of jurisdictions raises under this name.
JURISDICTION_GUARD = "lot_within_jurisdiction"
_WORDS = {
    LimitKind.WAGERING_REQUIREMENT_MAX: "a turnover of at most {most} × the bonus may be required",
    LimitKind.SINGLE_PRODUCT: "a bonus may be for one type of product only",
    LimitKind.HARM_BLOCKS_PROMOTION: "nothing may be offered while strong indicators of harm are recorded",
    LimitKind.BONUS_AMOUNT_MAX: "a bonus of at most {most} may be given",
    LimitKind.VALIDITY_HOURS_MIN: "a bonus has to be playable for at least {most} hours",
    LimitKind.REWARD_TYPES_FORBIDDEN: "a reward of this type may not be given",
    LimitKind.PROMOTIONS_FORBIDDEN: "nothing may be given",
}


class JurisdictionLimitError(RefusedError):
    """Raised when a limit of the player's jurisdiction forbids the credit; `details` carries limit and clause."""

    code = "jurisdiction_limit"


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokenLimit:
    """A limit of the player's jurisdiction that a credit breaks; `most` is in the unit of the kind."""

    player_id: str
    jurisdiction: str
    version: int
    kind: str
    most: str | None
    clause: str
    currency: str
    amount: str
    wagering_required: str

    @classmethod
    def told_by(cls, diagnostic: Diagnostic) -> BrokenLimit:
        """Return what the guard of the lots has said."""
        return cls(player_id=diagnostic.message_detail or "", **json.loads(diagnostic.message_hint or "{}"))

    def as_error(self) -> JurisdictionLimitError:
        """Return the error that tells limit and clause."""
        most = {} if self.most is None else {"most": self.most}
        return JurisdictionLimitError(
            f"player {self.player_id}: {self}",
            player_id=self.player_id,
            jurisdiction=self.jurisdiction,
            version=self.version,
            limit=self.kind,
            clause=self.clause,
            currency=self.currency,
            amount=self.amount,
            wagering_required=self.wagering_required,
            **most,
        )

    def __str__(self) -> str:
        most = "" if self.most is None else f"{Decimal(self.most).normalize():f}"
        return f"{_WORDS[LimitKind(self.kind)].format(most=most)} in {self.jurisdiction} ({self.clause})"


def keep_jurisdiction_refusal(
    *, player_id: str, key: str, currency: str, amount: Decimal, says: str, details: Mapping[str, Any], actor: str,
    at: datetime, purpose: CreditPurpose = CreditPurpose.PROMOTION,
) -> JurisdictionLimitError:  # fmt: skip
    """Store the evidence and return the error to raise once it is committed."""
    PostingRefusal.objects.create(
        player_id=player_id,
        operation_key=key,
        purpose=purpose,
        currency_type=currency,
        amount=amount,
        reason="JURISDICTION",
        details=dict(details),
        actor=actor,
        refused_at=at,
    )
    return JurisdictionLimitError(f"player {player_id}: {says}", player_id=player_id, **details)
