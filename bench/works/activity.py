"""The activity feed: batches of 10,000 with everything that follows from them, late ones, and real bets in no order."""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any

import psutil
from django.db import connection
from django.db.models import Count, Sum
from django.utils import timezone

from bench import database
from bench.measuring import Line, Yardstick, per_second, seconds_of
from bench.stand import Stand
from loyalty.activity import take_activity
from players.activity import EVENTS_MAX
from players.models import Activity, Player, PlayerMetrics
from players.segmentation import batch_reclassify_players
from players.tests.activity.real_bets import FILE, MISSING, real_bets

_PLAYERS_MAX = 50_000
_EVENTS_PER_PLAYER = 10
"""A batch is some fifteen seconds of a thousand players at play, of fewer where the bench is small."""
_BATCHES = 12
_PARALLEL_BATCHES = 16
_LATE_BATCHES = 5
_PLAYERS_OF_A_BENCH = 1_000
_EVENTS_OF_A_TRIAL = 600
"""A smaller bench only shows that everything runs."""
_EVENTS_PER_SECOND = 50_000
_COPY_TIMES = 1 / 0.3
_LATE_TIMES = 3
_BONUS_EVERY = 20
"""One in so many of a batch's players wagers a bonus."""
_COLUMNS = (
    "player_id, kind, source, external_id, occurred_at, received_at, amount, bet_id, game_category, ended_at, "
    "ip_address, device_id"
)
Batch = list[dict[str, Any]]


@dataclass(slots=True)
class Work:
    """The seconds of repeated work, and the processor time that it took of this process and its server's."""

    seconds: list[float] = field(default_factory=list)
    used: float = 0.0

    def do(self, work: Callable[[], object]) -> None:
        """Do it once more."""
        before = _processor_seconds()
        self.seconds.append(seconds_of(work))
        self.used += _processor_seconds() - before

    @property
    def median(self) -> float:
        """Return the seconds of one time."""
        return statistics.median(self.seconds)

    @property
    def processor(self) -> float:
        """Return the processor's seconds of one time."""
        return self.used / len(self.seconds)


def _processor_seconds() -> float:
    connection.ensure_connection()
    server = psutil.Process(connection.connection.info.backend_pid).cpu_times()
    return time.process_time() + server.user + server.system


def measure(stand: Stand) -> Iterator[Line]:
    """Measure the feed beside COPY of the same events, late events beside timely ones, and real bets."""
    with stand.empty():
        players = min(stand.players, _PLAYERS_MAX)
        size = EVENTS_MAX if stand.players >= _PLAYERS_OF_A_BENCH else _EVENTS_OF_A_TRIAL
        _make_players(players, size=size)
        began = timezone.now() - timedelta(hours=2)
        starts = [began + timedelta(seconds=15 * number) for number in range(_BATCHES)]
        warm, *timely = [_batch(f"t{number}-", at, players, size) for number, at in enumerate(starts)]
        _make_copied_table()
        _take(warm)
        copied, taken = Work(), Work()
        for batch in timely:
            # In turn, so that whatever else the machine does is shared.
            text = _as_copy(batch)
            copied.do(partial(_copy, text))
            taken.do(partial(_take, batch))
        yield _batch_line(copied, taken, size)
        yield _parallel_line(stand, began + timedelta(minutes=30), players, size)
        days = [began - timedelta(days=9 + number) for number in range(_LATE_BATCHES)]
        late = [_batch(f"l{number}-", at, players, size) for number, at in enumerate(days)]
        lates = [seconds_of(partial(_take, batch)) for batch in late]
        yield _late_line(taken.median, statistics.median(lates), size)
    if stand.players >= _PLAYERS_OF_A_BENCH:
        yield from _real_lines(stand)


def _take(batch: Batch) -> None:
    take_activity(source="bench", events=batch)


