"""One rule for one player: does it match, and what speaks against it?"""

from __future__ import annotations

import zlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal
from typing import Any

from django.db.models import Sum

from bench.orm_loop.facts import Facts, facts_since_last_reward
from bench.orm_loop.rules import Amount, Predicate, compile_condition, compile_formula
from bench.orm_loop.safety import Grants, Safety
from bench.peers.rule_trees import without_negations
from rewards.definitions import RuleDefinition
from rewards.models import FrequencyPeriod, RewardDecision, RewardType, RuleBudgetDay, Verdict
from rewards.models.decisions import COUNTING_VERDICTS


@dataclass(frozen=True, slots=True, kw_only=True)
class CompiledRule:
    """A rule with its closures."""

    definition: RuleDefinition
    holds: Predicate
    amount: Amount
    reads_since_last_reward: bool

    @classmethod
    def of(cls, definition: RuleDefinition) -> CompiledRule:
        return cls(
            definition=definition,
            holds=compile_condition(without_negations(definition.conditions)),
            amount=compile_formula(definition.reward.formula),
            reads_since_last_reward=any(found.is_since_last_reward for found in definition.fields),
        )


@dataclass(slots=True, kw_only=True)
class Candidate:
    """A player under decision: facts, what was decided before, and what tonight's rules gave so far."""

    player_id: str
    facts: Facts
    earlier: dict[int, list[RewardDecision]]
    grants: Grants
    restriction: str | None
    edge: Decimal
    abuse_score: int
    groups: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """What became of one match."""

    rule: CompiledRule
    verdict: Verdict
    reason: str
    computed: Decimal | None
    amount: Decimal = Decimal(0)
    value: Decimal = Decimal(0)
    cost: Decimal = Decimal(0)
    margin: Decimal | None = None


def fetch_earlier_decisions(player_id: str) -> dict[int, list[RewardDecision]]:
    """Return the player's decisions by rule, in one query."""
    earlier: dict[int, list[RewardDecision]] = defaultdict(list)
    for decision in RewardDecision.objects.filter(player_id=player_id).order_by("first_on"):
        earlier[decision.rule_id].append(decision)
    return earlier


