"""What each jurisdiction has to say of a rule when it runs: compiled once per run into the terms of the rule.

Which of it holds for a match follows from the player's facts: jurisdiction, indicators of harm, segment, approval.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import ROUND_FLOOR, Decimal
from typing import Any

from django.db.models import DecimalField, Field, JSONField
from django.db.models.expressions import Combinable, RawSQL

from core.money import CENT
from players.models import LimitKind, PlayerSegment
from rewards.conditions import comparisons
from rewards.definitions import BONUS_TYPES, RewardConfig, RuleDefinition
from rewards.formulas import Number
from rewards.models import RewardType
from safety.jurisdictions.profiles import Limit, Profile, profiles_in_force
from safety.jurisdictions.violations import Games, Incentive, float_free, known_games, least_turnover, violations
from safety.vip_approvals import NOTHING_RECORDED

# What the room is called that a jurisdiction leaves of a month's promotions, among the names of caps.
MONTH_OF_JURISDICTION = "month of the jurisdiction"
# Of a candidate that such a room holds, the clause it comes from, for its reasons.
MONTH_CLAUSE_SQL = f"""CASE WHEN cap_name = '{MONTH_OF_JURISDICTION}' THEN coalesce((
                 SELECT jsonb_build_object('jurisdiction', l.jurisdiction_id, 'limit', l.kind, 'clause', l.clause)
                 FROM jurisdiction_limits l
                 WHERE l.jurisdiction_id = jurisdiction_of(player_id) AND l.kind = 'PROMOTION_VALUE_MONTH_MAX'
                   AND l.severity = 'BINDING' AND l.valid_from <= current_date
                 ORDER BY l.valid_from DESC LIMIT 1), '{{}}') ELSE '{{}}'::jsonb END"""
_MONEY = DecimalField(max_digits=18, decimal_places=2)
_VIP_SQL = f"""CASE WHEN vip_lacks IS DISTINCT FROM '' AND (segment = 'VIP' OR jurisdiction_terms -> 'is_perk' = 'true')
    THEN jurisdiction_terms -> 'vip' || jsonb_build_object('missing', coalesce(vip_lacks, '{NOTHING_RECORDED}')) END"""


def jurisdiction_columns() -> dict[str, Combinable]:
    """Return what follows from a match's `jurisdiction_terms` and the player's facts.

    That is what stands against it and what it is held to; NULL, and quickly so, where the profile has nothing to say.
    """
    terms = "jurisdiction_terms"
    refusal = f"coalesce({terms} -> 'refusal', CASE WHEN has_harm THEN {terms} -> 'harm' END)"
    return {
        "jurisdiction_refusal": _sql(refusal, JSONField()),
        "vip_refusal": _sql(_VIP_SQL, JSONField()),
        "jurisdiction_amount_max": _sql(f"({terms} ->> 'amount_max')::numeric", _MONEY),
        "jurisdiction_month_max": _sql(f"({terms} ->> 'month_max')::numeric", _MONEY),
    }


def wagering_multiplier_max() -> Combinable:
    """Return how far the jurisdiction lets a requirement be raised; unknown where it does not say."""
    return _sql("(jurisdiction_terms ->> 'multiplier_max')::numeric", _MONEY)


def _sql(text: str, output_field: Field[Any, Any]) -> Combinable:
    return RawSQL(text, [], output_field)  # noqa: S611  # constants of this module: no text of anybody is in them


def jurisdiction_terms(rules: Sequence[RuleDefinition], *, on: date) -> dict[int, dict[str, Any]]:
    """Return by rule number and jurisdiction what the profiles say of the rules on a business date, as JSON."""
    profiles, games = profiles_in_force(), known_games()
    return {
        rule.number: {
            profile.code: said for profile in profiles if (said := _terms(rule, profile=profile, on=on, games=games))
        }
        for rule in rules
    }


def incentive_of(rule: RuleDefinition, *, games: Games) -> Incentive:
    """Return a rule's reward as profiles see it: a requirement of rules is a multiple of the bonus itself."""
    reward = rule.reward
    is_bonus_money = reward.type in BONUS_TYPES and not reward.is_cash
    return Incentive(
        reward_type=reward.type,
        is_bonus_money=is_bonus_money,
        turnover_multiple=least_turnover(
            reward.wagering_requirement if is_bonus_money else Decimal(0),
            eligible_games=reward.eligible_games,
            games=games,
        ),
        amount_max=_amount_max(reward),
        eligible_games=reward.eligible_games,
        expiry_hours=reward.expiry_hours,
    )


