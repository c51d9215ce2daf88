"""Whom a pass looks at, and what of their play and bonuses it reads: the same for everybody by night and for one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from core.runs import ALL_KEYS, KeyRange

# Of a lot: bonus money that was given, not what was bought, carried over or got back.
GIVEN_BONUS = "currency_type = 'BONUS' AND kind IN ('REWARD', 'FREE_PLAY', 'CASHBACK', 'MANUAL')"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """The players of a pass at one time `at`: a range of keys, or a few by name."""

    at: datetime
    keys: KeyRange = ALL_KEYS
    player_ids: tuple[str, ...] | None = None

    def condition(self, column: str) -> str:
        """Return SQL that holds for the players looked at; its parameters are those of `parameters`."""
        if self.player_ids is not None:
            return f"{column} = ANY(%(scope_players)s)"
        bounds = [(f"{column} >= %(scope_lower)s", self.keys.lower), (f"{column} < %(scope_upper)s", self.keys.upper)]
        return " AND ".join(sql for sql, key in bounds if key is not None) or "true"

    def parameters(self, *, window_days: int) -> dict[str, Any]:
        """Return what every detector's statement is given: the scope, the time and where its window begins."""
        return {
            "scope_players": list(self.player_ids or ()),
            "scope_lower": self.keys.lower,
            "scope_upper": self.keys.upper,
            "at": self.at,
            "since": self.at - timedelta(days=window_days),
        }


def events_sql(scope: Scope, *, kinds: str) -> str:
    """Return a query of the players' money events of some kinds, each with the amount it has by its corrections.

    `kinds` is a list of SQL literals. What has been judged once, confirmed or not, is no evidence again.
    """
    return f"""
        SELECT * FROM (
            SELECT a.id, a.player_id, a.kind, a.occurred_at, a.bet_id, a.game_category,
                   coalesce(a.amount, 0) + coalesce(c.amount, 0) AS amount,
                   coalesce(a.bonus_amount, 0) + coalesce(c.bonus_amount, 0) AS bonus_amount
            FROM player_activity a LEFT JOIN judged j ON j.player_id = a.player_id
            LEFT JOIN corrections c
                ON c.external_id = a.external_id AND c.source = a.source AND c.player_id = a.player_id
            WHERE a.kind IN ({kinds}) AND a.corrects_external_id = '' AND a.occurred_at > %(since)s
              AND a.occurred_at <= %(at)s AND {scope.condition("a.player_id")}
              AND (j.until IS NULL OR a.occurred_at > j.until)
        ) standing
        WHERE amount > 0
    """


def bonuses_sql(scope: Scope) -> str:
    """Return a query of the bonus money that the players were given and that has not been judged yet."""
    return f"""
        SELECT b.* FROM ({all_bonuses_sql(scope)}) b LEFT JOIN judged j ON j.player_id = b.player_id
        WHERE j.until IS NULL OR b.created_at > j.until
    """


def all_bonuses_sql(scope: Scope) -> str:
    """Return a query of the bonus money that the players were given: not what they bought, carried over or got back."""
    return f"""
        SELECT l.id, l.player_id, l.amount, l.promotional_value, l.created_at, l.closed_at, l.status,
               l.wagering_required, l.converted, l.granted_on
        FROM wallet_lots l
        WHERE {GIVEN_BONUS}
          AND l.created_at > %(since)s AND l.created_at <= %(at)s AND {scope.condition("l.player_id")}
    """


def judged_sql(scope: Scope) -> str:
    """Return a query of the players whom this detector's signals were judged for, and up to which event.

    What is confirmed goes on counting unresolved, and is judged until newer evidence is found.
    """
    return f"""
        SELECT player_id, max(evidence_until) AS until FROM abuse_signals
        WHERE detector = %(detector)s AND evidence_until IS NOT NULL AND {scope.condition("player_id")}
          AND (is_resolved OR (outcome <> '' AND detected_at <= judged_at)) GROUP BY player_id
    """


def corrections_sql(scope: Scope) -> str:
    """Return a query of what corrections change; they are few, and stored as differences at their original's time."""
    return f"""
        SELECT a.source, a.corrects_external_id AS external_id, a.player_id, sum(a.amount) AS amount,
               sum(a.bonus_amount) AS bonus_amount
        FROM player_activity a
        WHERE a.corrects_external_id > '' AND a.occurred_at > %(since)s AND {scope.condition("a.player_id")}
        GROUP BY a.source, a.corrects_external_id, a.player_id
    """
