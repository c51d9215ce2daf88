"""Control groups: what players who were treated bring more than those who were held out, with the doubt that leaves.

Both groups of a rule are the players whom it matched since its experiment began, told apart by the draw and not by what
they were given; players of the global group are in neither. Both groups of the global one are all active players.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.utils import timezone

from core.expressions import Sql, fetch_rows
from core.models import PolicyValue
from core.money import round_to_cent
from reporting.models import ControlGroupResult
from reporting.periods import end_of_day, start_of_day
from rewards.holdout import held_out_of_rule_sql
from rewards.models import RewardRule, RewardRuleVersion, RuleStatus
from safety.control_groups import GLOBAL, GlobalHoldout, global_holdout
from safety.models import Contamination, UnitValue

MEASURES = ("wagered", "ggr", "ngr")
# Of the normal distribution: 95 of 100 intervals so wide hold the true difference.
Z_OF_95_PERCENT = Decimal("1.959964")
_HOLDOUT_POLICIES = ("GLOBAL_HOLDOUT_PERCENT", "GLOBAL_HOLDOUT_SALT")
_DRAFTS = (RuleStatus.DRAFT, RuleStatus.PENDING_APPROVAL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Experiment:
    """A control group in force: the global one, or that of a rule."""

    key: str
    percent: Decimal
    since: date
    rule: RewardRule | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Arm:
    """One side of an experiment: how many players, and of each measure the mean and the variance per player."""

    players: int
    means: dict[str, Decimal]
    variances: dict[str, Decimal | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Uplift:
    """How much more a treated player brings than one held out, in money, and the 95 % interval around it."""

    difference: Decimal
    low: Decimal
    high: Decimal


def experiments(*, today: date) -> list[Experiment]:
    """Return the control groups in force: the global one first, then those of rules by id."""
    rules = RewardRule.objects.filter(holdout_percent__gt=0).exclude(status__in=_DRAFTS).order_by("rule_id")
    own = [_of_rule(rule, today=today) for rule in rules]
    holdout = global_holdout()
    return [_of_all(holdout, today=today), *own] if holdout.percent else own


def measure_control_groups(*, until: date, at: datetime) -> list[ControlGroupResult]:
    """Measure every experiment that began by the business date `until`, and store what it brought."""
    found = [one for one in experiments(today=until) if one.since <= until]
    with transaction.atomic():
        return [_measure(one, until=until, at=at) for one in found]


def uplift_of(treated: Arm, held_out: Arm, *, measure: str) -> Uplift | None:
    """Return the difference of the means of two groups with its interval by the normal approximation.

    The variances of the groups are not assumed equal. None where a group has less than two players.
    """
    treated_variance, held_out_variance = treated.variances[measure], held_out.variances[measure]
    if treated_variance is None or held_out_variance is None:
        return None
    difference = treated.means[measure] - held_out.means[measure]
    error = (treated_variance / treated.players + held_out_variance / held_out.players).sqrt()
    return Uplift(
        difference=round_to_cent(difference),
        low=round_to_cent(difference - Z_OF_95_PERCENT * error),
        high=round_to_cent(difference + Z_OF_95_PERCENT * error),
    )


def _of_all(holdout: GlobalHoldout, *, today: date) -> Experiment:
    """Return the global experiment; it began when staff last changed it, or when it was first measured."""
    key = f"{GLOBAL} {holdout.salt}"
    saved = PolicyValue.objects.filter(name__in=_HOLDOUT_POLICIES).order_by("-saved_at").first()
    known = ControlGroupResult.objects.filter(key=key, percent=holdout.percent).first()
    since = timezone.localdate(saved.saved_at) if saved else known.since if known else today
    return Experiment(key=key, percent=holdout.percent, since=since)


def _of_rule(rule: RewardRule, *, today: date) -> Experiment:
    """Return the experiment of a rule; it began with the first of its latest versions that hold out this share."""
    versions = RewardRuleVersion.objects.filter(rule=rule).order_by("-version")
    since = today
    for percent, saved_at in versions.values_list("content__holdout_percent", "saved_at"):
        if Decimal(percent or 0) != rule.holdout_percent:
            break
        since = timezone.localdate(saved_at)
    return Experiment(key=f"RULE {rule.pk}", percent=rule.holdout_percent, since=since, rule=rule)


def _measure(experiment: Experiment, *, until: date, at: datetime) -> ControlGroupResult:
    arms = _arms(experiment, until=until)
    treated, held_out = arms[False], arms[True]
    result, _ = ControlGroupResult.objects.update_or_create(
        key=experiment.key,
        defaults={
            "rule": experiment.rule,
            "percent": experiment.percent,
            "since": experiment.since,
            "until": until,
            "figures": {
                "treated": treated.players,
                "held_out": held_out.players,
                "measures": {name: _figures(treated, held_out, measure=name) for name in MEASURES},
            },
            "contaminated": None if experiment.rule else _contaminated(since=experiment.since, until=until),
            "measured_at": at,
        },
    )
    return result


def _figures(treated: Arm, held_out: Arm, *, measure: str) -> dict[str, str | None]:
    uplift = uplift_of(treated, held_out, measure=measure)
    return {
        "treated": str(round_to_cent(treated.means[measure])),
        "held_out": str(round_to_cent(held_out.means[measure])),
        "difference": str(uplift.difference) if uplift else None,
        "low": str(uplift.low) if uplift else None,
        "high": str(uplift.high) if uplift else None,
    }


def _contaminated(*, since: date, until: date) -> int:
    rows = Contamination.objects.filter(salt=global_holdout().salt, credited_on__gte=since, credited_on__lte=until)
    return rows.values("player").distinct().count()


def _arms(experiment: Experiment, *, until: date) -> dict[bool, Arm]:
    """Return both groups, by whether they are held out; an empty one has means of 0 and no variance."""
    cohort, cohort_params = _cohort(experiment, until=until)
    costs, costs_params = _costs(since=experiment.since, until=until)
    days = [experiment.since, until]
    columns = ", ".join(f"avg(f.{name}), var_samp(f.{name})" for name in MEASURES)
    rows = fetch_rows(
        f"""
        WITH cohort AS MATERIALIZED ({cohort}),
        play AS (
            SELECT d.player_id, sum(d.wagered) AS wagered, sum(d.wagered - d.won) AS ggr FROM player_days d
            WHERE d.on BETWEEN %s AND %s GROUP BY d.player_id
        ),
        cost AS ({costs}),
        f AS (
            SELECT c.is_held_out, coalesce(p.wagered, 0) AS wagered, coalesce(p.ggr, 0) AS ggr,
                   coalesce(p.ggr, 0) - coalesce(k.cost, 0) AS ngr
            FROM cohort c LEFT JOIN play p ON p.player_id = c.player_id LEFT JOIN cost k ON k.player_id = c.player_id
        )
        SELECT f.is_held_out, count(*), {columns} FROM f GROUP BY f.is_held_out
        """,
        [*cohort_params, *days, *costs_params],
    )
    arms = {is_held_out: _arm(players, figures) for is_held_out, players, *figures in rows}
    nobody = Arm(players=0, means=dict.fromkeys(MEASURES, Decimal(0)), variances=dict.fromkeys(MEASURES))
    return {False: nobody, True: nobody} | arms


def _arm(players: int, figures: list[Any]) -> Arm:
    return Arm(
        players=players,
        means=dict(zip(MEASURES, figures[::2], strict=True)),
        variances=dict(zip(MEASURES, figures[1::2], strict=True)),
    )


def _cohort(experiment: Experiment, *, until: date) -> Sql:
    """Return SQL of the experiment's players with whether they are held out."""
    holdout = global_holdout()
    if experiment.rule is None:
        return (
            f"SELECT p.player_id, {holdout.condition('p.player_id')} AS is_held_out FROM players p WHERE p.is_active",
            [],
        )
    held_out = held_out_of_rule_sql(player="m.player_id", rule_number="%s", percent="%s::numeric")
    number, percent = experiment.rule.number, experiment.percent
    sql = f"""
        SELECT m.player_id, {held_out} AS is_held_out FROM (
            SELECT DISTINCT d.player_id FROM reward_decisions d
            WHERE d.rule_number = %s AND d.last_on >= %s AND d.first_on <= %s
        ) m WHERE NOT {holdout.condition("m.player_id")}
    """
    return sql, [percent, number, percent, number, experiment.since, until]


