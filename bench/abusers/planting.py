"""Write the population in the database in use: profiles, events and bonuses, the same every time."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

from django.db import connection

from core.partitions import ensure_month_partitions

_SQL = Path(__file__).parent / "sql"
_FUNCTIONS = Path(__file__).parents[1] / "population" / "sql" / "functions.sql"


def plant_population(*, players: int, each: int, sessions_max: int, bets_max: int, at: datetime, seed: int) -> int:
    """Write ordinary players and, of each kind of abuse, `each` accounts and the rings; return how many events.

    An ordinary player has 1 to `sessions_max` sessions of 4 to `bets_max` + 3 bets. Everything happens in the two
    months before `at`. Another `seed` draws another population of the same make.
    """
    ensure_month_partitions(table="player_activity", today=at.date())
    given: dict[str, Any] = {
        "players": players,
        "each": each,
        "sessions_max": sessions_max,
        "bets_max": bets_max,
        "at": at,
        "seed": seed,
    }
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regproc('bench_draw') IS NULL")
        if cursor.fetchone()[0]:
            cursor.execute(_FUNCTIONS.read_text())
        for name in ("accounts", "sessions", "events"):
            for statement in (_SQL / f"{name}.sql").read_text().split(";\n"):
                if statement.strip():
                    cursor.execute(statement, given)
        cursor.execute("ANALYZE players, player_activity, wallet_lots")
        cursor.execute("SELECT count(*) FROM player_activity")
        return int(cursor.fetchone()[0])
