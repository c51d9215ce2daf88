"""Another day of play, so that a second night has something to look at."""

from __future__ import annotations

from datetime import date

from bench import database

# One player in five plays; the day's figures follow their average day.
_PLAY = """
    INSERT INTO player_days (player_id, "on", deposited, wagered, won, bets, sessions, playtime_hours, lp_due)
    SELECT m.player_id, %(on)s, 0, s.wagered, round(s.wagered * 0.94, 2), 12, 1, 0.75, round(s.wagered * 0.1, 2)
    FROM player_metrics m
    CROSS JOIN LATERAL (SELECT round(m.total_wagered / greatest(m.total_sessions, 1), 2) AS wagered) s
    WHERE hashtextextended(m.player_id, 77) %% 5 = 0 AND s.wagered > 0
    ORDER BY m.player_id
"""
_ADD_UP = """
    UPDATE player_metrics m
    SET total_wagered = m.total_wagered + d.wagered, total_won = m.total_won + d.won,
        total_bets = m.total_bets + d.bets, total_sessions = m.total_sessions + d.sessions,
        total_playtime_hours = m.total_playtime_hours + d.playtime_hours,
        last_wager_at = %(on)s::date + time '20:00'
    FROM player_days d WHERE d.player_id = m.player_id AND d."on" = %(on)s
"""


def play_another_day(*, on: date) -> None:
    """Let a fifth of the players play on the business date `on`."""
    for statement in (_PLAY, _ADD_UP):
        database.execute(statement, {"on": on})