class Decider:
    """Decides rules in priority order."""

    def __init__(self, rules: Sequence[CompiledRule], *, safety: Safety, on: date) -> None:
        self.rules, self.safety, self.on = rules, safety, on

    def decide(self, candidate: Candidate) -> list[Decided]:
        """Return what became of every match of the player."""
        decided = []
        for rule in self.rules:
            facts = self._facts(candidate, rule)
            if rule.holds(facts):
                decided.append(self._decide_match(candidate, rule, facts))
        return decided

    def _facts(self, candidate: Candidate, rule: CompiledRule) -> Facts:
        if not rule.reads_since_last_reward:
            return candidate.facts
        given = [d for d in candidate.earlier.get(rule.definition.number, []) if d.verdict in COUNTING_VERDICTS]
        return candidate.facts | facts_since_last_reward(candidate.facts, given[-1].facts if given else None)

    def _decide_match(self, candidate: Candidate, rule: CompiledRule, facts: Facts) -> Decided:
        computed = self._amount(rule, facts)
        if self._draw(candidate.player_id, rule) < rule.definition.limits.holdout_percent:
            return Decided(rule=rule, verdict=Verdict.HELD_OUT, reason="HELD_OUT", computed=computed)
        reason = self._reason_before_safety(candidate, rule, computed)
        if reason or computed is None:
            return Decided(rule=rule, verdict=Verdict.REJECTED, reason=reason, computed=computed)
        if self._left_by_abuse(candidate, rule) == 0:
            return Decided(rule=rule, verdict=Verdict.PENDING_REVIEW, reason="ABUSE_REVIEW", computed=computed)
        return self._ask_safety(candidate, rule, computed)

    def _amount(self, rule: CompiledRule, facts: Facts) -> Decimal | None:
        amount = rule.amount(facts)
        if amount is None:
            return None
        if rule.definition.reward.max_amount is not None:
            amount = min(amount, rule.definition.reward.max_amount)
        return amount.quantize(Decimal("0.01"), rounding=ROUND_HALF_UP)

    def _reason_before_safety(self, candidate: Candidate, rule: CompiledRule, computed: Decimal | None) -> str:
        limits = rule.definition.limits
        if computed is None or computed <= 0:
            return "NO_AMOUNT"
        if computed < rule.definition.reward.min_amount:
            return "BELOW_MINIMUM"
        counting = [d for d in candidate.earlier.get(rule.definition.number, []) if d.verdict in COUNTING_VERDICTS]
        if sum(d.first_on >= _period_start(limits.frequency_period, self.on) for d in counting) >= limits.frequency_max:
            return "FREQUENCY"
        if any(d.first_on > self.on - timedelta(days=limits.cooldown_days) for d in counting):
            return "COOLDOWN"
        if limits.exclusive_group and limits.exclusive_group in candidate.groups:
            return "EXCLUSIVE_GROUP"
        return "RESTRICTED" if candidate.restriction else ""

    def _ask_safety(self, candidate: Candidate, rule: CompiledRule, computed: Decimal) -> Decided:
        number, safety, grants = rule.definition.number, self.safety, candidate.grants
        amount = _rounded(computed * self._left_by_abuse(candidate, rule), rule)
        unit = safety.unit_values[number]
        cost = (amount * unit * safety.cost_rates[number]).quantize(Decimal("0.01"), rounding=ROUND_HALF_UP)
        margin = safety.expected_margin(candidate.facts, number=number, edge=candidate.edge)
        figures: dict[str, Any] = {"rule": rule, "computed": computed, "cost": cost, "margin": margin}
        if grants.cost + cost >= margin:
            return Decided(verdict=Verdict.REJECTED, reason="UNPROFITABLE", **figures)
        room = grants.cap_room(safety.caps)
        within = _rounded(min(amount, room / unit), rule, rounding=ROUND_DOWN) if unit else amount
        value = (within * unit).quantize(Decimal("0.01"), rounding=ROUND_HALF_UP)
        if within <= 0 or within < rule.definition.reward.min_amount:
            return Decided(verdict=Verdict.REJECTED, reason="CAP", **figures)
        if rule.definition.reward.type is RewardType.VIP_PERKS:
            return Decided(verdict=Verdict.PENDING_REVIEW, reason="NEEDS_APPROVAL", **figures)
        if not self._take_from_budget(rule, value):
            return Decided(verdict=Verdict.REJECTED, reason="BUDGET", **figures)
        grants.add(value=value, cost=cost)
        candidate.groups.add(rule.definition.limits.exclusive_group)
        verdict = Verdict.APPROVED if within == computed else Verdict.REDUCED
        return Decided(verdict=verdict, reason="", amount=within, value=value, **figures)

    def _left_by_abuse(self, candidate: Candidate, rule: CompiledRule) -> Decimal:
        has_requirement = rule.definition.reward.has_requirement
        return self.safety.abuse_multiplier(candidate.abuse_score, has_requirement=has_requirement)

    def _take_from_budget(self, rule: CompiledRule, value: Decimal) -> bool:
        """Take a reward's value from the rule's budgets under a lock, if they still hold it."""
        limits = rule.definition.limits
        if not limits.has_budget:
            return True
        days = RuleBudgetDay.objects.filter(rule_id=rule.definition.rule_id)
        day, _ = days.select_for_update().get_or_create(rule_id=rule.definition.rule_id, on=self.on)
        if limits.daily_budget is not None and day.given_value + value > limits.daily_budget:
            return False
        total = days.aggregate(total=Sum("given_value"))["total"]
        if limits.total_budget is not None and total + value > limits.total_budget:
            return False
        day.given_value += value
        day.given_count += 1
        day.save(update_fields=["given_value", "given_count"])
        return True

    def _draw(self, player_id: str, rule: CompiledRule) -> Decimal:
        return Decimal(zlib.crc32(f"holdout:{rule.definition.number}:{player_id}".encode()) % 10_000) / 100


def _rounded(amount: Decimal, rule: CompiledRule, *, rounding: str = ROUND_HALF_UP) -> Decimal:
    """Round to the cent; tickets are whole, and a part of one is none."""
    if rule.definition.reward.type is RewardType.TICKETS:
        return amount.to_integral_value(rounding=ROUND_DOWN)
    return amount.quantize(Decimal("0.01"), rounding=rounding)


def _period_start(period: FrequencyPeriod, on: date) -> date:
    match period:
        case FrequencyPeriod.DAY:
            return on
        case FrequencyPeriod.WEEK:
            return on - timedelta(days=on.weekday())
        case FrequencyPeriod.MONTH:
            return on.replace(day=1)
        case FrequencyPeriod.ONCE:
            return date.min
