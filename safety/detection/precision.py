"""How often a detector is right: its signals against what people found, with the interval that so few judgements allow.

A player counts by what people found of this detector's own signals: in a case, or in the sample of its signals in
shadow; confirmed where any of them was. Players of whom nobody judged such a signal, but who were under review for
other signs, are told apart: who is reviewed has a high score, and says little about whom a detector finds besides.
The interval is Wilson's for 95 % (E. B. Wilson, 1927).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import Any

from core.expressions import fetch_rows
from safety import policies

_Z = 1.959963984540054


@dataclass(frozen=True, slots=True, kw_only=True)
class Precision:
    """A detector's signals and what became of them; players, not signals, are judged."""

    signals: int = 0
    open: int = 0
    shadow: int = 0
    confirmed: int = 0
    dismissed: int = 0
    confirmed_elsewhere: int = 0
    dismissed_elsewhere: int = 0

    @property
    def judged(self) -> int:
        return self.confirmed + self.dismissed

    @property
    def judged_elsewhere(self) -> int:
        return self.confirmed_elsewhere + self.dismissed_elsewhere

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
        return (
            f"{self._own_in_words()}; {self._elsewhere_in_words()}" if self.judged_elsewhere else self._own_in_words()
        )

    def _own_in_words(self) -> str:
        if self.rate is None or self.interval is None:
            return "nobody has judged one of its signals yet"
        low, high = self.interval
        return (
            f"{100 * self.rate:.0f} % confirmed ({self.confirmed} of {self.judged} judged players; "
            f"95 % interval {100 * low:.0f}–{100 * high:.0f} %)"
        )

    def _elsewhere_in_words(self) -> str:
        return (
            f"of {self.judged_elsewhere} others who were reviewed for other signs {self.confirmed_elsewhere} "
            "were confirmed"
        )

    def caution(self) -> str:
        """Say why these figures are not enough to let the signals count; nothing where they are."""
        wanted = policies.DETECTOR_LABELS_MIN.value()
        if self.judged < wanted:
            return f"Only {self.judged} of its players were judged, {wanted} are wanted: judge a sample of its signals."
        if self.interval is not None and self.interval[0] < 0.5:
            return f"As few as {100 * self.interval[0]:.0f} in a hundred of its signals may be right."
        return ""

    def as_json(self) -> dict[str, Any]:
        """Return the figures as they are kept with a change and told by the API."""
        return {
            "signals": self.signals,
            "open": self.open,
            "shadow": self.shadow,
            "confirmed": self.confirmed,
            "dismissed": self.dismissed,
            "confirmed_elsewhere": self.confirmed_elsewhere,
            "dismissed_elsewhere": self.dismissed_elsewhere,
            "precision": None if self.rate is None else round(self.rate, 4),
            "interval": None if self.interval is None else [round(bound, 4) for bound in self.interval],
            "caution": self.caution(),
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
    names = ("signals", "open", "shadow", "confirmed", "dismissed", "confirmed_elsewhere", "dismissed_elsewhere")
    rows = fetch_rows(_PRECISION, [])
    return {code: Precision(**dict(zip(names, figures, strict=True))) for code, *figures in rows}


def precision_of(code: str) -> Precision:
    """Return one detector's precision."""
    return precisions().get(code, Precision())


def share_in_words(share: float | None) -> str:
    """Return a share as lists show it."""
    return "–" if share is None else f"{100 * share:.0f} %"


_PRECISION = """
    WITH labels AS MATERIALIZED (
        SELECT DISTINCT ON (signal_id) signal_id, finding FROM safety_signal_labels ORDER BY signal_id, id DESC
    ),
    confirmed AS MATERIALIZED (
        SELECT player_id FROM abuse_signals s WHERE s.outcome = 'CONFIRMED'
        UNION
        SELECT s.player_id FROM labels l JOIN abuse_signals s ON s.id = l.signal_id WHERE l.finding = 'CONFIRMED'
    ),
    cleared AS MATERIALIZED (
        SELECT player_id FROM safety_review_cases c WHERE c.outcome = 'DISMISSED'
        EXCEPT SELECT player_id FROM confirmed
    ),
    players AS (
        SELECT s.detector, s.player_id, count(*) AS signals, count(*) FILTER (WHERE NOT s.is_resolved) AS open,
               count(*) FILTER (WHERE s.is_shadow AND NOT s.is_resolved) AS shadow,
               coalesce(bool_or(s.outcome = 'CONFIRMED' OR l.finding = 'CONFIRMED'), false) AS is_confirmed,
               coalesce(bool_or(s.outcome = 'DISMISSED' OR l.finding = 'FALSE_ALARM'), false) AS is_dismissed
        FROM abuse_signals s LEFT JOIN labels l ON l.signal_id = s.id
        WHERE s.detector <> '' GROUP BY s.detector, s.player_id
    )
    SELECT p.detector, sum(p.signals)::bigint, sum(p.open)::bigint, sum(p.shadow)::bigint,
           count(*) FILTER (WHERE p.is_confirmed), count(*) FILTER (WHERE p.is_dismissed AND NOT p.is_confirmed),
           count(*) FILTER (WHERE NOT p.is_confirmed AND NOT p.is_dismissed AND c.player_id IS NOT NULL),
           count(*) FILTER (WHERE NOT p.is_confirmed AND NOT p.is_dismissed AND d.player_id IS NOT NULL)
    FROM players p LEFT JOIN confirmed c ON c.player_id = p.player_id
    LEFT JOIN cleared d ON d.player_id = p.player_id
    GROUP BY p.detector
"""
