"""The abuse score, what follows from it, and the risk score it is part of."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.db.models import Case, DecimalField, F, FloatField, IntegerField, QuerySet, Sum, Value, When
from django.db.models.expressions import Combinable, RawSQL
from django.db.models.functions import Cast, Greatest, Least, Power, Round
from django.db.models.lookups import Exact
from django.utils import timezone

from core.errors import NotFoundError
from core.expressions import Sql, compile_queryset, fetch_rows, run_statement
from core.runs import ALL_KEYS, KeyRange, Keys
from players.models import Player
from players.policies import RISK_WIN_RATIO_POINTS, RISK_WIN_RATIO_THRESHOLD
from safety import policies
from safety.models import AbuseSignal

SCORE_MAX = 100
_FACTOR = DecimalField(max_digits=6, decimal_places=2)


def abuse_scores(*, at: datetime, keys: Keys = ALL_KEYS) -> QuerySet[Any, Any]:
    """Return (player_id, score) of open signals, none in shadow: min(100, Σ points × severity × 0.5^(age ÷ half-life)).

    The weights are shares, not money, so the power is taken in floating point; the score is rounded half up to whole
    points.
    """
    age_days = Greatest(
        RawSQL("extract(epoch FROM %s::timestamptz - abuse_signals.detected_at) / 86400.0", [at]),
        Value(0.0),
        output_field=FloatField(),
    )
    weight = Power(Value(0.5), age_days / float(policies.ABUSE_HALF_LIFE_DAYS.value()), output_field=FloatField())
    points = Value(float(policies.ABUSE_POINTS_PER_SEVERITY.value())) * Cast("severity", FloatField()) * weight
    # round() of a floating-point number takes halves to the even side, and a sum may be larger than an integer.
    exact = Cast(Least(Sum(points), Value(float(SCORE_MAX))), DecimalField(max_digits=12, decimal_places=6))
    score = Cast(Round(exact), IntegerField())
    return (
        AbuseSignal.objects.filter(is_resolved=False, is_shadow=False, **keys.filters("player_id"))
        .order_by()
        .values("player_id")
        .annotate(score=score)
    )


def calculate_abuse_score(player_id: str, *, at: datetime | None = None) -> int:
    """Return one player's abuse score, 0–100, from the unresolved signals as of `at`."""
    scores = abuse_scores(at=at or timezone.now()).filter(player_id=player_id)
    return sum(int(row["score"]) for row in scores)


def amount_multiplier(*, has_requirement: Combinable) -> Combinable:
    """Return what the abuse score leaves of a reward: all of it, a share in the first band, nothing from review on.

    In the second band the wagering requirement rises; a reward that has none is cut instead.
    """
    instead = Case(
        When(Exact(has_requirement, Value(True)), then=Value(Decimal(1))),  # noqa: FBT003  a value of SQL
        default=Value(policies.ABUSE_WAGERING_INSTEAD_RATE.value()),
        output_field=_FACTOR,
    )
    return Case(
        When(bonus_abuse_score__gte=policies.ABUSE_REVIEW_FROM.value(), then=Value(Decimal(0))),
        When(bonus_abuse_score__gte=policies.ABUSE_WAGERING_FROM.value(), then=instead),
        When(
            bonus_abuse_score__gte=policies.ABUSE_REDUCE_FROM.value(),
            then=Value(policies.ABUSE_REDUCED_RATE.value()),
        ),
        default=Value(Decimal(1)),
        output_field=_FACTOR,
    )


def wagering_multiplier() -> Combinable:
    """Return by how much the abuse score raises a wagering requirement, whether or not a reward has one."""
    return Case(
        When(
            bonus_abuse_score__gte=policies.ABUSE_WAGERING_FROM.value(),
            bonus_abuse_score__lt=policies.ABUSE_REVIEW_FROM.value(),
            then=Value(policies.ABUSE_WAGERING_MULTIPLIER.value()),
        ),
        default=Value(Decimal(1)),
        output_field=_FACTOR,
    )


