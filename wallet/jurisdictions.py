"""What a player's jurisdiction refuses of bonus money: asked before it is posted; the database has the last word."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.db import transaction

from core.expressions import fetch_rows
from players.models import CreditPurpose, LimitKind
from wallet.ledger import JurisdictionLimitError, lock_players
from wallet.models import Operation, PostingRefusal
from wallet.postings import Posting

_WORDS = {
    LimitKind.WAGERING_REQUIREMENT_MAX: "a turnover of at most {most} × the bonus may be required",
    LimitKind.BONUS_AMOUNT_MAX: "a bonus of at most {most} may be given",
    LimitKind.PROMOTIONS_FORBIDDEN: "nothing may be given",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokenLimit:
    """A limit of the player's jurisdiction that a bonus breaks; `most` is in the unit of the kind."""

    jurisdiction: str
    version: int
    kind: str
    most: Decimal | None
    clause: str

    def as_details(self) -> dict[str, Any]:
        """Return it as JSON, for an error and for the evidence."""
        most = {} if self.most is None else {"most": str(self.most)}
        named = {"jurisdiction": self.jurisdiction, "version": self.version, "limit": self.kind}
        return {**named, "clause": self.clause, **most}

    def __str__(self) -> str:
        most = "" if self.most is None else f"{self.most.normalize():f}"
        return f"{_WORDS[LimitKind(self.kind)].format(most=most)} in {self.jurisdiction} ({self.clause})"


def broken_limit(*, player_id: str, on: date, amount: Decimal, wagering_required: Decimal) -> BrokenLimit | None:
    """Return a limit that bonus money for a player would break; `wagering_required` is the turnover as an amount."""
    rows = fetch_rows(
        "SELECT jurisdiction, version, kind, most, clause FROM wallet_broken_limit(%s, %s, %s, %s) LIMIT 1",
        [player_id, on, amount, wagering_required],
    )
    for jurisdiction, version, kind, most, clause in rows:
        return BrokenLimit(jurisdiction=jurisdiction, version=version, kind=kind, most=most, clause=clause)
    return None


def hold_to_jurisdiction(posting: Posting, *, on: date, actor: str, at: datetime) -> None:
    """Refuse bonus money beyond what the player's jurisdiction allows; the refusal is kept as evidence.

    A replay passes: it posts nothing. Raises JurisdictionLimitError once the evidence is committed, and NotFoundError.
    """
    with transaction.atomic():
        lock_players([posting.account_key])
        if Operation.objects.filter(key=posting.operation_key).exists():
            return
        broken = broken_limit(
            player_id=posting.account_key,
            on=on,
            amount=posting.amount,
            wagering_required=posting.wagering_required or Decimal(0),
        )
        if broken is None:
            return
        refusal = keep_jurisdiction_refusal(
            player_id=posting.account_key,
            key=posting.operation_key,
            currency=posting.currency_type,
            amount=posting.amount,
            says=str(broken),
            details={**broken.as_details(), "wagering_required": str(posting.wagering_required)},
            actor=actor,
            at=at,
        )
    raise refusal


def keep_jurisdiction_refusal(
    *, player_id: str, key: str, currency: str, amount: Decimal, says: str, details: Mapping[str, Any], actor: str,
    at: datetime,
) -> JurisdictionLimitError:  # fmt: skip
    """Store the evidence and return the error to raise once it is committed."""
    PostingRefusal.objects.create(
        player_id=player_id,
        operation_key=key,
        purpose=CreditPurpose.PROMOTION,
        currency_type=currency,
        amount=amount,
        reason="JURISDICTION",
        details=dict(details),
        actor=actor,
        refused_at=at,
    )
    return JurisdictionLimitError(f"player {player_id}: {says}", player_id=player_id, **details)
