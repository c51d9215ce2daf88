"""Prove the ledger.

Per player and currency: balance = Σ entries = chain of before and after = Σ lots; hashes and links.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from core.errors import LoyaltyError
from core.expressions import fetch_rows
from core.runs import ALL_KEYS, Counts, KeyRange


class LedgerDifferenceError(LoyaltyError):
    """Raised when the ledger does not prove itself; names the first difference."""

    code = "ledger_difference"
    status = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerDifference:
    """One thing that does not add up: whose, what, and both figures."""

    player_id: str
    check: str
    currency: str
    expected: str
    found: str

    def __str__(self) -> str:
        return f"player {self.player_id}, {self.check} {self.currency}: {self.expected} expected, {self.found} found"


def find_differences(
    *, keys: KeyRange = ALL_KEYS, since: datetime | None = None
) -> tuple[Counts, list[LedgerDifference]]:
    """Check the players of a range; with `since` only those with entries from then on, and only these entries' chain.

    Balances, lots and movements of a checked player are always checked in full; where a chain begins, and what should
    belong to an operation, an entry or a balance but does not, only without `since`. Return counts and differences.
    """
    in_range, params = keys.condition("b.player_id")
    entries_in_range, _ = keys.condition("e.player_id")
    lots_in_range, _ = keys.condition("l.player_id")
    is_whole = since is None
    newer = [] if is_whole else [since]
    # The range stands at every large table: a join alone would let the planner read them whole for each chunk.
    sql = (_RECONCILE_SQL + (_RECONCILE_WHOLE_SQL if is_whole else "")).format(
        in_range=in_range,
        from_then="" if is_whole else "AND b.head_at >= %s",
        entries_in_range=entries_in_range,
        entries_from="" if is_whole else "AND e.created_at >= %s",
        lots_in_range=lots_in_range,
        bets_in_range=in_range,
        before_first="0" if is_whole else "NULL",
        held_without_entries="LEFT" if is_whole else "INNER",
    )
    rows = fetch_rows(sql, [*params, *newer, *params, *newer, *params, *(params * 3 if is_whole else [])])
    counts = {"players": 0, "entries": 0}
    differences = []
    for player_id, check, currency, expected, found in rows:
        if check in counts:
            counts[check] = int(found)
        else:
            differences.append(
                LedgerDifference(
                    player_id=player_id, check=check, currency=currency or "", expected=str(expected), found=str(found)
                )
            )
    return counts, differences


def reconcile(*, keys: KeyRange = ALL_KEYS, since: datetime | None = None) -> Counts:
    """Check a range of players and return the counts. Raises LedgerDifferenceError naming the first difference."""
    counts, differences = find_differences(keys=keys, since=since)
    if differences:
        raise LedgerDifferenceError(
            f"{differences[0]} ({len(differences)} differences in all)", differences=[str(d) for d in differences[:100]]
        )
    return counts


_RECONCILE_SQL = """
    WITH checked AS MATERIALIZED (
        SELECT b.player_id, b.lp_balance, b.rp_balance, b.bonus_balance, b.tickets_balance, b.head_number, b.head_hash,
               b.bonus_wagering_required, b.bonus_wagering_completed
        FROM loyalty_balances b WHERE {in_range} {from_then}
    ),
    entry AS MATERIALIZED (
        SELECT e.id, e.player_id, e.number, e.currency_type, e.amount, e.balance_before, e.balance_after, e.hash,
               e.created_at, e.operation_id,
               wallet_canonical(e.player_id, e.number, e.operation_id, e.transaction_type, e.currency_type, e.amount,
                                e.balance_before, e.balance_after, e.created_at, e.description, e.reference_id, e.actor,
                                e.metadata) AS canonical,
               lag(e.hash) OVER player AS hash_before,
               lag(e.number, 1, {before_first}::bigint) OVER player AS number_before,
               lag(e.balance_after, 1, {before_first}::numeric(18, 2)) OVER currency AS chained,
               row_number() OVER (PARTITION BY e.player_id, e.currency_type ORDER BY e.number DESC) AS from_last
        FROM transactions e JOIN checked c ON c.player_id = e.player_id
        WHERE {entries_in_range} {entries_from}
        WINDOW player AS (PARTITION BY e.player_id ORDER BY e.number),
               currency AS (PARTITION BY e.player_id, e.currency_type ORDER BY e.number)
    ),
    linked AS MATERIALIZED (
        SELECT e.*, e.hash_before AS link FROM entry e WHERE e.number = 1 OR e.hash_before IS NOT NULL
        UNION ALL
        -- The first entry looked at is linked to the one before it, which lies no later.
        SELECT e.*, p.hash FROM entry e
        LEFT JOIN LATERAL (
            SELECT t.hash FROM transactions t
            WHERE t.player_id = e.player_id AND t.created_at <= e.created_at AND t.number = e.number - 1 LIMIT 1
        ) p ON true
        WHERE e.number > 1 AND e.hash_before IS NULL
    ),
    held AS MATERIALIZED (
        SELECT c.player_id, v.currency_type, v.balance FROM checked c CROSS JOIN LATERAL (
            VALUES ('LP', c.lp_balance), ('RP', c.rp_balance), ('BONUS', c.bonus_balance),
                   ('TICKETS', c.tickets_balance::numeric)) v (currency_type, balance)
    ),
    lot AS MATERIALIZED (
        SELECT l.player_id, l.currency_type, l.id, l.operation_id, l.amount, l.remaining, l.status,
               l.wagering_required, l.wagering_completed, l.open_bets, m.moved, m.credited, m.entry_ids, m.amounts
        FROM wallet_lots l JOIN checked c ON c.player_id = l.player_id
        LEFT JOIN LATERAL (
            SELECT sum(x.amount) AS moved, sum(x.amount) FILTER (WHERE x.amount > 0) AS credited,
                   array_agg(x.entry_id) AS entry_ids, array_agg(x.amount) AS amounts
            FROM wallet_lot_movements x WHERE x.lot_id = l.id
        ) m ON true
        WHERE {lots_in_range}
    ),
    movement AS MATERIALIZED (
        SELECT u.entry_id, sum(u.amount) AS moved
        FROM lot, unnest(lot.entry_ids, lot.amounts) u (entry_id, amount) GROUP BY u.entry_id
    )
    SELECT NULL AS player_id, 'players' AS check, NULL AS currency, NULL AS expected, count(*)::text AS found
    FROM checked
    UNION ALL SELECT NULL, 'entries', NULL, NULL, count(*)::text FROM entry
    UNION ALL
    SELECT player_id, 'hash of entry ' || number, currency_type, 'its own', 'another' FROM linked
    WHERE hash <> sha256(coalesce(link, ''::bytea) || convert_to(canonical, 'UTF8'))
    UNION ALL
    SELECT player_id, 'number of entry', currency_type, (number_before + 1)::text, number::text FROM entry
    WHERE number <> number_before + 1
    UNION ALL
    SELECT player_id, 'chain at entry ' || number, currency_type, chained::text, balance_before::text FROM entry
    WHERE chained IS NOT NULL AND chained <> balance_before
    UNION ALL
    SELECT h.player_id, 'balance', h.currency_type, coalesce(e.balance_after, 0.00)::text, h.balance::text
    FROM held h {held_without_entries} JOIN entry e
      ON e.player_id = h.player_id AND e.currency_type = h.currency_type AND e.from_last = 1
    WHERE coalesce(e.balance_after, 0) <> h.balance
    UNION ALL
    SELECT c.player_id, 'head', NULL, c.head_number::text, coalesce(e.number::text, 'none')
    FROM checked c LEFT JOIN entry e ON e.player_id = c.player_id AND e.number = c.head_number
    WHERE c.head_number > 0 AND e.hash IS DISTINCT FROM c.head_hash
    UNION ALL
    SELECT e.player_id, 'head', NULL, c.head_number::text, e.number::text
    FROM entry e JOIN checked c ON c.player_id = e.player_id WHERE e.number > c.head_number
    UNION ALL
    SELECT h.player_id, 'sum of lots', h.currency_type, h.balance::text, coalesce(s.remaining, 0)::text
    FROM held h LEFT JOIN (
        SELECT player_id, currency_type, sum(remaining) AS remaining FROM lot GROUP BY player_id, currency_type
    ) s ON s.player_id = h.player_id AND s.currency_type = h.currency_type
    WHERE h.balance <> coalesce(s.remaining, 0)
    UNION ALL
    SELECT player_id, 'movements of lot ' || id, currency_type, remaining::text, coalesce(moved, 0)::text FROM lot
    WHERE remaining <> coalesce(moved, 0)
    UNION ALL
    SELECT player_id, 'credits of lot ' || id, currency_type, amount::text, coalesce(credited, 0)::text FROM lot
    WHERE amount <> coalesce(credited, 0)
    UNION ALL
    SELECT e.player_id, 'movements of entry ' || e.number, e.currency_type, e.amount::text, coalesce(m.moved, 0)::text
    FROM entry e LEFT JOIN movement m ON m.entry_id = e.id
    WHERE e.amount <> coalesce(m.moved, 0)
    UNION ALL
    SELECT c.player_id, 'wagering of active bonuses', 'BONUS',
           coalesce(a.completed, 0) || ' of ' || coalesce(a.required, 0),
           c.bonus_wagering_completed || ' of ' || c.bonus_wagering_required
    FROM checked c LEFT JOIN (
        SELECT player_id, sum(wagering_required) AS required, sum(wagering_completed) AS completed
        FROM lot WHERE currency_type = 'BONUS' AND status = 'ACTIVE' GROUP BY player_id
    ) a ON a.player_id = c.player_id
    WHERE (c.bonus_wagering_required, c.bonus_wagering_completed)
          IS DISTINCT FROM (coalesce(a.required, 0.00), coalesce(a.completed, 0.00))
    UNION ALL
    SELECT l.player_id, 'open bets of lot ' || l.id, l.currency_type, o.bets::text, l.open_bets::text
    FROM lot l CROSS JOIN LATERAL (
        SELECT count(*) AS bets FROM wallet_bet_stakes k JOIN wallet_bets b ON b.id = k.bet_id
        WHERE k.lot_id = l.id AND k.amount > 0 AND b.status = 'OPEN'
    ) o
    WHERE l.currency_type = 'BONUS' AND (l.status = 'ACTIVE' OR l.open_bets > 0) AND o.bets <> l.open_bets
