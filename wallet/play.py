"""Loyalty points from play: daily rows say what is due, the night posts what is not posted yet.

Two ways lead to what is due. Stakes that a feed reports are accrued by category as they come: `wallet/accrual.py`. Days
spread from files are estimated, and the night accrues them: `wagered_accrued` tells what is new of their turnover. Of a
reported day that column tells nothing, so the night accrues none: it would pay what the feed accrued a second time.
"""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from django.db import transaction
from django.utils import timezone

from core.errors import NotFoundError
from core.expressions import Sql, fetch_rows, run_statement
from core.runs import ALL_KEYS, Counts, KeyRange
from players.earning import LP_MULTIPLIER_SQL
from players.models import Player
from wallet.models import CurrencyType
from wallet.points_expiry import points_expiry
from wallet.postings import posting_row

# What a unit of turnover earns each player on days spread from files.
_RATES_SQL = f"""(
        SELECT p.player_id,
               c.lp_per_unit_staked * {LP_MULTIPLIER_SQL} AS points_per_unit
        FROM players p LEFT JOIN tiers t ON t.tier_level = p.tier JOIN game_categories c ON c.code = 'other'
    )"""
_NEWLY_DUE_SQL = "round((d.wagered - d.wagered_accrued) * r.points_per_unit, 2)"
_IS_NEWLY_DUE_SQL = "d.is_turnover_open"
_ACCRUE_SQL = f"""
    UPDATE player_days d SET lp_due = d.lp_due + {_NEWLY_DUE_SQL}, wagered_accrued = d.wagered
    FROM {_RATES_SQL} r
    WHERE r.player_id = d.player_id AND {_IS_NEWLY_DUE_SQL} AND {{in_range}}
"""
# Of a player who is refused such credits at a time nothing is due; by the rule that the posting core goes by.
_REFUSED_SQL = "EXISTS (SELECT FROM refused_players('{purpose}', %s) x WHERE x.player_id = {player})"
_DUE_SQL = f"""
    SELECT e.player_id, e.points, CASE WHEN e.expires_at <= %s THEN 0 ELSE e.points END AS kept
    FROM (
        SELECT d.player_id, {{expiry}} AS expires_at,
               d.lp_due - d.lp_posted - d.lp_refused
                   + CASE WHEN {_IS_NEWLY_DUE_SQL} THEN {_NEWLY_DUE_SQL} ELSE 0 END AS points
        FROM player_days d JOIN {_RATES_SQL} r ON r.player_id = d.player_id
        WHERE (d.is_lp_open OR {_IS_NEWLY_DUE_SQL})
          AND NOT {_REFUSED_SQL.format(purpose="EARNED", player="d.player_id")}
    ) e WHERE e.points > 0
    UNION ALL
    SELECT m.player_id, m.opening_lp, m.opening_lp FROM player_metrics m
    WHERE m.opening_lp > 0 AND m.opening_lp_settled_at IS NULL
      AND NOT {_REFUSED_SQL.format(purpose="OPENING", player="m.player_id")}
"""
_LOCK_SQL = """
    SELECT count(*) FROM (
        SELECT 1 FROM players WHERE player_id IN (
            SELECT d.player_id FROM player_days d WHERE d.is_lp_open AND {days_in_range}
            UNION ALL
            SELECT d.player_id FROM player_days d WHERE d.is_turnover_open AND {days_in_range}
            UNION ALL
            SELECT m.player_id FROM player_metrics m
            WHERE m.opening_lp > 0 AND m.opening_lp_settled_at IS NULL AND {metrics_in_range}
        ) ORDER BY player_id FOR NO KEY UPDATE
    ) locked
"""
_DAY_POSTING = posting_row(
    operation_key="'play:' || d.player_id || ':' || d.on || ':' || d.lp_due",
    operation_kind="'LP_FROM_PLAY'",
    input_hash="sha256(convert_to(d.player_id || ':' || d.on || ':' || d.lp_due, 'UTF8'))",
    account_key="d.player_id",
    purpose="'EARNED'",
    transaction_type="'LP_EARNED'",
    currency_type="'LP'",
    amount="d.points",
    lot_kind="'PLAY'",
    share_key="'play:' || d.shared_until",
    granted_on="d.on",
    expires_at="d.expires_at",
    description="'Points from play'",
    reference_id="d.on::text",
)
_OPENING_POSTING = posting_row(
    operation_key="'opening:' || m.player_id",
    operation_kind="'OPENING_POINTS'",
    input_hash="sha256(convert_to('opening:' || m.player_id, 'UTF8'))",
    account_key="m.player_id",
    purpose="'OPENING'",
    transaction_type="'OPENING'",
    currency_type="'LP'",
    amount="m.opening_lp",
    lot_kind="'OPENING'",
    granted_on="%s::date",
    description="'Carried over from an earlier programme'",
)
# One entry per player and day; the key carries the total due, so that a later rise posts only the difference. Points
# that end on one day share a lot. So do those without a day, and after inactivity took them the next ones share anew.
_POST_DAYS_SQL = """
    WITH due AS MATERIALIZED (
        SELECT e.*, coalesce(to_char(e.expires_at, 'YYYY-MM-DD'), 'never' || (
                   SELECT nullif(':' || count(*), ':0') FROM wallet_lots l
                   WHERE l.player_id = e.player_id AND l.currency_type = 'LP' AND l.share_key LIKE 'play:never%%'
                     AND l.status NOT IN ('PENDING', 'ACTIVE')
               ), 'never') AS shared_until
        FROM (
            SELECT d.player_id, d.on, d.lp_due, d.lp_due - d.lp_posted - d.lp_refused AS points, {expiry} AS expires_at
            FROM player_days d WHERE d.is_lp_open AND {in_range}
        ) e
    ),
    posted AS MATERIALIZED (
        SELECT n.account_key AS player_id, n.reference_id::date AS on, n.amount AS points, n.outcome
        FROM wallet_post(
            (SELECT array_agg({posting} ORDER BY d.player_id, d.on) FROM due d),
            %s, %s, %s) n
    )
    UPDATE player_days d
    SET lp_posted = d.lp_posted + CASE p.outcome WHEN 'REFUSED' THEN 0 ELSE p.points END,
        lp_refused = d.lp_refused + CASE p.outcome WHEN 'REFUSED' THEN p.points ELSE 0 END
    FROM posted p WHERE d.player_id = p.player_id AND d.on = p.on
"""
_POST_OPENINGS_SQL = """
    WITH posted AS MATERIALIZED (
        SELECT n.account_key AS player_id
        FROM wallet_post(
            (SELECT array_agg({posting} ORDER BY m.player_id)
             FROM player_metrics m WHERE m.opening_lp > 0 AND m.opening_lp_settled_at IS NULL AND {in_range}),
            %s, %s, %s) n
    )
    UPDATE player_metrics m SET opening_lp_settled_at = %s FROM posted p WHERE m.player_id = p.player_id
"""