def _costs(*, since: date, until: date) -> Sql:
    """Return SQL of what NGR takes off GGR by player: bonus converted, cash, and points and tickets spent by value.

    What a cancelled order gave back was not spent.
    """
    values = dict(UnitValue.objects.values_list("currency_type", "money_value"))
    spent = ", ".join(f"('{currency}', {values.get(currency, Decimal(1))})" for currency in ("LP", "RP", "TICKETS"))
    sql = f"""
        SELECT x.player_id, sum(x.cost) AS cost FROM (
            SELECT t.player_id, -t.amount * coalesce(u.value, 1) AS cost
            FROM transactions t LEFT JOIN (VALUES {spent}) u (currency, value) ON u.currency = t.currency_type
            WHERE t.created_at >= %s AND t.created_at < %s
              AND (t.transaction_type IN ('BONUS_CONVERTED', 'LP_REDEEMED', 'RP_REDEEMED', 'TICKETS_USED')
                   OR t.transaction_type = 'REVERSAL' AND t.amount > 0 AND t.currency_type IN ('LP', 'RP', 'TICKETS'))
            UNION ALL
            SELECT b.player_id, k.converted FROM wallet_bets b JOIN wallet_bet_stakes k ON k.bet_id = b.id
            WHERE b.closed_at >= %s AND b.closed_at < %s AND k.converted > 0
            UNION ALL
            SELECT g.player_id, g.promotional_value FROM safety_cash_grants g WHERE g.granted_on BETWEEN %s AND %s
        ) x GROUP BY x.player_id
    """
    instants = [start_of_day(since), end_of_day(until)]
    return sql, [*instants, *instants, since, until]