def apply_abuse_penalty(player_id: str, *, has_requirement: bool = True) -> Decimal:
    """Return the multiplier, 0–1, that the player's stored abuse score puts on reward amounts.

    `has_requirement` says whether the reward must be wagered. Raises NotFoundError.
    """
    row = (
        Player.objects.filter(player_id=player_id)
        .annotate(bonus_abuse_score=F("metrics__bonus_abuse_score"))
        .annotate(multiplier=amount_multiplier(has_requirement=Value(has_requirement)))
        .values_list("multiplier", flat=True)
        .first()
    )
    if row is None:
        raise NotFoundError(f"there is no player {player_id!r}", player_id=player_id)
    return Decimal(row)


def calculate_risk_score(*, player_id: str, at: datetime | None = None) -> int:
    """Return one player's risk score, 0–100: the abuse score as of `at` plus configured points.

    Raises NotFoundError.
    """
    scored, params = _scored_sql(at=at or timezone.now(), keys=KeyRange.holding(player_id))
    rows = fetch_rows(f"SELECT risk_after FROM ({scored}) scored", params)
    if not rows:
        raise NotFoundError(f"there is no player {player_id!r} with metrics", player_id=player_id)
    return int(rows[0][0])


def score_players(*, on: date, at: datetime, keys: Keys = ALL_KEYS, run_id: int | None = None) -> int:
    """Store the scores of a range of players, or some by name, where they changed, with history; return the changes."""
    scored, params = _scored_sql(at=at, keys=keys)
    return run_statement(_SCORE_SQL.format(scored=scored), [*params, on, run_id])


def _scored_sql(*, at: datetime, keys: Keys) -> Sql:
    """Return a query of the stored scores and of what they should be."""
    scores, score_params = compile_queryset(abuse_scores(at=at, keys=keys))
    in_range, range_params = keys.condition("m.player_id")
    players_in_range, _ = keys.condition("p.player_id")
    # Won is compared with wagered × threshold: the stored ratio is rounded.
    sql = f"""
        SELECT m.player_id, p.risk_score AS risk_before, m.bonus_abuse_score AS abuse_before,
               coalesce(s.score, 0) AS abuse_after,
               least(%s, coalesce(s.score, 0)
                   + CASE WHEN m.total_wagered > 0 AND m.total_won > m.total_wagered * %s THEN %s ELSE 0 END
               ) AS risk_after
        FROM player_metrics m JOIN players p ON p.player_id = m.player_id
        LEFT JOIN ({scores}) s ON s.player_id = m.player_id
        WHERE {in_range} AND {players_in_range}
    """
    added = [SCORE_MAX, RISK_WIN_RATIO_THRESHOLD.value(), RISK_WIN_RATIO_POINTS.value()]
    return sql, [*added, *score_params, *range_params, *range_params]


# One statement for both scores and their history; players whose scores stand are not touched. Whoever comes second
# finds a score no longer as it was seen, and writes no second history row.
_SCORE_SQL = """
    WITH scored AS ({scored}),
    changed AS MATERIALIZED (
        SELECT * FROM scored WHERE risk_before <> risk_after OR abuse_before <> abuse_after
    ),
    metrics AS (
        UPDATE player_metrics m SET bonus_abuse_score = c.abuse_after, updated_at = now() FROM changed c
        WHERE m.player_id = c.player_id AND c.abuse_before <> c.abuse_after AND m.bonus_abuse_score = c.abuse_before
        RETURNING m.player_id
    ),
    profiles AS (
        UPDATE players p SET risk_score = c.risk_after, updated_at = now() FROM changed c
        WHERE p.player_id = c.player_id AND c.risk_before <> c.risk_after AND p.risk_score = c.risk_before
        RETURNING p.player_id
    )
    INSERT INTO player_risk_score_changes
        (player_id, risk_score_before, risk_score_after, abuse_score_after, "on", run_id)
    SELECT player_id, risk_before, risk_after, abuse_after, %s, %s FROM changed
    WHERE player_id IN (SELECT player_id FROM metrics UNION SELECT player_id FROM profiles)
"""
