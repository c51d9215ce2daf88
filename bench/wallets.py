"""Players of the bench of the wallet: keys that can be counted, and postings for many of them in one call."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import TypeVar

from django.db import connection

from bench import database
from core.expressions import fetch_rows
from core.runs import KeyRange
from wallet.postings import posting_row

T = TypeVar("T")
PLAYERS_PER_SET = 5_000
# What most postings of the bench have in common; `{n}` is the player's number.
_COMMON = {
    "operation_kind": "'BENCH'",
    "input_hash": "'bench'::bytea",
    "lot_kind": "'MANUAL'",
    "granted_on": "current_date",
    "description": "'A posting of the bench'",
}


def key_sql(number: str) -> str:
    """Return SQL for the key of the player of that number; keys sort as their numbers do."""
    return f"'w' || lpad(({number})::text, 9, '0')"


def player_key(number: int) -> str:
    return f"w{number:09}"


def key_range(first: int, last: int) -> KeyRange:
    """Return the range of the players of two numbers and all between."""
    return KeyRange(lower=player_key(first), upper=player_key(last + 1))


def bench_posting(**columns: str) -> str:
    """Return SQL for a posting; what is not given is that of every posting of the bench."""
    return posting_row(**{**_COMMON, **columns})


def make_players(count: int) -> None:
    """Make players who hold nothing."""
    database.execute(f"INSERT INTO players (player_id) SELECT {key_sql('n')} FROM generate_series(1, {count}) n")
    database.execute("VACUUM (ANALYZE) players")


def post_to_all(posting: str, *, players: int, at: datetime, workers: int) -> None:
    """Post to every player, thousands in a call; the numbers of players are `n` in the posting's SQL."""

    def post(numbers: tuple[int, int]) -> None:
        first, last = numbers
        posted = fetch_rows(
            f"SELECT count(*) FROM wallet_post((SELECT array_agg({posting} ORDER BY n) "
            f"FROM generate_series({first}, {last}) n), %s, 'bench') w WHERE w.outcome = 'POSTED'",
            [at],
        )[0][0]
        if posted != last - first + 1:
            raise AssertionError(f"only {posted} of players {first} to {last} were posted to")

    in_threads(post, list(spans(players, PLAYERS_PER_SET)), workers=workers)


def spans(count: int, size: int) -> Iterator[tuple[int, int]]:
    """Cut the numbers from 1 to `count` into spans of at most that size, first and last each."""
    return ((first, min(first + size - 1, count)) for first in range(1, count + 1, size))


def in_threads(work: Callable[[tuple[int, int]], T], parts: Sequence[tuple[int, int]], *, workers: int) -> list[T]:
    """Deal parts out to threads, which is enough where the server does the work; each has a connection of its own."""

    def work_through(share: Sequence[tuple[int, int]]) -> list[T]:
        try:
            return [work(part) for part in share]
        finally:
            connection.close()

    with ThreadPoolExecutor(workers) as pool:
        shares = list(pool.map(work_through, [parts[number::workers] for number in range(workers)]))
    return [result for share in shares for result in share]
