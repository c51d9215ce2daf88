"""Expiry: what remains of lots past their time is taken back, each through the posting core."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from core.expressions import fetch_rows
from core.runs import ALL_KEYS, KeyRange

# The lots are chosen again under the players' lock, so that a spend that came first is not expired twice.
_EXPIRE_SQL = """
    WITH expired AS MATERIALIZED (
        SELECT l.id, l.player_id, l.currency_type, l.remaining FROM wallet_lots l
        WHERE l.remaining > 0 AND l.expires_at <= %s AND l.status IN ('ACTIVE', 'PENDING') AND {in_range}
    )
    SELECT count(*) FILTER (WHERE outcome = 'POSTED')
    FROM wallet_post(
        (SELECT array_agg(ROW(
            'expire:' || l.id, 'EXPIRE', sha256(('expire:' || l.id)::bytea), l.player_id, 'EXPIRY',
            CASE l.currency_type WHEN 'BONUS' THEN 'BONUS_EXPIRED' ELSE l.currency_type || '_EXPIRED' END,
            l.currency_type, -l.remaining, l.id, 'EXPIRED', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
            NULL, NULL, NULL, 'Expired', '', NULL)::wallet_posting) FROM expired l),
        %s, 'expiry', %s)
"""


@transaction.atomic
def expire_bonuses(*, at: datetime, keys: KeyRange = ALL_KEYS, run_id: int | None = None) -> int:
    """Expire what remains of every lot of any currency whose time has passed; return how many lots expired."""
    in_range, params = keys.condition("l.player_id")
    _lock_owners(at=at, keys=keys)
    return int(fetch_rows(_EXPIRE_SQL.format(in_range=in_range), [at, *params, at, run_id])[0][0])


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
