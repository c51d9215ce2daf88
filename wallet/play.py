"""Loyalty points from play: daily rows say what is due, the night posts what is not posted yet.

Two ways lead to what is due. Stakes that a feed reports are accrued by category as they come: `wallet/accrual.py`. Days
spread from files are estimated, and the night accrues them: `wagered_accrued` tells what is new of their turnover. Of a
reported day that column tells nothing, so the night accrues none: it would pay what the feed accrued a second time.

A correction may leave less due than was posted: the difference is taken back from what is left of the player's points
from play, and what they have spent stays owed until points from play are there again.
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
# What is left of a player's points from play.
_HELD_SQL = """l.currency_type = 'LP' AND l.kind = 'PLAY' AND l.status = 'ACTIVE' AND l.remaining > 0
              AND coalesce(l.expires_at > %s, true)"""
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
    UNION ALL
    SELECT o.player_id, -least(o.points, h.points), -least(o.points, h.points) FROM (
        SELECT d.player_id, sum(d.lp_posted - d.lp_due) AS points FROM player_days d
        WHERE d.is_lp_excessive GROUP BY d.player_id
    ) o CROSS JOIN LATERAL (
        SELECT sum(l.remaining) AS points FROM wallet_lots l WHERE l.player_id = o.player_id AND {_HELD_SQL}
    ) h WHERE h.points > 0
"""
_LOCK_SQL = """
    SELECT count(*) FROM (
        SELECT 1 FROM players WHERE player_id IN (
            SELECT d.player_id FROM player_days d WHERE d.is_lp_open AND {days_in_range}
            UNION ALL
            SELECT d.player_id FROM player_days d WHERE d.is_turnover_open AND {days_in_range}
            UNION ALL
            SELECT d.player_id FROM player_days d WHERE d.is_lp_excessive AND {days_in_range}
            UNION ALL
            SELECT m.player_id FROM player_metrics m
            WHERE m.opening_lp > 0 AND m.opening_lp_settled_at IS NULL AND {metrics_in_range}
        ) ORDER BY player_id FOR NO KEY UPDATE
    ) locked
"""
_DAY_POSTING = posting_row(
    operation_key="'play:' || d.player_id || ':' || d.on || ':' || d.lp_due || d.after_taking",
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
_TAKING_POSTING = posting_row(
    operation_key="'play:' || t.player_id || ':' || t.on || ':taken:' || t.lp_taken_back",
    operation_kind="'LP_FROM_PLAY_TAKEN_BACK'",
    input_hash="sha256(convert_to(t.player_id || ':' || t.on || ':taken:' || t.lp_taken_back, 'UTF8'))",
    account_key="t.player_id",
    purpose="'REVERSAL'",
    transaction_type="'REVERSAL'",
    currency_type="'LP'",
    amount="-t.points",
    lot_id="t.lot_id",
    description="'Points from play taken back: stakes were corrected'",
    reference_id="t.on::text",
)
# Days and lots of a player lie side by side, each from the sum before it to its own: where two overlap, the lot pays
# for the day. The key carries what was taken before, which only grows.
_TAKE_BACK_SQL = f"""
    WITH owed AS MATERIALIZED (
        SELECT d.player_id, d.on, d.lp_taken_back, d.lp_posted - d.lp_due AS points,
               sum(d.lp_posted - d.lp_due) OVER (PARTITION BY d.player_id ORDER BY d.on) AS up_to
        FROM player_days d WHERE d.is_lp_excessive AND {{in_range}}
    ),
    held AS MATERIALIZED (
        SELECT l.player_id, l.id AS lot_id, l.remaining AS points,
               sum(l.remaining) OVER (PARTITION BY l.player_id ORDER BY l.expires_at NULLS LAST, l.id) AS up_to
        FROM wallet_lots l
        WHERE l.player_id = ANY (ARRAY(SELECT DISTINCT o.player_id FROM owed o)) AND {_HELD_SQL}
    ),
    taken AS (
        SELECT o.player_id, o.on, o.lp_taken_back, h.lot_id,
               least(o.up_to, h.up_to) - greatest(o.up_to - o.points, h.up_to - h.points) AS points
        FROM owed o JOIN held h
            ON h.player_id = o.player_id AND h.up_to - h.points < o.up_to AND o.up_to - o.points < h.up_to
    ),
    posted AS MATERIALIZED (
        SELECT n.account_key AS player_id, n.reference_id::date AS on, -sum(n.amount) AS points
        FROM wallet_post(
            (SELECT array_agg({_TAKING_POSTING} ORDER BY t.player_id, t.on, t.lot_id) FROM taken t),
            %s, %s, %s) n
        WHERE n.outcome = 'POSTED' GROUP BY 1, 2
    )
    UPDATE player_days d
    SET lp_posted = d.lp_posted - p.points, lp_taken_back = d.lp_taken_back + p.points
    FROM posted p WHERE d.player_id = p.player_id AND d.on = p.on
"""
# One entry per player and day; the key carries the total due, so that a later rise posts only the difference, and what
# was taken back, so that what is due again is posted again. Points
# that end on one day share a lot. So do those without a day, and after inactivity took them the next ones share anew.
_POST_DAYS_SQL = """
    WITH due AS MATERIALIZED (
        SELECT e.*, coalesce(to_char(e.expires_at, 'YYYY-MM-DD'), 'never' || (
                   SELECT nullif(':' || count(*), ':0') FROM wallet_lots l
                   WHERE l.player_id = e.player_id AND l.currency_type = 'LP' AND l.share_key LIKE 'play:never%%'
                     AND l.status NOT IN ('PENDING', 'ACTIVE')
               ), 'never') AS shared_until
        FROM (
            SELECT d.player_id, d.on, d.lp_due, d.lp_due - d.lp_posted - d.lp_refused AS points, {expiry} AS expires_at,
                   CASE WHEN d.lp_taken_back > 0 THEN ':' || d.lp_taken_back ELSE '' END AS after_taking
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

    First what is posted and not due any more is taken back, as far as points from play are left.

    Days end in `business_zone`. A restricted player's points are refused with evidence and not tried again.
    """
    days_in_range, days_params = keys.condition("d.player_id")
    metrics_in_range, metrics_params = keys.condition("m.player_id")
    # Players before their days, as everywhere: who holds a day and waits for its player could wait for ever.
    lock_sql = _LOCK_SQL.format(days_in_range=days_in_range, metrics_in_range=metrics_in_range)
    if not fetch_rows(lock_sql, [*days_params, *days_params, *days_params, *metrics_params])[0][0]:
        return {"days": 0, "openings": 0}
    taken = run_statement(_TAKE_BACK_SQL.format(in_range=days_in_range), [*days_params, at, at, actor, run_id])
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
    return {"days": days, "openings": openings, **({"days taken back": taken} if taken else {})}


def due_points_sql(*, at: datetime, business_zone: str) -> Sql:
    """Return a relation of what posting at a time would credit: player_id, points earned, and how many of them stay.

    Points of a day so long ago that they expire by then do not stay; what would be taken back is below zero. A player
    may be in it more than once.
    """
    expiry, expiry_params = points_expiry(currency=CurrencyType.LP, earned_on="d.on", business_zone=business_zone)
    return _DUE_SQL.format(expiry=expiry), [at, *expiry_params, at, at, at]


def flush_points(*, player_id: str, at: datetime) -> Counts:
    """Post what is due to one player now, through the night's statements; return the counts.

    Raises NotFoundError.
    """
    if not Player.objects.filter(player_id=player_id).exists():
        raise NotFoundError(f"there is no player {player_id!r}", player_id=player_id)
    # No key lies between this one and itself with the lowest storable character behind it.
    only = KeyRange.holding(player_id)
    return post_points_from_play(
        at=at, business_zone=timezone.get_default_timezone_name(), keys=only, actor="live flush"
    )
