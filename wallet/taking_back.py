"""Taking back what is left of a rule's rewards, set-based: a counter-entry for each lot that still holds something."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from django.db import transaction

from core.expressions import fetch_rows
from core.runs import ALL_KEYS, Counts, KeyRange
from wallet.postings import posting_row

# A bonus whose stake is at play holds nothing to take; what comes back to it can be taken later.
_OPEN = "l.remaining > 0 AND l.status IN ('ACTIVE', 'PENDING')"
_OF_RULE = "l.rule_number = %s AND (%s::date IS NULL OR l.granted_on >= %s::date)"
_POSTING = posting_row(
    operation_key="'revoke:' || %s || ':' || l.id",
    operation_kind="'TAKE_BACK'",
    input_hash="sha256(convert_to('revoke:' || %s || ':' || l.id, 'UTF8'))",
    account_key="l.player_id",
    purpose="'REVERSAL'",
    transaction_type="'REVERSAL'",
    currency_type="l.currency_type",
    amount="-l.remaining",
    lot_id="l.id",
    lot_status_after="'CANCELLED'",
    end_reason="%s",
    # Caps and costs are freed by the share that comes back; what was spent stays granted.
    promotional_value="round(l.promotional_value * l.remaining / l.amount, 2)",
    expected_cost="round(l.expected_cost * l.remaining / l.amount, 2)",
    description="%s",
    reference_id="l.operation_id::text",
)
# The lots are chosen again under the players' lock, so that a spend that came first is not taken twice.
_TAKE_SQL = f"""
    WITH left_over AS MATERIALIZED (SELECT l.* FROM wallet_lots l WHERE {_OF_RULE} AND {_OPEN} AND {{in_range}})
    SELECT count(*) FILTER (WHERE outcome = 'POSTED'), count(*) FILTER (WHERE outcome = 'REFUSED'),
           count(DISTINCT account_key) FILTER (WHERE outcome = 'POSTED')
    FROM wallet_post((SELECT array_agg({_POSTING} ORDER BY l.player_id, l.id) FROM left_over l), %s, %s, %s)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenByRule:
    """What a rule gave in one currency: `credited` = `remaining` + what was spent or has ended."""

    currency: str
    players: int
    lots: int
    credited: Decimal
    players_left: int
    lots_left: int
    remaining: Decimal

    @property
    def used(self) -> Decimal:
        """What was spent, played away, converted, or has expired or been taken back."""
        return self.credited - self.remaining


def given_by_rule(*, rule_number: int, since: date | None = None) -> list[GivenByRule]:
    """Return by currency what a rule gave, from a business date on, and what is left of it."""
    rows = fetch_rows(
        f"""
        SELECT l.currency_type, count(DISTINCT l.player_id), count(*), sum(l.amount),
               count(DISTINCT l.player_id) FILTER (WHERE {_OPEN}), count(*) FILTER (WHERE {_OPEN}),
               coalesce(sum(l.remaining) FILTER (WHERE {_OPEN}), 0)
        FROM wallet_lots l WHERE {_OF_RULE} GROUP BY l.currency_type ORDER BY l.currency_type
        """,
        [rule_number, since, since],
    )
    return [
        GivenByRule(
            currency=currency,
            players=players,
            lots=lots,
            credited=credited,
            players_left=players_left,
            lots_left=lots_left,
            remaining=remaining,
        )
        for currency, players, lots, credited, players_left, lots_left, remaining in rows
    ]


def edges_of_rule(*, rule_number: int, since: date | None, lots_per_chunk: int) -> list[str]:
    """Return the player ids that cut a rule's open lots into chunks of about so many."""
    rows = fetch_rows(
        f"""
        SELECT DISTINCT player_id FROM (
            SELECT l.player_id, row_number() OVER (ORDER BY l.player_id) AS place
            FROM wallet_lots l WHERE {_OF_RULE} AND {_OPEN}
        ) lots WHERE place %% %s = 0 ORDER BY player_id
        """,
        [rule_number, since, since, lots_per_chunk],
    )
    return [player_id for (player_id,) in rows]


@transaction.atomic
def take_back_rule(
    *,
    rule_number: int,
    since: date | None,
    reason: str,
    actor: str,
    at: datetime,
    run_id: int,
    keys: KeyRange = ALL_KEYS,
) -> Counts:
    """Take back what is left of a rule's lots in a range of players; return how many lots and players.

    Of a bonus that was played it takes what remains. What is taken is gone, so that doing it again takes nothing.
    """
    in_range, params = keys.condition("l.player_id")
    chosen = [rule_number, since, since, *params]
    fetch_rows(
        f"""
        SELECT count(*) FROM (
            SELECT 1 FROM players WHERE player_id IN (
                SELECT l.player_id FROM wallet_lots l WHERE {_OF_RULE} AND {_OPEN} AND {in_range}
            ) ORDER BY player_id FOR NO KEY UPDATE
        ) locked
        """,
        chosen,
    )
    posting = [str(run_id), str(run_id), reason, reason]
    taken, refused, players = fetch_rows(_TAKE_SQL.format(in_range=in_range), [*chosen, *posting, at, actor, run_id])[0]
    return {"lots taken back": taken, "players": players, **({"refused": refused} if refused else {})}
