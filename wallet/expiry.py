"""Expiry: what remains of lots past their time is taken back, each through the posting core."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from core.expressions import fetch_rows
from core.runs import ALL_KEYS, KeyRange
from wallet.postings import posting_row

_POSTING = posting_row(
    operation_key="'expire:' || l.id",
    operation_kind="'EXPIRE'",
    input_hash="sha256(('expire:' || l.id)::bytea)",
    account_key="l.player_id",
    purpose="'EXPIRY'",
    transaction_type="CASE l.currency_type WHEN 'BONUS' THEN 'BONUS_EXPIRED' ELSE l.currency_type || '_EXPIRED' END",
    currency_type="l.currency_type",
    amount="-l.remaining",
    lot_id="l.id",
    lot_status_after="'EXPIRED'",
    description="'Expired'",
)
# The lots are chosen again under the players' lock, so that a spend that came first is not expired twice.
_EXPIRE_SQL = """
    WITH expired AS MATERIALIZED (
        SELECT l.id, l.player_id, l.currency_type, l.remaining FROM wallet_lots l
        WHERE l.remaining > 0 AND l.expires_at <= %s AND l.status IN ('ACTIVE', 'PENDING') AND {in_range}
    )
    SELECT count(*) FILTER (WHERE outcome = 'POSTED')
    FROM wallet_post((SELECT array_agg({posting}) FROM expired l), %s, 'expiry', %s)
"""


@transaction.atomic
def expire_bonuses(*, at: datetime, keys: KeyRange = ALL_KEYS, run_id: int | None = None) -> int:
    """Expire what remains of every lot of any currency whose time has passed; return how many lots expired."""
    in_range, params = keys.condition("l.player_id")
    _lock_owners(at=at, keys=keys)
    return int(fetch_rows(_EXPIRE_SQL.format(in_range=in_range, posting=_POSTING), [at, *params, at, run_id])[0][0])


def _lock_owners(*, at: datetime, keys: KeyRange) -> None:
    in_range, params = keys.condition("player_id")
    fetch_rows(
        f"""
        SELECT count(*) FROM (
            SELECT 1 FROM players WHERE player_id IN (
                SELECT player_id FROM wallet_lots WHERE remaining > 0 AND expires_at <= %s AND {in_range}
            ) ORDER BY player_id FOR NO KEY UPDATE
        ) locked
        """,
        [at, *params],
    )