"""
# What can be told only of all entries of a player, and what would be missed where a row is gone altogether.
_RECONCILE_WHOLE_SQL = """
    UNION ALL
    SELECT l.player_id, 'movements without entry of lot ' || l.id, l.currency_type, '0.00', sum(u.amount)::text
    FROM lot l, unnest(l.entry_ids, l.amounts) u (entry_id, amount)
    WHERE NOT EXISTS (
        SELECT 1 FROM entry e
        WHERE e.id = u.entry_id AND e.player_id = l.player_id AND e.currency_type = l.currency_type)
    GROUP BY l.player_id, l.id, l.currency_type
    UNION ALL
    SELECT e.player_id, 'operation of entry ' || e.number, e.currency_type, e.operation_id::text, 'none of the player'
    FROM entry e LEFT JOIN wallet_operations o
      ON o.id = e.operation_id AND o.player_id = e.player_id AND o.created_at = e.created_at
    WHERE o.id IS NULL
    UNION ALL
    SELECT l.player_id, 'operation of lot ' || l.id, l.currency_type, l.operation_id::text, 'none of the player'
    FROM lot l LEFT JOIN wallet_operations o ON o.id = l.operation_id AND o.player_id = l.player_id
    WHERE o.id IS NULL
    UNION ALL
    SELECT b.player_id, 'bonus part of bet ' || b.bet_id, 'BONUS', b.bonus_stake::text, coalesce(k.amount, 0)::text
    FROM wallet_bets b LEFT JOIN LATERAL (
        SELECT sum(s.amount) AS amount FROM wallet_bet_stakes s WHERE s.bet_id = b.id
    ) k ON true
    WHERE {bets_in_range} AND b.bonus_stake <> coalesce(k.amount, 0)
    UNION ALL
    SELECT w.player_id, 'balance row', NULL, 'one', 'none'
    FROM (
        SELECT l.player_id FROM wallet_lots l WHERE {lots_in_range}
        UNION
        SELECT e.player_id FROM transactions e WHERE {entries_in_range}
    ) w
    WHERE NOT EXISTS (SELECT 1 FROM loyalty_balances b WHERE b.player_id = w.player_id)
"""