def _amount_max(reward: RewardConfig) -> Decimal | None:
    fixed = reward.formula.value if isinstance(reward.formula, Number) else None
    known = [amount for amount in (fixed, reward.max_amount) if amount is not None]
    return min(known, default=None)


def is_for_vips(rule: RuleDefinition) -> bool:
    """Tell whether a rule is for VIPs: a perk, or one whose conditions name the segment."""
    return rule.reward.type is RewardType.VIP_PERKS or any(
        comparison.field.name == "segment" and PlayerSegment.VIP in _values(comparison.value)
        for comparison in comparisons(rule.conditions)
    )


def _values(value: object) -> tuple[object, ...]:
    return value if isinstance(value, tuple) else (value,)


def _terms(rule: RuleDefinition, *, profile: Profile, on: date, games: Games) -> dict[str, Any]:
    if rule.jurisdictions and profile.code not in rule.jurisdictions:
        says = f"the rule runs in {', '.join(rule.jurisdictions)} only"
        return {"refusal": {"jurisdiction": profile.code, "version": profile.version, "says": says}}
    incentive = incentive_of(rule, games=games)
    broken = violations(incentive, profile=profile, on=on, games=games)
    # An amount is held to its limit; everything else that is broken keeps the rule from running there.
    refusing = [one for one in broken if one.limit.kind != LimitKind.BONUS_AMOUNT_MAX]
    if refusing:
        return {"refusal": refusing[0].as_reason()}
    return _limits(rule, incentive, profile=profile, on=on)


def _limits(rule: RuleDefinition, incentive: Incentive, *, profile: Profile, on: date) -> dict[str, Any]:
    """Return what depends on the player: harm, a VIP's approval, and how far requirement, amount and month go."""
    limits, said = profile.limits_on(on), dict[str, Any]()
    if harm := limits.get(LimitKind.HARM_BLOCKS_PROMOTION):
        said["harm"] = {**_named(profile, harm), "says": "strong indicators of harm are recorded"}
    if (approval := limits.get(LimitKind.VIP_NEEDS_APPROVAL)) and is_for_vips(rule):
        said["vip"] = _named(profile, approval)
        said["is_perk"] = rule.reward.type is RewardType.VIP_PERKS
    most = limits.get(LimitKind.WAGERING_REQUIREMENT_MAX)
    if most and most.value is not None and incentive.turnover_multiple:
        # Rounded down, so that requirement × multiplier never passes the limit.
        held = (most.value / incentive.turnover_multiple).quantize(CENT, rounding=ROUND_FLOOR)
        said["multiplier_max"] = str(held)
        said["wagering"] = {**_named(profile, most), "requirement": float_free(incentive.turnover_multiple)}
    largest = limits.get(LimitKind.BONUS_AMOUNT_MAX)
    if largest and incentive.is_bonus_money:
        said["amount_max"], said["amount"] = str(largest.value), _named(profile, largest)
    if month := limits.get(LimitKind.PROMOTION_VALUE_MONTH_MAX):
        said["month_max"] = str(month.value)
        said["month"] = {**_named(profile, month), "says": "the promotions of the month are used up"}
    return said


def _named(profile: Profile, limit: Limit) -> dict[str, Any]:
    most = {} if limit.value is None else {"most": float_free(limit.value)}
    named = {"jurisdiction": profile.code, "version": profile.version, "limit": limit.kind.value}
    return {**named, **most, "clause": limit.clause}
