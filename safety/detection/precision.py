"""How often a detector is right: its signals against what people found, with the interval that so few judgements allow.

A player whom a detector signalled counts as confirmed where any of the player's signals was confirmed, whichever
detector raised it, and as dismissed where this detector's signal was dismissed and none confirmed. Whom nobody judged
does not count. The interval is Wilson's for 95 % (E. B. Wilson, 1927).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import Any

from core.expressions import fetch_rows

_Z = 1.959963984540054


@dataclass(frozen=True, slots=True, kw_only=True)
class Precision:
    """A detector's signals and what became of them; players, not signals, are judged."""

    signals: int = 0
    open: int = 0
    shadow: int = 0
    confirmed: int = 0
    dismissed: int = 0

    @property
    def judged(self) -> int:
        return self.confirmed + self.dismissed

    @property
    def rate(self) -> float | None:
        """The share confirmed of those judged; unknown where nobody judged."""
        return self.confirmed / self.judged if self.judged else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """Wilson's interval of the rate."""
        return wilson_interval(confirmed=self.confirmed, judged=self.judged)

    def in_words(self) -> str:
        """Say it in one sentence."""
        if self.rate is None or self.interval is None:
            return "nobody has judged one of its players yet"
        low, high = self.interval
        return (
            f"{100 * self.rate:.0f} % confirmed ({self.confirmed} of {self.judged} judged players; "
            f"95 % interval {100 * low:.0f}–{100 * high:.0f} %)"
        )

    def as_json(self) -> dict[str, Any]:
        """Return the figures as they are kept with a change and told by the API."""
        return {
            "signals": self.signals,
            "open": self.open,
            "shadow": self.shadow,
            "confirmed": self.confirmed,
            "dismissed": self.dismissed,
            "precision": None if self.rate is None else round(self.rate, 4),
            "interval": None if self.interval is None else [round(bound, 4) for bound in self.interval],
        }


def wilson_interval(*, confirmed: int, judged: int) -> tuple[float, float] | None:
    """Return the bounds, 0–1, between which the true share lies with 95 % confidence; None where none were judged."""
    if judged == 0:
        return None
    share = confirmed / judged
    middle = share + _Z**2 / (2 * judged)
    spread = _Z * sqrt(share * (1 - share) / judged + _Z**2 / (4 * judged**2))
    whole = 1 + _Z**2 / judged
    return max(0.0, (middle - spread) / whole), min(1.0, (middle + spread) / whole)


def precisions() -> dict[str, Precision]:
    """Return every detector's precision, in one query; a detector without signals is left out."""
    rows = fetch_rows(_PRECISION, [])
    return {
        code: Precision(signals=signals, open=still_open, shadow=shadow, confirmed=confirmed, dismissed=dismissed)
        for code, signals, still_open, shadow, confirmed, dismissed in rows
    }


def precision_of(code: str) -> Precision:
    """Return one detector's precision."""
    return precisions().get(code, Precision())


def share_in_words(share: float | None) -> str:
    """Return a share as lists show it."""
    return "–" if share is None else f"{100 * share:.0f} %"


_PRECISION = """
    WITH confirmed AS MATERIALIZED (
        SELECT DISTINCT player_id FROM abuse_signals s WHERE s.outcome = 'CONFIRMED'
    ),
    players AS (
        SELECT s.detector, s.player_id, count(*) AS signals, count(*) FILTER (WHERE NOT s.is_resolved) AS open,
               count(*) FILTER (WHERE s.is_shadow AND NOT s.is_resolved) AS shadow,
               bool_or(s.outcome = 'DISMISSED') AS is_dismissed,
               bool_or(c.player_id IS NOT NULL) AS is_confirmed
        FROM abuse_signals s LEFT JOIN confirmed c ON c.player_id = s.player_id
        WHERE s.detector <> '' GROUP BY s.detector, s.player_id
    )
    SELECT detector, sum(signals)::bigint, sum(open)::bigint, sum(shadow)::bigint,
           count(*) FILTER (WHERE is_confirmed), count(*) FILTER (WHERE is_dismissed AND NOT is_confirmed)
    FROM players GROUP BY detector
"""