@transaction.atomic
def post_points_from_play(
    *, at: datetime, business_zone: str, keys: KeyRange = ALL_KEYS, run_id: int | None = None, actor: str = "night"
) -> Counts:
    """Accrue points for days spread from files, then post every point due and not posted; return the counts.

    Days end in `business_zone`. A restricted player's points are refused with evidence and not tried again.
    """
    days_in_range, days_params = keys.condition("d.player_id")
    metrics_in_range, metrics_params = keys.condition("m.player_id")
    # Players before their days, as everywhere: who holds a day and waits for its player could wait for ever.
    lock_sql = _LOCK_SQL.format(days_in_range=days_in_range, metrics_in_range=metrics_in_range)
    if not fetch_rows(lock_sql, [*days_params, *days_params, *metrics_params])[0][0]:
        return {"days": 0, "openings": 0}
    run_statement(_ACCRUE_SQL.format(in_range=days_in_range), days_params)
    expiry, expiry_params = points_expiry(currency=CurrencyType.LP, earned_on="d.on", business_zone=business_zone)
    days = run_statement(
        _POST_DAYS_SQL.format(expiry=expiry, in_range=days_in_range, posting=_DAY_POSTING),
        [*expiry_params, *days_params, at, actor, run_id],
    )
    on = at.astimezone(ZoneInfo(business_zone)).date()
    openings = run_statement(
        _POST_OPENINGS_SQL.format(in_range=metrics_in_range, posting=_OPENING_POSTING),
        [on, *metrics_params, at, actor, run_id, at],
    )
    return {"days": days, "openings": openings}


def due_points_sql(*, at: datetime, business_zone: str) -> Sql:
    """Return a relation of what posting at a time would credit: player_id, points earned, and how many of them stay.

    Points of a day so long ago that they expire by then do not stay. A player may be in it more than once.
    """
    expiry, expiry_params = points_expiry(currency=CurrencyType.LP, earned_on="d.on", business_zone=business_zone)
    return _DUE_SQL.format(expiry=expiry), [at, *expiry_params, at, at]


def flush_points(*, player_id: str, at: datetime) -> Counts:
    """Post what is due to one player now, through the night's statements; return the counts.

    Raises NotFoundError.
    """
    if not Player.objects.filter(player_id=player_id).exists():
        raise NotFoundError(f"there is no player {player_id!r}", player_id=player_id)
    # No key lies between this one and itself with the lowest storable character behind it.
    only = KeyRange(lower=player_id, upper=player_id + "\x01")
    return post_points_from_play(
        at=at, business_zone=timezone.get_default_timezone_name(), keys=only, actor="live flush"
    )
