"""What a player's restrictions refuse where nothing is posted that the core would judge; refusals are kept."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from core.expressions import fetch_rows
from players.models import CreditPurpose
from wallet.ledger import PlayerRestrictedError
from wallet.models import PostingRefusal


def refusals_sql(*, purpose: CreditPurpose, at: str, in_range: str) -> str:
    """Return SQL of what refuses a purpose to each player `r` of a range who is refused it: player_id, restriction.

    `at` is SQL of the time. Named is what `refusing_restriction` names.
    """
    return f"""
        SELECT DISTINCT ON (r.player_id) r.player_id, r.restriction FROM refused_players('{purpose}', {at}) r
        WHERE {in_range} ORDER BY r.player_id, r.is_requirement, r.restriction"""


def refusing_restriction(*, player_id: str, purpose: str, at: datetime) -> str | None:
    """Return what refuses the player a purpose at a time, or None. To be asked under the lock, in a later statement.

    The kind of a restriction, or UNDER_AGE, AGE_UNKNOWN, KYC_MISSING where only that is missing.
    """
    rows = fetch_rows(
        """
        SELECT x.restriction FROM refused_players(%s, %s) x WHERE x.player_id = %s
        ORDER BY x.is_requirement, x.restriction LIMIT 1
        """,
        [purpose, at, player_id],
    )
    return str(rows[0][0]) if rows else None


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
