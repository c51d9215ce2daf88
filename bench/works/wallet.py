"""The wallet: single postings, lots credited and expired in bulk, the proof of the ledger, balances and statements."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from bench import database
from bench.measuring import Line, Yardstick, median_seconds, per_second, percentile_95, seconds_of
from bench.stand import Stand
from bench.wallets import (
    PLAYERS_PER_SET,
    bench_posting,
    in_threads,
    key_range,
    key_sql,
    make_players,
    player_key,
    post_to_all,
    spans,
)
from bench.works import postings
from bench.works.growth import growth_line
from core.runs import Counts
from wallet.expiry import expire_bonuses
from wallet.models import LoyaltyBalance
from wallet.reconciliation import reconcile
from wallet.statements import PAGE_SIZE, statement_of

_LOTS_PER_SECOND = 20_000
_ENTRIES_PER_PLAYER = 10
_PLAYERS_PER_EXPIRY = 5_000
_PLAYERS_PER_PROOF = 20_000
_SAMPLES = 40
_QUERY_SECONDS = 0.05
_ENTRIES_OF_SHORT = 100
_ENTRIES_OF_LONG = 100_000
_STATEMENT_TIMES = 1.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """A ledger that was filled in bulk, and what that and its proof took, in seconds."""

    players: int
    credit: float
    expiry: float
    longest_expiry: float
    proof: float


def measure(stand: Stand) -> Iterator[Line]:
    """Measure single postings in a database of their own, and ledgers of both sizes."""
    yield from postings.measure(stand)
    with stand.empty():
        fewer = _fill_and_prove(stand, players=stand.fewer_players)
    with stand.empty():
        ledger = _fill_and_prove(stand, players=stand.players)
        yield _credit_line(ledger)
        yield _expiry_line(ledger)
        yield _proof_line(ledger)
        yield growth_line(
            "the ledger proved",
            fewer=fewer.players,
            fewer_seconds=fewer.proof,
            more=ledger.players,
            seconds=ledger.proof,
        )
        yield _balance_line(players=ledger.players)
        yield _statement_line(players=ledger.players, at=timezone.now())


def _fill_and_prove(stand: Stand, *, players: int) -> Ledger:
    """Give each player a bonus that expires, points from play, and a spend; the expiry is the tenth entry."""
    at = timezone.now()
    make_players(players)
    stand.say(f"{players:,} players: bonuses")
    bonus = _bonus(expires_at=at + timedelta(seconds=1))
    credit = seconds_of(lambda: post_to_all(bonus, players=players, at=at, workers=stand.workers))
    for number in range(_ENTRIES_PER_PLAYER - 2):
        stand.say(f"{players:,} players: points, round {number + 1}")
        post_to_all(_points(number), players=players, at=at, workers=stand.workers)
    database.execute("VACUUM (ANALYZE)")
    stand.say(f"{players:,} players: expiry")
    longest: list[float] = []
    expired_at = at + timedelta(seconds=1)
    expiry = seconds_of(lambda: longest.append(_expire(players=players, at=expired_at, workers=stand.workers)))
    database.execute("VACUUM (ANALYZE)")
    stand.say(f"{players:,} players: proof")
    proof = seconds_of(lambda: _prove(players=players, workers=stand.workers))
    return Ledger(players=players, credit=credit, expiry=expiry, longest_expiry=longest[0], proof=proof)


def _bonus(*, expires_at: datetime) -> str:
    return bench_posting(
        operation_key="'bonus:' || n",
        account_key=key_sql("n"),
        purpose="'PROMOTION'",
        transaction_type="'BONUS_ISSUED'",
        currency_type="'BONUS'",
        amount="10.00",
        promotional_value="10.00",
        expires_at=f"'{expires_at.isoformat()}'::timestamptz",
        wagering_required="100.00",
        max_bet="5.00",
    )


def _points(number: int) -> str:
    """Return the posting of one round: reward points first, then points from play to a shared lot, at last a spend."""
    is_spend = number == _ENTRIES_PER_PLAYER - 3
    currency = "LP" if number else "RP"
    return bench_posting(
        operation_key=f"'points:{number}:' || n",
        account_key=key_sql("n"),
        purpose="'SPEND'" if is_spend else "'EARNED'",
        transaction_type="'LP_REDEEMED'" if is_spend else f"'{currency}_EARNED'",
        currency_type=f"'{currency}'",
        amount="-2.50" if is_spend else "1.25",
        share_key="NULL" if is_spend else "'month'",
    )


def _expire(*, players: int, at: datetime, workers: int) -> float:
    """Expire every bonus, chunk by chunk; return the seconds of the longest transaction."""

    def expire(numbers: tuple[int, int]) -> float:
        first, last = numbers
        expired: list[int] = []
        seconds = seconds_of(lambda: expired.append(expire_bonuses(at=at, keys=key_range(first, last))))
        if expired != [last - first + 1]:
            raise AssertionError(f"{expired} lots of players {first} to {last} expired")
        return seconds

    return max(in_threads(expire, list(spans(players, _PLAYERS_PER_EXPIRY)), workers=workers))


def _prove(*, players: int, workers: int) -> None:
    """Prove the ledger, chunk by chunk as in the night."""

    def prove(numbers: tuple[int, int]) -> Counts:
        return reconcile(keys=key_range(*numbers))

    proved = in_threads(prove, list(spans(players, _PLAYERS_PER_PROOF)), workers=workers)
    entries = sum(counts["entries"] for counts in proved)
    if entries != players * _ENTRIES_PER_PLAYER:
        raise AssertionError(f"{entries} entries of {players} players were proved")


def _credit_line(ledger: Ledger) -> Line:
    return Line(
        work="lots credited in bulk",
        seconds=ledger.credit,
        rate=per_second(ledger.players, seconds=ledger.credit, unit="lots"),
        limit=Yardstick(name="20,000 lots per second", seconds=ledger.players / _LOTS_PER_SECOND, times=1),
        note=f"bonuses with terms, {PLAYERS_PER_SET:,} a call: locks, operations, entries, hashes, lots, movements and "
        "balances",
    )


def _expiry_line(ledger: Ledger) -> Line:
    return Line(
        work="lots expired in bulk",
        seconds=ledger.expiry,
        rate=per_second(ledger.players, seconds=ledger.expiry, unit="lots"),
        note=f"{_PLAYERS_PER_EXPIRY:,} players a transaction, the longest took {ledger.longest_expiry:.2f} s",
    )


def _proof_line(ledger: Ledger) -> Line:
    entries = ledger.players * _ENTRIES_PER_PLAYER
    return Line(
        work="the ledger proved",
        seconds=ledger.proof,
        rate=per_second(entries, seconds=ledger.proof, unit="entries"),
        note=f"{entries:,} entries of {ledger.players:,} players, nothing left out",
    )


def _balance_line(*, players: int) -> Line:
    keys = [player_key(1 + number * 7919 % players) for number in range(_SAMPLES)]
    with CaptureQueriesContext(connection) as queries:
        LoyaltyBalance.objects.get(player_id=keys[0])
    if len(queries) != 1:
        raise AssertionError(f"a balance took {len(queries)} queries")
    seconds = percentile_95([seconds_of(partial(LoyaltyBalance.objects.get, player_id=key)) for key in keys])
    return Line(
        work="a balance read, p95",
        seconds=seconds,
        rate="one query",
        limit=Yardstick(name="50 ms", seconds=_QUERY_SECONDS, times=1),
    )


def _statement_line(*, players: int, at: datetime) -> Line:
    """Compare the first pages of two who came last: one has a long history, the other a short one."""
    entries = max(10 * _ENTRIES_OF_SHORT, _ENTRIES_OF_LONG * players // 1_000_000)
    short, long = (_make_history(players + 1, _ENTRIES_OF_SHORT, at=at), _make_history(players + 2, entries, at=at))
    database.execute("VACUUM (ANALYZE) transactions, wallet_lots, wallet_lot_movements")
    figures = {key: median_seconds(partial(statement_of, player_id=key), times=_SAMPLES) for key in (short, long)}
    return Line(
        work=f"first page of a statement of {entries:,} entries",
        seconds=figures[long],
        rate=per_second(1, seconds=figures[long], unit="pages"),
        limit=Yardstick(
            name=f"a statement of {_ENTRIES_OF_SHORT} entries", seconds=figures[short], times=_STATEMENT_TIMES
        ),
        note=f"{PAGE_SIZE} entries and what each balance came from",
    )


def _make_history(number: int, entries: int, *, at: datetime) -> str:
    """Make a player of that number and post some points after each other, thousands in a call."""
    database.execute(f"INSERT INTO players (player_id) VALUES ({key_sql(str(number))})")
    posting = bench_posting(
        operation_key=f"'history:{number}:' || n",
        account_key=key_sql(str(number)),
        purpose="'EARNED'",
        transaction_type="'LP_EARNED'",
        currency_type="'LP'",
        amount="1.25",
        share_key="'month'",
    )
    post_to_all(posting, players=entries, at=at, workers=1)
    return player_key(number)
