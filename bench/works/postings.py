"""Single postings: beside pgbench's TPC-B-like transactions, in longer transactions, from Python, on one hot player."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from itertools import count
from pathlib import Path

from django.db import connection
from django.utils import timezone

from bench import database
from bench.measuring import Line, Yardstick, per_second, seconds_of
from bench.pgbench import Pgbench, find_pgbench
from bench.stand import Stand
from bench.wallets import bench_posting, key_range, key_sql, make_players, player_key, post_to_all
from wallet.ledger import post_operation
from wallet.postings import Posting, credit_posting
from wallet.reconciliation import reconcile

_CLIENTS = 8
_PLAYERS = 100_000
_SCALE = 50
_SHARE_OF_PGBENCH = 0.8
_ROUNDS = 5
# A short round would measure how long eight sessions take to make their plans.
_SECONDS = 10
_PLAYERS_PER_SECOND = 2_000
_POSTINGS_PER_TRANSACTION = 10
_FROM_PYTHON = 2_000
_HOT_CLIENTS = 16
_HOT_POSTINGS = 400
_CREDIT = {
    "purpose": "'EARNED'",
    "transaction_type": "'LP_EARNED'",
    "currency_type": "'LP'",
    "operation_key": "gen_random_uuid()::text",
}
_DEBIT = {**_CREDIT, "purpose": "'SPEND'", "transaction_type": "'LP_REDEEMED'", "lot_kind": "NULL"}


def measure(stand: Stand) -> Iterator[Line]:
    """Measure on players who hold enough to spend from; the sizes shrink with small populations."""
    players = min(_PLAYERS, stand.players)
    seconds = min(_SECONDS, max(1, players // _PLAYERS_PER_SECOND))
    with stand.empty():
        make_players(players)
        opening = bench_posting(**{**_CREDIT, "account_key": key_sql("n"), "amount": "100000"})
        post_to_all(opening, players=players, at=timezone.now(), workers=stand.workers)
        pgbench = find_pgbench(clients=_CLIENTS, threads=2)
        if pgbench is None:
            yield Line(
                work="one posting", seconds=0, rate="not measured", note="no pgbench: its wheel is not installed"
            )
        else:
            stand.say("filling pgbench's tables")
            pgbench.fill(scale=max(1, _SCALE * players // _PLAYERS))
            database.execute("VACUUM (ANALYZE)")
            yield _one_posting(pgbench, folder=stand.folder, players=players, seconds=seconds)
            yield _longer_transaction(pgbench, folder=stand.folder, players=players, seconds=seconds)
        yield _from_python(players=players, postings=max(100, _FROM_PYTHON * players // _PLAYERS))
        yield _hot_player(postings=max(20, _HOT_POSTINGS * players // _PLAYERS))


def _one_posting(pgbench: Pgbench, *, folder: Path, players: int, seconds: int) -> Line:
    """Take turns with pgbench, so that both meet the same moods of the machine; the middle of the ratios counts."""
    scripts = [
        _script(folder / f"{name}.sql", [sign], players=players) for name, sign in (("credit", 1), ("debit", -1))
    ]
    rounds = []
    for _ in range(_ROUNDS):
        theirs = pgbench.transactions_per_second(seconds=seconds)
        ours = pgbench.transactions_per_second(*scripts, seconds=seconds)
        rounds.append((ours / theirs, ours, theirs))
    ratio, ours, theirs = sorted(rounds)[len(rounds) // 2]
    ratios = ", ".join(f"{each:.2f}" for each, *_ in sorted(rounds))
    return Line(
        work=f"one posting, a call and a transaction, {pgbench.clients} clients",
        seconds=1 / ours,
        rate=per_second(ours, seconds=1, unit="postings"),
        limit=Yardstick(name="a TPC-B-like transaction", seconds=1 / theirs, times=1 / _SHARE_OF_PGBENCH),
        note=f"{ratio:.2f} × pgbench's {theirs:,.0f} transactions per second, the middle of {ratios}; half "
        f"credits, half debits, on {players:,} players",
    )


def _longer_transaction(pgbench: Pgbench, *, folder: Path, players: int, seconds: int) -> Line:
    signs = [1, -1] * (_POSTINGS_PER_TRANSACTION // 2)
    script = _script(folder / "longer.sql", signs, players=players)
    rate = pgbench.transactions_per_second(script, seconds=seconds) * len(signs)
    return Line(
        work=f"one posting, {len(signs)} calls in a transaction, {pgbench.clients} clients",
        seconds=1 / rate,
        rate=per_second(rate, seconds=1, unit="postings"),
        note="on as many players, in key order",
    )


def _script(file: Path, signs: list[int], *, players: int) -> Path:
    """Write a script of one call for each sign, on players that follow each other, so that no two scripts deadlock."""
    lines = [f"\\set player random(1, {max(1, players - len(signs))})", "\\set amount random(1, 100)"]
    calls = [
        "SELECT outcome FROM wallet_post(ARRAY[{}], now(), 'bench');".format(
            bench_posting(
                **{
                    **(_CREDIT if sign > 0 else _DEBIT),
                    "account_key": key_sql(f":player::bigint + {number}"),
                    "amount": f"{sign} * :amount::numeric",
                }
            )
        )
        for number, sign in enumerate(signs)
    ]
    file.write_text("\n".join([*lines, *(calls if len(calls) == 1 else ["BEGIN;", *calls, "COMMIT;"]), ""]))
    return file


def _from_python(*, players: int, postings: int) -> Line:
    numbers = count(1)

    def post_some(worker: int) -> None:
        try:
            for number in range(postings // _CLIENTS):
                post_operation(
                    [_credit(player_key(1 + next(numbers) % players), f"python {worker} {number}")], actor="bench"
                )
        finally:
            connection.close()

    def post_all() -> None:
        with ThreadPoolExecutor(_CLIENTS) as pool:
            list(pool.map(post_some, range(_CLIENTS)))

    seconds = seconds_of(post_all)
    done = postings // _CLIENTS * _CLIENTS
    return Line(
        work=f"one posting through post_operation, {_CLIENTS} threads of one Python",
        seconds=seconds / done,
        rate=per_second(done, seconds=seconds, unit="postings"),
        note=f"{done:,} credits, checked and hashed in Python",
    )


def _credit(player_id: str, key: str) -> Posting:
    return credit_posting(
        key=f"bench {key}", kind="BENCH", player_id=player_id, currency="LP", amount=Decimal(1), on=timezone.localdate()
    )


def _hot_player(*, postings: int) -> Line:
    """Credit and spend 1.00 in turn from many connections at once; nothing may be lost and nobody may deadlock."""
    before = _held()
    calls = {
        sign: f"SELECT outcome FROM wallet_post(ARRAY[{_hot_posting(terms, sign)}], now(), 'bench')".encode()
        for sign, terms in ((1, _CREDIT), (-1, _DEBIT))
    }

    def post_some(_: int) -> None:
        with database.connect() as own:
            for number in range(postings):
                sign = 1 if number % 4 else -1
                if own.execute(calls[sign]).fetchone() != ("POSTED",):
                    raise AssertionError("a posting on the hot player was refused")

    def post_all() -> None:
        with ThreadPoolExecutor(_HOT_CLIENTS) as pool:
            list(pool.map(post_some, range(_HOT_CLIENTS)))

    seconds = seconds_of(post_all)
    done = _HOT_CLIENTS * postings
    expected = before + _HOT_CLIENTS * (postings - 2 * len(range(0, postings, 4)))
    if _held() != expected:
        raise AssertionError(f"an update was lost: {_held()} points are held instead of {expected}")
    reconcile(keys=key_range(1, 1))
    return Line(
        work=f"one hot player, {_HOT_CLIENTS} clients",
        seconds=seconds / done,
        rate=per_second(done, seconds=seconds, unit="postings"),
        note=f"{done:,} postings, each a transaction, a quarter of them spends: no deadlock, no lost update, "
        "and the player's ledger proves itself",
    )


def _hot_posting(terms: dict[str, str], sign: int) -> str:
    return bench_posting(**{**terms, "account_key": key_sql("1"), "amount": f"{sign}.00"})


def _held() -> int:
    return database.scalar("SELECT lp_balance FROM loyalty_balances WHERE player_id = %(key)s", {"key": player_key(1)})
