"""Segments of everybody: when nothing has changed, and when everything has."""

from __future__ import annotations

from collections.abc import Iterator

from bench import database
from bench.measuring import Line, Yardstick, median_seconds, per_second, seconds_of
from bench.population import Population
from bench.stand import Stand
from core.expressions import compile_expression
from players.metrics import refresh_metrics
from players.models import PlayerMetrics
from players.segmentation import batch_reclassify_players, get_segment_thresholds, segment_expression

_REPETITIONS = 5


def measure(stand: Stand) -> Iterator[Line]:
    """Measure the real service, history of changes included where there are any."""
    with stand.populated(stand.players) as population:
        refresh_metrics()
        database.execute("VACUUM (ANALYZE) player_metrics")
        scan = _counting_scan_seconds()
        yield _all_changed(population, scan=scan)
        yield _nothing_changed(population, scan=scan)


def _all_changed(population: Population, *, scan: float) -> Line:
    """Everybody stands in a segment they do not belong to; a second such round follows the first's dead rows."""
    _misplace_everybody()
    seconds = seconds_of(lambda: batch_reclassify_players(on=population.on))
    return Line(
        work="segmentation, all changed",
        seconds=seconds,
        rate=per_second(population.players, seconds=seconds, unit="players"),
        limit=Yardstick(name="one counting scan of the same expression", seconds=scan, times=60),
        note="a history row of every change included",
    )


def _nothing_changed(population: Population, *, scan: float) -> Line:
    database.execute("VACUUM (ANALYZE) players")
    seconds = median_seconds(lambda: batch_reclassify_players(on=population.on), times=_REPETITIONS)
    return Line(
        work="segmentation, nothing changed",
        seconds=seconds,
        rate=per_second(population.players, seconds=seconds, unit="players"),
        limit=Yardstick(name="one counting scan of the same expression", seconds=scan, times=3),
    )


def _counting_scan_seconds() -> float:
    """Count the players of one segment, by the expression that decides segments."""
    segment, parameters = compile_expression(segment_expression(get_segment_thresholds()), model=PlayerMetrics)

    def count() -> None:
        with database.connect() as connection:
            connection.execute(f"SELECT count(*) FROM player_metrics WHERE {segment} = 'VIP'".encode(), parameters)

    return median_seconds(count, times=_REPETITIONS)


def _misplace_everybody() -> None:
    segment, parameters = compile_expression(segment_expression(get_segment_thresholds()), model=PlayerMetrics)
    with database.connect() as connection:
        connection.execute(
            f"UPDATE players p SET segment = CASE WHEN {segment} = 'VIP' THEN 'NEW' ELSE 'VIP' END "
            "FROM player_metrics WHERE player_metrics.player_id = p.player_id".encode(),
            parameters,
        )
    database.execute("VACUUM (ANALYZE) players")