def _make_players(players: int, *, size: int) -> None:
    database.execute(
        f"""
        INSERT INTO players (player_id, source) SELECT 'player' || lpad(n::text, 7, '0'), 'FEED'
        FROM generate_series(0, {players - 1}) n
        """
    )
    database.execute("INSERT INTO player_metrics (player_id) SELECT player_id FROM players")
    step = max(1, players * _EVENTS_PER_PLAYER // size)
    database.execute(
        f"""
        INSERT INTO wallet_lots (player_id, operation_id, currency_type, kind, amount, remaining, granted_on,
                                 created_at, wagering_required, wagering_basis)
        SELECT 'player' || lpad(n::text, 7, '0'), n, 'BONUS', 'REWARD', 10, 10, current_date, now() - interval '9 days',
               1000000, 'DEPOSIT_AND_BONUS'
        FROM generate_series(0, {players - 1}) n WHERE n / {step} % {_BONUS_EVERY} = 0
        """
    )
    database.execute("VACUUM (ANALYZE)")


def _batch(prefix: str, began: datetime, players: int, size: int, *, shard: int = 0) -> Batch:
    """Return the events of a thousand players within fifteen seconds: play, some money, some sessions."""
    draw = random.Random(prefix)
    step = max(1, players * _EVENTS_PER_PLAYER // size)
    numbers = range(min(shard, step - 1), players, step)
    return [
        _event(draw, f"{prefix}{place}", began + timedelta(seconds=15) * place / size, draw.choice(numbers))
        for place in range(size)
    ]


def _event(draw: random.Random, external_id: str, at: datetime, number: int) -> dict[str, Any]:
    chance = draw.random()
    event: dict[str, Any] = {
        "external_id": external_id,
        "player_id": f"player{number:07}",
        "occurred_at": at.isoformat(),
    }
    if chance < 0.95:
        kind = "WAGER" if chance < 0.55 else "WIN"
        game = draw.choice(("slots", "roulette", "blackjack"))
        amount = f"{draw.randrange(10, 5000) / 100:.2f}"
        return {**event, "kind": kind, "amount": amount, "bet_id": f"bet-{external_id}", "game_category": game}
    if chance < 0.98:
        return {**event, "kind": "DEPOSIT", "amount": "50.00"}
    began = (at - timedelta(minutes=20)).isoformat()
    address = f"10.0.{number % 250}.{number % 199}"
    return {
        **event,
        "kind": "SESSION",
        "occurred_at": began,
        "ended_at": at.isoformat(),
        "ip_address": address,
        "device_id": f"device-{number}",
    }


def _make_copied_table() -> None:
    """Make one table for the same events with the same indexes: of the activity and of the names of events."""
    for statement in (
        "CREATE TABLE bench_activity (LIKE player_activity INCLUDING DEFAULTS)",
        "ALTER TABLE bench_activity ADD PRIMARY KEY (id, occurred_at)",
        "CREATE UNIQUE INDEX ON bench_activity (source, external_id)",
        "CREATE INDEX ON bench_activity (player_id, occurred_at)",
        "CREATE INDEX ON bench_activity (corrects_external_id) WHERE corrects_external_id > ''",
    ):
        database.execute(statement)


def _as_copy(batch: Batch) -> str:
    names = ("amount", "bet_id", "game_category", "ended_at", "ip_address", "device_id")
    nothing = {"amount": "\\N", "ended_at": "\\N", "ip_address": "\\N"}
    lines = []
    for event in batch:
        rest = [event.get(name, nothing.get(name, "")) for name in names]
        at = event["occurred_at"]
        lines.append("\t".join([event["player_id"], event["kind"], "bench", event["external_id"], at, at, *rest]))
    return "\n".join(lines) + "\n"


def _copy(text: str) -> None:
    with connection.cursor() as cursor, cursor.copy(f"COPY bench_activity ({_COLUMNS}) FROM STDIN") as copy:
        copy.write(text)


def _batch_line(copied: Work, taken: Work, size: int) -> Line:
    return Line(
        work=f"activity, a batch of {size:,}",
        seconds=taken.median,
        rate=per_second(size, seconds=taken.median, unit="events"),
        limit=Yardstick(
            name="COPY of the same events, one table, same indexes", seconds=copied.median, times=_COPY_TIMES
        ),
        note="from dictionaries to the commit, one connection: read and checked, stored once, daily rows, totals, "
        f"metrics, sessions, points due, wagering progress of one player in {_BONUS_EVERY}; medians of "
        f"{len(taken.seconds)} in turn with COPY. Processor time of program and server, which tells more where the "
        f"machine is shared: {taken.processor:.3f} s beside {copied.processor:.3f} s of COPY",
    )


def _parallel_line(stand: Stand, began: datetime, players: int, size: int) -> Line:
    """Two connections, as a platform sends that shares its players out over two; each batch has its own moment."""
    starts = [began + timedelta(seconds=15 * number) for number in range(_PARALLEL_BATCHES)]
    batches = [_batch(f"p{number}-", at, players, size, shard=number % 2) for number, at in enumerate(starts)]

    def take(batch: Batch) -> None:
        try:
            _take(batch)
        finally:
            connection.close()

    def take_all() -> None:
        with ThreadPoolExecutor(stand.workers) as pool:
            list(pool.map(take, batches))

    seconds = seconds_of(take_all)
    events = size * len(batches)
    return Line(
        work="activity, two batches at a time",
        seconds=seconds,
        rate=per_second(events, seconds=seconds, unit="events"),
        limit=Yardstick(name="50,000 events per second", seconds=events / _EVENTS_PER_SECOND, times=1),
        note=f"{len(batches)} batches by {stand.workers} threads, each second one of other players",
    )


def _late_line(timely: float, late: float, size: int) -> Line:
    return Line(
        work="activity, a late batch",
        seconds=late,
        rate=per_second(size, seconds=late, unit="events"),
        limit=Yardstick(name="a timely batch", seconds=timely, times=_LATE_TIMES),
        note="events of nine to thirteen days ago, each batch of another day",
    )


# As documented with the data, but for one player who won exactly 5 % of the stakes, 111.10 of 2222: LOSING by the
# definition, BREAKEVEN where 2222 × 0.05 is computed in binary.
_SEGMENTS = {"NEW": 2117, "LOSING": 985, "WINNING": 802, "BREAKEVEN": 235, "VIP": 10}
_REAL = {"players": 4149, "wagered": "146762549.00", "won": "149049667.27", "sessions": 44522, "bets": 50000}


def _real_lines(stand: Stand) -> Iterator[Line]:
    """Send 50,000 real bets in no order, twice, and hold the totals against the documented ones."""
    if not FILE.exists():
        stand.say(MISSING)
        return
    with stand.empty():
        events = [event for bet in real_bets() for event in bet]
        seconds = [seconds_of(partial(_send, events, seed=number)) for number in (1, 2)]
        _check_real()
        yield Line(
            work="activity, 50,000 real bets in no order",
            seconds=seconds[0],
            rate=per_second(len(events), seconds=seconds[0], unit="events"),
            note=f"in batches of 10,000; sent again in another order: {seconds[1]:.2f} s, and nothing changed; totals, "
            "sessions and segments as documented",
        )


def _send(events: Batch, *, seed: int) -> None:
    shuffled = random.Random(seed).sample(events, k=len(events))
    for first in range(0, len(shuffled), EVENTS_MAX):
        take_activity(source="bustabit", events=shuffled[first : first + EVENTS_MAX], create_players=True)


def _check_real() -> None:
    found = PlayerMetrics.objects.aggregate(
        players=Count("pk"),
        wagered=Sum("total_wagered"),
        won=Sum("total_won"),
        sessions=Sum("total_sessions"),
        bets=Sum("total_bets"),
    )
    shown = {name: str(value) if name in {"wagered", "won"} else value for name, value in found.items()}
    batch_reclassify_players(on=date(2016, 12, 31))
    segments = dict(Player.objects.values_list("segment").annotate(count=Count("pk")))
    wins = Activity.objects.filter(kind="WIN").count()
    if (shown, segments, wins) != (_REAL, _SEGMENTS, 28_734):
        raise AssertionError(f"the real bets gave {shown}, {segments} and {wins} wins")
