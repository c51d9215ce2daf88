"""Segments: one expression, evaluated set-based; only rows whose segment changes are touched, each change is kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from django.db.models import Case, CharField, F, Q, Value, When
from django.db.models.functions import Abs
from django.db.models.lookups import LessThan

from core.errors import NotFoundError
from core.expressions import Sql, compile_expression, run_statement
from core.runs import ALL_KEYS, KeyRange
from players import policies
from players.models import PlayerMetrics, PlayerSegment


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentThresholds:
    """The numbers a segment depends on. Amounts in the operator's currency, rates as shares."""

    new_wager: Decimal
    vip_wager: Decimal
    vip_sessions: int
    winning_ratio: Decimal
    breakeven_rate: Decimal


def get_segment_thresholds() -> SegmentThresholds:
    """Return the thresholds that hold now."""
    return SegmentThresholds(
        new_wager=policies.NEW_PLAYER_WAGER_THRESHOLD.value(),
        vip_wager=policies.VIP_WAGER_THRESHOLD.value(),
        vip_sessions=policies.VIP_SESSIONS_THRESHOLD.value(),
        winning_ratio=policies.WINNING_RATIO_THRESHOLD.value(),
        breakeven_rate=policies.BREAKEVEN_RATE.value(),
    )


def segment_expression(thresholds: SegmentThresholds) -> Case:
    """Return the segment of a row of measures; the first condition that holds decides.

    Compares won with wagered × ratio instead of the rounded quotient, so that 1.10001 is above 1.1.
    """
    return Case(
        When(total_wagered__lt=thresholds.new_wager, then=Value(PlayerSegment.NEW)),
        When(
            total_wagered__gt=thresholds.vip_wager,
            total_sessions__gt=thresholds.vip_sessions,
            then=Value(PlayerSegment.VIP),
        ),
        When(
            Q(net_pnl__gt=0) & Q(total_won__gt=F("total_wagered") * thresholds.winning_ratio),
            then=Value(PlayerSegment.WINNING),
        ),
        When(
            Q(_below(thresholds.breakeven_rate)),
            then=Value(PlayerSegment.BREAKEVEN),
        ),
        default=Value(PlayerSegment.LOSING),
        output_field=CharField(),
    )


def _below(rate: Decimal) -> LessThan:
    return LessThan(Abs(F("net_pnl")), F("total_wagered") * rate)


def batch_reclassify_players(
    *,
    on: date,
    keys: KeyRange = ALL_KEYS,
    player_ids: Sequence[str] | None = None,
    run_id: int | None = None,
) -> int:
    """Bring the segments of a range of players up to their metrics; return how many changed."""
    changed, params = changed_segments_sql(on=on, keys=keys, player_ids=player_ids)
    sql = f"""
        WITH changed AS MATERIALIZED ({changed}),
        updated AS (
            -- Whoever comes second finds the segment no longer as it was seen, and writes no second history row.
            UPDATE players p SET segment = c.segment_after, updated_at = now()
            FROM changed c WHERE p.player_id = c.player_id AND p.segment = c.segment_before
            RETURNING p.player_id, c.segment_before, c.segment_after
        )
        INSERT INTO player_segment_changes (player_id, segment_before, segment_after, "on", run_id)
        SELECT player_id, segment_before, segment_after, %s, %s FROM updated
    """
    return run_statement(sql, [*params, on, run_id])


def changed_segments_sql(*, on: date, keys: KeyRange = ALL_KEYS, player_ids: Sequence[str] | None = None) -> Sql:
    """Return a query of the players whose stored segment is not what their measures say."""
    segment, segment_params = compile_expression(segment_expression(get_segment_thresholds()), model=PlayerMetrics)
    measures, measure_params = _measures_sql(on, keys)
    in_range, range_params = keys.condition("p.player_id")
    measures_in_range, _ = keys.condition("player_metrics.player_id")
    named, named_params = ("", []) if player_ids is None else ("AND p.player_id = ANY (%s)", [list(player_ids)])
    sql = f"""
        SELECT p.player_id, p.segment AS segment_before, {segment} AS segment_after
        FROM players p JOIN {measures} player_metrics ON player_metrics.player_id = p.player_id
        WHERE {in_range} AND {measures_in_range} {named} AND p.segment <> {segment}
    """
    return sql, [*segment_params, *measure_params, *range_params, *range_params, *named_params, *segment_params]


def _measures_sql(on: date, keys: KeyRange) -> Sql:
    """Return the relation the segment expression reads: lifetime totals, or the sums of the policy's window.

    Where the daily rows do not cover the window yet, the lifetime totals stand: a window that is unknown is not small.
    """
    days = policies.SEGMENT_BASIS_DAYS.value()
    if not days:
        return "player_metrics", []
    first = on - timedelta(days=days - 1)
    days_in_range, days_params = keys.condition("d.player_id")
    metrics_in_range, metrics_params = keys.condition("m.player_id")
    compared_with = "deposited" if policies.NET_PNL_BASIS.value() == "DEPOSITED" else "wagered"
    columns = ", ".join(_WINDOWED.format(total=total, day=day) for total, day in _WINDOW_MEASURES.items())
    sql = f"""(
        SELECT m.player_id, {columns}
        FROM player_metrics m LEFT JOIN (
            SELECT d.player_id, sum(d.wagered) AS wagered, sum(d.won) AS won, sum(d.sessions) AS sessions,
                   sum(d.won - d.{compared_with}) AS result
            FROM player_days d WHERE d.on BETWEEN %s AND %s AND {days_in_range} GROUP BY d.player_id
        ) d ON d.player_id = m.player_id
        WHERE {metrics_in_range})"""
    covered = [first] * len(_WINDOW_MEASURES)
    return sql, [*covered, first, on, *days_params, *metrics_params]


_WINDOW_MEASURES = {"total_wagered": "wagered", "total_won": "won", "total_sessions": "sessions", "net_pnl": "result"}
_WINDOWED = "CASE WHEN m.days_from <= %s THEN coalesce(d.{day}, 0) ELSE m.{total} END AS {total}"


def classify_player(*, player_id: str, on: date) -> str:
    """Reclassify one player with the night's statement and return the segment. Raises NotFoundError."""
    batch_reclassify_players(on=on, player_ids=[player_id])
    segment = PlayerMetrics.objects.filter(player_id=player_id).values_list("player__segment", flat=True).first()
    if segment is None:
        raise NotFoundError(f"there is no player {player_id!r} with metrics", player_id=player_id)
    return segment
