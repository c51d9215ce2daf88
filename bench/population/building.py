"""Build a population of a given size in the database in use."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import psycopg

from bench import database
from bench.population import indexes
from loyalty.night import run_night
from wallet.postings import posting_row

_SQL = Path(__file__).parent / "sql"
_BALANCES_PER_CALL = 5_000
_LOADED_TABLES = ("players", "player_days", "player_metrics")
_LAST_KEY = "\U0010ffff"


@dataclass(frozen=True, slots=True, kw_only=True)
class Population:
    """What stands in the database in use: how many players, and up to which business date they have played."""

    players: int
    on: date


@dataclass(frozen=True, slots=True, kw_only=True)
class _Range:
    lower: str
    upper: str


def build_population(*, players: int, on: date, workers: int, say: Callable[[str], None]) -> Population:
    """Fill the empty database in use. `on` is the last business date with play; a night has settled it."""
    _run_file("functions", None)
    say("traits")
    _run_file("traits", {"players": players})
    halves = _ranges(workers)
    with indexes.taken_off(_LOADED_TABLES):
        for name in ("players", "days", "metrics"):
            say(name)
            _run_in_ranges(name, ranges=halves, on=on, workers=workers)
        say("indexes")
    say("analyze")
    database.execute("VACUUM (ANALYZE) players, player_days, player_metrics")
    say("balances")
    _run_in_ranges("balances", ranges=_ranges(max(1, players // _BALANCES_PER_CALL)), on=on, workers=workers)
    say("restrictions and signals")
    for name in ("restrictions", "signals"):
        _run_file(name, {"on": on})
    database.execute("DROP TABLE bench_traits")
    say("a night without rules")
    # An ordinary night finds yesterday's segments, tiers, scores and ledger digest, and only a day's changes.
    run_night(business_date=on, workers=workers)
    _finish(players=players, on=on)
    return Population(players=players, on=on)


def find_population() -> Population | None:
    """Return what an earlier run built in the database in use."""
    with database.connect() as connection:
        try:
            row = connection.execute("SELECT players, built_on FROM bench_population").fetchone()
        except psycopg.errors.UndefinedTable:
            return None
    return Population(players=row[0], on=row[1]) if row else None


def _finish(*, players: int, on: date) -> None:
    """Note what stands here last of all, so that a population cut short is never taken for a whole one."""
    database.execute("VACUUM (ANALYZE)")
    database.execute("CREATE TABLE bench_population (players integer, built_on date)")
    database.execute("INSERT INTO bench_population VALUES (%(players)s, %(on)s)", {"players": players, "on": on})


def _ranges(count: int) -> list[_Range]:
    """Cut the keys into `count` ranges of about as many players."""
    with database.connect() as connection:
        rows = connection.execute(
            'SELECT min(player_id) FROM (SELECT player_id COLLATE "C" AS player_id, '
            'ntile(%s) OVER (ORDER BY player_id COLLATE "C") AS part FROM bench_traits) t '
            "GROUP BY part ORDER BY part",
            [count],
        ).fetchall()
    lowers = [key for (key,) in rows]
    return [_Range(lower=low, upper=high) for low, high in zip(lowers, [*lowers[1:], _LAST_KEY], strict=True)]


# What the balances' statement asks of the posting core, of its rows `c` and `t`.
_HELD_POSTING = posting_row(
    operation_key="'bench:' || c.kind || ':' || t.player_id",
    operation_kind="c.kind",
    input_hash="sha256(convert_to(c.kind || t.player_id || c.amount, 'UTF8'))",
    account_key="t.player_id",
    purpose="c.purpose",
    transaction_type="c.transaction_type",
    currency_type="c.currency",
    amount="c.amount",
    lot_kind="c.lot_kind",
    granted_on="%(on)s::date - 25",
    promotional_value="c.value",
    expected_cost="c.value / 2",
    expires_at="c.expires_at",
    wagering_required="c.wagering",
    max_bet="c.max_bet",
    description="'Held before the bench began'",
)


def _run_in_ranges(name: str, *, ranges: list[_Range], on: date, workers: int) -> None:
    def run(part: _Range) -> None:
        _run_file(name, {"on": on, "lower": part.lower, "upper": part.upper})

    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(run, ranges))


def _run_file(name: str, parameters: dict[str, object] | None) -> None:
    with database.connect() as connection:
        connection.execute("SET synchronous_commit = off")
        # Parameters are bound by the client: several statements may share one file.
        text = (_SQL / f"{name}.sql").read_text().replace("@posting", _HELD_POSTING)
        psycopg.ClientCursor(connection).execute(text.encode(), parameters)
