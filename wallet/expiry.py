"""Expiry: what remains of lots past their time, and of an inactive player's points, is taken back through the core."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.utils import timezone

from core.expressions import Sql, fetch_rows
from core.runs import ALL_KEYS, KeyRange
from wallet.points_expiry import EXPIRING_CURRENCIES, active_since
from wallet.postings import posting_row


def _posting(*, description: str) -> str:
    return posting_row(
        operation_key="'expire:' || l.id",
        operation_kind="'EXPIRE'",
        input_hash="sha256(('expire:' || l.id)::bytea)",
        account_key="l.player_id",
        purpose="'EXPIRY'",
        transaction_type="l.currency_type || '_EXPIRED'",
        currency_type="l.currency_type",
        amount="-l.remaining",
        lot_id="l.id",
        lot_status_after="'EXPIRED'",
        description=description,
    )


# The lots are chosen again under the players' lock, so that a spend that came first is not expired twice.
_EXPIRE_SQL = """
    WITH expired AS MATERIALIZED (
        SELECT l.id, l.player_id, l.currency_type, l.remaining FROM wallet_lots l
        WHERE l.remaining > 0 AND l.expires_at <= %s AND l.status IN ('ACTIVE', 'PENDING') AND {in_range}
          -- A bonus that was met and waits to convert has nothing left to expire for.
          AND NOT (l.currency_type = 'BONUS' AND l.wagering_required > 0
                   AND l.wagering_completed >= l.wagering_required)
    )
    SELECT count(*) FILTER (WHERE outcome = 'POSTED')
    FROM wallet_post((SELECT array_agg({posting}) FROM expired l), %s, 'expiry', %s)
"""
# Who holds points and has neither played nor been credited since a time. The newest credit is found by its entry: a lot
# that many days of play share keeps the time of the first. Activity is the cheaper test, so it comes first.
_INACTIVE_SQL = """
    SELECT p.player_id, greatest(p.last_activity_at, c.credited_at) AS active_at
    FROM players p JOIN loyalty_balances b ON b.player_id = p.player_id
    CROSS JOIN LATERAL (
        SELECT e.created_at AS credited_at FROM transactions e
        WHERE e.player_id = p.player_id AND e.currency_type = %s AND e.amount > 0
        ORDER BY e.created_at DESC LIMIT 1
    ) c
    WHERE {balance} > 0 AND coalesce(p.last_activity_at < %s, true) AND c.credited_at < %s AND {in_range}
"""
# Chosen again under the lock as well: activity that came before the night saves the points.
_EXPIRE_INACTIVE_SQL = """
    WITH expired AS MATERIALIZED (
        SELECT l.id, l.player_id, l.currency_type, l.remaining, (i.active_at AT TIME ZONE %s)::date AS active_on
        FROM ({inactive}) i JOIN wallet_lots l ON l.player_id = i.player_id
        WHERE l.currency_type = %s AND l.remaining > 0 AND l.status IN ('ACTIVE', 'PENDING')
    )
    SELECT count(*) FILTER (WHERE outcome = 'POSTED')
    FROM wallet_post((SELECT array_agg({posting}) FROM expired l), %s, 'expiry', %s)
"""


@transaction.atomic
def expire_bonuses(*, at: datetime, keys: KeyRange = ALL_KEYS, run_id: int | None = None) -> int:
    """Expire what remains of every lot of any currency whose time has passed; return how many lots expired.

    Where a currency's points expire by inactivity, all lots of players who were inactive for too long expire as well.
    """
    inactive = {currency: _inactive(currency, at=at, keys=keys) for currency in EXPIRING_CURRENCIES}
    _lock_owners([_owners_of_expired(at=at, keys=keys), *filter(None, inactive.values())])
    expired = _expire_by_time(at=at, keys=keys, run_id=run_id)
    for currency, players in inactive.items():
        if players is not None:
            expired += _expire_by_inactivity(currency, players, at=at, run_id=run_id)
    return expired


def _inactive(currency: str, *, at: datetime, keys: KeyRange) -> Sql | None:
    since = active_since(currency=currency, at=at)
    if since is None:
        return None
    in_range, params = keys.condition("p.player_id")
    sql = _INACTIVE_SQL.format(balance=f"b.{currency.lower()}_balance", in_range=in_range)
    return sql, [currency, since, since, *params]


def _owners_of_expired(*, at: datetime, keys: KeyRange) -> Sql:
    in_range, params = keys.condition("player_id")
    return f"SELECT player_id FROM wallet_lots WHERE remaining > 0 AND expires_at <= %s AND {in_range}", [at, *params]


def expiring_sql(*, at: datetime, credited: str) -> Sql:
    """Return a relation of what expiry at a time would take: player_id, currency_type and amount, a row for each lot.

    `credited` is SQL of the ids of players to whom points are credited just before, who thus are not inactive.
    """
    lots = "FROM wallet_lots l WHERE l.remaining > 0 AND l.status IN ('ACTIVE', 'PENDING')"
    sql, params = f"SELECT l.id, l.player_id, l.currency_type, l.remaining {lots} AND l.expires_at <= %s", [at]
    for currency in EXPIRING_CURRENCIES:
        inactive = _inactive(currency, at=at, keys=ALL_KEYS)
        if inactive is not None:
            sql += f"""
                UNION SELECT l.id, l.player_id, l.currency_type, l.remaining {lots} AND l.currency_type = '{currency}'
                AND l.player_id IN (SELECT i.player_id FROM ({inactive[0]}) i) AND l.player_id NOT IN ({credited})"""
            params += inactive[1]
    return f"SELECT e.player_id, e.currency_type, e.remaining AS amount FROM ({sql}) e", params


def _lock_owners(choices: list[Sql]) -> None:
    """Lock the players of all choices in one statement: two, each in key order, would not be in key order together."""
    chosen = " UNION ALL ".join(f"SELECT c.player_id FROM ({sql}) c" for sql, _ in choices)
    fetch_rows(
        f"""
        SELECT count(*) FROM (
            SELECT 1 FROM players WHERE player_id IN ({chosen}) ORDER BY player_id FOR NO KEY UPDATE
        ) locked
        """,
        [param for _, params in choices for param in params],
    )


def _expire_by_time(*, at: datetime, keys: KeyRange, run_id: int | None) -> int:
    in_range, params = keys.condition("l.player_id")
    sql = _EXPIRE_SQL.format(in_range=in_range, posting=_posting(description="'Expired'"))
    return int(fetch_rows(sql, [at, *params, at, run_id])[0][0])


def _expire_by_inactivity(currency: str, players: Sql, *, at: datetime, run_id: int | None) -> int:
    inactive, choice = players
    posting = _posting(description="'Expired: no activity since ' || l.active_on")
    zone = timezone.get_default_timezone_name()
    sql = _EXPIRE_INACTIVE_SQL.format(inactive=inactive, posting=posting)
    return int(fetch_rows(sql, [zone, *choice, currency, at, run_id])[0][0])
