"""What the night's judgement and allocation say of one player and rule, figure by figure, nothing stored."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from django.db.models import Q
from django.db.models.expressions import Combinable

from core.expressions import Sql, fetch_rows
from rewards import allocation, judging
from rewards.budgets import BudgetRoom, budget_room
from rewards.conditions import AllOf
from rewards.definitions import RuleDefinition
from rewards.evaluation import match_rules
from rewards.explaining.sources import RunFacts
from rewards.judging import with_stages
from rewards.models import Verdict
from rewards.occasions import Occasion
from rewards.places import places_left
from safety.caps import CAPS
from safety.pools import PoolRoom, tightest_pool_room
from safety.profitability import counted_value, margin_inputs, unit_value

_FIGURES = (
    "amount_computed",
    "amount",
    "given_in_period",
    "last_given_on",
    "restriction",
    "confirmed_case",
    "jurisdiction",
    "jurisdiction_terms",
    "jurisdiction_refusal",
    "vip_refusal",
    "held_wagering_multiplier",
    "bonus_abuse_score",
    "abuse_amount_multiplier",
    "abuse_wagering_multiplier",
    "expected_cost",
    "expected_margin",
    "granted_cost",
    "given_cost_run",
    "given_value_run",
    "cap_room_left",
    "cap_name",
    "cap_source",
    "cost_rate",
    "cost_unknown",
    "margin_unknown",
    "rule_room_left",
    "amount_after_caps",
    "is_held_out",
    *(f"granted_value_{window}" for window in CAPS),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What would be decided about a match. `figures` are by the names of the columns, `margin` what the expected margin
    is the product of, `obstacles` every reason code that stands against it.
    """

    figures: Mapping[str, Any]
    margin: Mapping[str, Decimal | None]
    obstacles: frozenset[str]
    verdict: str
    reason: str
    reasons: tuple[Mapping[str, Any], ...]
    budget: BudgetRoom | None
    places_left: int | None
    pool: PoolRoom | None
    amount_given: Decimal


def match_regardless(definition: RuleDefinition) -> RuleDefinition:
    """Return the rule without its conditions, so that limits and safety can be told of whom it does not match."""
    return replace(definition, conditions=AllOf(()))


def judge_one(definition: RuleDefinition, *, occasion: Occasion, source: RunFacts) -> Judgement:
    """Judge the rule for the one player whose facts the run holds, whether or not its conditions hold.

    Must run in a transaction that is rolled back: the match it needs is written.
    """
    match_rules([match_regardless(definition)], run_id=occasion.run_id)
    margin, obstacles = margin_inputs(), _obstacles()
    sql, params = _judged_sql(definition, occasion=occasion, margin=margin, obstacles=obstacles)
    preamble, preamble_params = source.preamble(definition)
    found = fetch_rows(f"{preamble} {sql}", [*preamble_params, *params])[0]
    figures, found = found[: len(_FIGURES)], found[len(_FIGURES) :]
    factors, stands = found[: len(margin)], found[len(margin) : len(margin) + len(obstacles)]
    verdict, reason, reasons = found[-3:]
    judged = Judgement(
        figures=dict(zip(_FIGURES, figures, strict=True)),
        margin=dict(zip(margin, factors, strict=True)),
        obstacles=frozenset(code for (_, code), is_standing in zip(obstacles, stands, strict=True) if is_standing),
        verdict=verdict,
        reason=reason,
        # As text with its numbers exact; the driver hands JSON over unread.
        reasons=tuple(json.loads(reasons, parse_float=Decimal)),
        budget=budget_room(definition, occasion=occasion),
        places_left=places_left(definition, player_id=source.player_id, occasion=occasion),
        pool=tightest_pool_room(player_id=source.player_id, on=occasion.on),
        amount_given=Decimal(0),
    )
    return _within_budget(_within_places(judged, definition), definition)


def _obstacles() -> dict[tuple[str, str], Q]:
    """Return what may speak against the match by itself and beside others, by phase and reason code."""
    by_itself = {("alone", code): obstacle for code, obstacle in judging.obstacles().items()}
    return by_itself | {("beside", code): obstacle for code, obstacle in allocation.obstacles().items()}


def _judged_sql(
    definition: RuleDefinition,
    *,
    occasion: Occasion,
    margin: Mapping[str, Combinable],
    obstacles: Mapping[tuple[str, str], Q],
) -> Sql:
    """Return the query of the figures, the margin's factors, which obstacles stand, and what follows from them."""
    judged, params = judging.judged_matches([definition], occasion=occasion)
    candidates = f"""(SELECT %s::bigint AS run_id, judged.*, {judging.REASONS_SQL} AS reasons FROM ({judged}) judged)"""
    relation, relation_params = allocation.competing_candidates(
        definition, occasion=occasion, candidates=(candidates, [occasion.run_id, *params])
    )
    factors: dict[str, Combinable | Q] = {f"margin_{name}": factor for name, factor in margin.items()}
    stands: dict[str, Combinable | Q] = {f"{phase}_{code}": obstacle for (phase, code), obstacle in obstacles.items()}
    staged, staged_params = with_stages(relation, relation_params, [factors, stands])
    columns = ", ".join((*_FIGURES, *factors, *stands))
    sql = f"""
        SELECT {columns}, {allocation.VERDICT_SQL}, CASE WHEN is_held_out THEN 'HELD_OUT' ELSE other_reason END,
               {allocation.reasons_sql()}
        FROM ({staged}) decided
    """
    return sql, staged_params


def _within_places(judged: Judgement, definition: RuleDefinition) -> Judgement:
    """Settle the places for the one player, who may be new to a rule that pays only so many."""
    is_awarded = judged.verdict in (Verdict.APPROVED, Verdict.REDUCED) or judged.reason == "NEEDS_APPROVAL"
    if judged.places_left != 0 or not is_awarded:
        return judged
    figures = {"max_players": definition.limits.max_players, "places_left": 0, "place": 1}
    return _refused(judged, "MAX_PLAYERS", figures)


def _refused(judged: Judgement, code: str, figures: Mapping[str, Any]) -> Judgement:
    return replace(
        judged,
        verdict=Verdict.REJECTED,
        reason=code,
        reasons=({"code": code, **figures},),
        obstacles=judged.obstacles | {code},
    )


def _within_budget(judged: Judgement, definition: RuleDefinition) -> Judgement:
    """Settle the budget for the one player: it is given whole or not at all."""
    if judged.verdict not in (Verdict.APPROVED, Verdict.REDUCED):
        return judged
    amount = judged.figures["amount_after_caps"]
    value = counted_value(amount * unit_value(definition.reward.terms))
    room = judged.budget
    if room is None or value <= room.left:
        return _within_pool(replace(judged, amount_given=amount), value=value)
    return _refused(judged, room.code, {**room.figures, "budget_left": room.left, "needed": value})


def _within_pool(judged: Judgement, *, value: Decimal) -> Judgement:
    """Refuse what the caps that the player's groups share do not leave."""
    room = judged.pool
    if room is None or value <= room.left:
        return judged
    figures = {"pool": room.pool.name, "window": room.window, "limit": room.limit, "room": room.left}
    return replace(_refused(judged, "POOL_CAP", figures), amount_given=Decimal(0))
