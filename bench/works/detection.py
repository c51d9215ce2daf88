"""Detection: what each detector finds among planted abusers, and how long its pass over everybody takes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, time
from typing import Any

from django.db import transaction

from bench import database
from bench.abusers import judge_detectors, plant_population, ring_of_twenty
from bench.measuring import Line, per_second, seconds_of
from bench.stand import Stand
from core.expressions import run_statement
from safety.detection.catalogue import detectors_in_force
from safety.detection.rings.links import refresh_links
from safety.detection.running import LINKS_WINDOW_DAYS, detect_abuse_signals, detect_everybody, run_detector
from safety.detection.scope import Scope
from safety.models import AbuseSignal

_JUDGED_PLAYERS = 10_000
_PLANTED_EACH_MAX = 30
_PLANTED_EACH_MIN = 5
# A population that nothing was tried on while detectors and thresholds were made.
_SEED = 4
_LIVE_PLAYERS = 20


def measure(stand: Stand) -> Iterator[Line]:
    """Judge the detectors on ten thousand players who play much; time them on all, with ten events each."""
    at = datetime.combine(stand.on, time(12), tzinfo=UTC)
    with stand.empty():
        yield from _quality(stand, at=at)
    with stand.empty():
        stand.say(f"{stand.players:,} players with ten events each")
        events = plant_population(
            players=stand.players, each=_planted(stand.players), sessions_max=1, bets_max=5, at=at, seed=_SEED
        )
        database.execute("VACUUM (ANALYZE) player_activity, players, wallet_lots")
        yield from _passes(at=at, players=stand.players, events=events)


def _quality(stand: Stand, *, at: datetime) -> Iterator[Line]:
    players = min(_JUDGED_PLAYERS, stand.players)
    stand.say(f"{players:,} players with abusers planted")
    events = plant_population(
        players=players, each=_planted(stand.players), sessions_max=10, bets_max=36, at=at, seed=_SEED
    )
    took = detect_everybody(at=at)
    planted, found = ring_of_twenty()
    for code, judged in judge_detectors().items():
        note = f"{judged.found} of {judged.planted} planted, {judged.false_positives} of {judged.ordinary:,} ordinary"
        if code == "SHARED_DEVICE":
            others = len(found - planted)
            note += f"; of the ring of {len(planted)} on 3 devices {len(planted & found)}, others in it {others}"
        yield Line(
            work=f"detection judged: {code}",
            seconds=took[code]["seconds"],
            rate=f"recall {judged.recall:.3f}, false positives {judged.false_positive_rate:.4f}",
            note=f"{note}; {events:,} events",
        )


def _planted(players: int) -> int:
    """Return how many abusers of each kind are planted: not more than one in a hundred, where there are many."""
    return max(_PLANTED_EACH_MIN, min(_PLANTED_EACH_MAX, players // 100))


def _passes(*, at: datetime, players: int, events: int) -> Iterator[Line]:
    scope = Scope(at=at)
    yield _line("devices and addresses", seconds_of(lambda: _links(scope)), events=events, note="before the passes")
    for detector in detectors_in_force():
        told: dict[str, Any] = run_detector(detector, scope=scope)
        note = f"{told['found']:,} found; one pass over {players:,} players, {events:,} events"
        yield _line(detector.code, told["seconds"], events=events, note=note)
    some = list(AbuseSignal.objects.order_by("player_id").values_list("player_id", flat=True)[:_LIVE_PLAYERS])
    seconds = max((seconds_of(lambda key=key: detect_abuse_signals(key, at=at)) for key in some), default=0.0)  # type: ignore[misc]
    yield Line(
        work="detection of one player, live",
        seconds=seconds,
        rate=per_second(1, seconds=seconds, unit="players"),
        note=f"all detectors; the slowest of {len(some)}",
    )


def _links(scope: Scope) -> None:
    with transaction.atomic():
        refresh_links(scope, window_days=LINKS_WINDOW_DAYS)
        run_statement("ANALYZE safety_links", [])


def _line(what: str, seconds: float, *, events: int, note: str) -> Line:
    return Line(
        work=f"detection: {what}",
        seconds=seconds,
        rate=per_second(events, seconds=seconds, unit="events"),
        note=note,
    )
