"""The guardrail: a rule that gives RULE_GUARDRAIL_TIMES the cost it was approved with for a date pauses itself.

Settled in one place like a budget, under the lock of the rule's row, before anything is posted: what is beyond it is
never given, however many chunks and live evaluations run at once.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from decimal import Decimal

from django.utils import timezone

from core.expressions import fetch_rows
from core.money import round_to_cent
from rewards.budgets import release_budget, reserve_budget
from rewards.definitions import RuleDefinition
from rewards.models import RewardRule, RuleAct, RuleBudgetDay, RuleStatus
from rewards.occasions import Occasion
from rewards.policies import RULE_GUARDRAIL_TIMES
from rewards.rule_life.events import announce_pause, record_event

# Drawn as for a budget, by a hash of its own: who is cut here is not who is always asked last there.
_CUT_SQL = """
    WITH queue AS (
        SELECT player_id, money_value, sum(money_value) OVER (
            ORDER BY hashtextextended(%s || player_id, 0), player_id) AS used
        FROM rule_allocations WHERE run_id = %s AND rule_number = %s AND amount_given > 0
    ),
    beyond AS (SELECT player_id, money_value FROM queue WHERE used > %s),
    cut AS (
        UPDATE rule_allocations a
        SET verdict = 'REJECTED', reason = 'GUARDRAIL', amount_given = 0, money_value = 0,
            reasons = jsonb_build_array(jsonb_build_object(
                'code', 'GUARDRAIL', 'forecast', %s::numeric, 'limit', %s::numeric))
        FROM beyond b WHERE a.run_id = %s AND a.rule_number = %s AND a.player_id = b.player_id
    )
    SELECT coalesce(sum(money_value), 0), count(*) FROM beyond
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Guardrail:
    """Money value per business date: what was forecast, and where the rule pauses itself."""

    forecast: Decimal
    limit: Decimal


def guardrail_of(rule: RewardRule) -> Guardrail | None:
    """Return a rule's guardrail, or None where it was approved without a forecast."""
    if rule.forecast_cost is None:
        return None
    limit = round_to_cent(rule.forecast_cost * RULE_GUARDRAIL_TIMES.value())
    return Guardrail(forecast=rule.forecast_cost, limit=limit)


def guarded_rules(numbers: Sequence[int]) -> set[int]:
    """Return which of the rules have a guardrail, so that what they give is counted by date."""
    guarded = RewardRule.objects.filter(number__in=numbers, forecast_cost__isnull=False)
    return set(guarded.values_list("number", flat=True))


def hold_to_forecasts(
    rules: Sequence[RuleDefinition], *, occasion: Occasion, guarded: Collection[int] | None = None
) -> int:
    """Cut the run's rewards of each rule to what its guardrail leaves, pause the rules that reached it; return cuts.

    `guarded` are the numbers of those that have one, where they are known. Must run inside a transaction, after the
    rules are allocated and their budgets settled.
    """
    if guarded is None:
        guarded = guarded_rules([rule.number for rule in rules])
    return sum(_hold_to_forecast(rule, occasion=occasion) for rule in rules if rule.number in guarded)


def _hold_to_forecast(definition: RuleDefinition, *, occasion: Occasion) -> int:
    rule = RewardRule.objects.select_for_update(no_key=True).get(number=definition.number)
    guardrail = guardrail_of(rule)
    if guardrail is None:
        return 0
    if not definition.limits.has_budget:
        reserve_budget(definition, occasion=occasion)
    reserved = _reserved_by(definition, occasion=occasion)
    if not reserved:
        return 0
    given = RuleBudgetDay.objects.get(rule=rule, on=occasion.on).given_value
    cut_value, cut = Decimal(0), 0
    if given > guardrail.limit:
        left = max(guardrail.limit - (given - reserved), Decimal(0))
        cut_value, cut = _cut(definition, guardrail, left=left, occasion=occasion)
    if given >= guardrail.limit:
        _pause(rule, guardrail, given=given - cut_value, refused=cut_value, occasion=occasion)
    return cut


def _reserved_by(rule: RuleDefinition, *, occasion: Occasion) -> Decimal:
    """Return the money value that the run has allocated of a rule."""
    sql = "SELECT coalesce(sum(money_value), 0) FROM rule_allocations WHERE run_id = %s AND rule_number = %s"
    return Decimal(fetch_rows(f"{sql} AND amount_given > 0", [occasion.run_id, rule.number])[0][0])


def _cut(rule: RuleDefinition, guardrail: Guardrail, *, left: Decimal, occasion: Occasion) -> tuple[Decimal, int]:
    """Refuse what does not fit into what is left; return its money value and how many rewards it was."""
    salt = f"guardrail:{rule.number}:{occasion.on}:"
    of_run = [occasion.run_id, rule.number]
    value, count = fetch_rows(_CUT_SQL, [salt, *of_run, left, guardrail.forecast, guardrail.limit, *of_run])[0]
    release_budget(rule_id=rule.rule_id, on=occasion.on, value=value, count=count)
    return value, count


def _pause(rule: RewardRule, guardrail: Guardrail, *, given: Decimal, refused: Decimal, occasion: Occasion) -> None:
    """Pause the rule by a claim and say so; one that is stopped already stays as it is."""
    active = RewardRule.objects.filter(pk=rule.pk, status=RuleStatus.ACTIVE)
    at = timezone.now()
    if active.update(status=RuleStatus.PAUSED, is_stopped_by_guardrail=True, updated_at=at) != 1:
        return
    rule.refresh_from_db()
    event = record_event(
        rule,
        RuleAct.STOPPED_BY_GUARDRAIL,
        at=at,
        by=None,
        status_before=RuleStatus.ACTIVE,
        reason=f"It reached {guardrail.limit} on {occasion.on}; {guardrail.forecast} was forecast",
        business_date=occasion.on.isoformat(),
        run_id=occasion.run_id,
        forecast_cost=str(guardrail.forecast),
        limit=str(guardrail.limit),
        given=str(given),
        refused=str(refused),
    )
    announce_pause(event)
