"""Players with measures, rules, and an evaluation of them as the night's phases do it."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.utils import timezone

from core.models import Run, RunKind
from players.metrics import refresh_metrics
from players.models import Player, PlayerMetrics
from players.tests.factories import AT, ON
from rewards.definitions import RuleDefinition
from rewards.issuing import issue_rewards
from rewards.live import allocate_now
from rewards.models import RewardDecision, RewardRule, RuleAllocation
from rewards.occasions import occasion_of_night
from rewards.rules import active_rules, rules_of_versions, save_rule, validate_rule
from wallet.models import LoyaltyBalance

YESTERDAY = ON - timedelta(days=1)
PROFILE = {"segment", "tier", "country", "language", "gender", "age", "tags", "kyc_completed_at", "profile_depth"}
PROFILE |= {"risk_score", "last_activity_at", "registered_on", "is_active", "name", "email"}


def make_player(player_id: str = "alice", **values: Any) -> Player:
    """Return a losing player of 15,000 turnover and 25 sessions, measured; profile columns and totals can be given."""
    profile = {"segment": "LOSING", **{name: value for name, value in values.items() if name in PROFILE}}
    totals = {
        "total_deposited": Decimal(5000),
        "total_wagered": Decimal(15000),
        "total_won": Decimal(12000),
        "total_sessions": 25,
        "last_deposit_at": AT - timedelta(days=1),
        **{name: value for name, value in values.items() if name not in PROFILE},
    }
    player = Player.objects.create(player_id=player_id, **profile)
    PlayerMetrics.objects.create(player=player, **totals)
    refresh_metrics(player_ids=[player_id])
    return player


def make_rule(rule_id: str = "GIFT", **content: Any) -> RewardRule:
    """Return an active rule for everybody; by default ten of bonus money. Keys of the reward may be given directly."""
    reward = {"type": "BONUS_BALANCE", **content.pop("reward", {})}
    if not {"amount", "formula"} & set(reward):
        reward["amount"] = 10
    given = {"name": rule_id, "status": "ACTIVE", "conditions": {}, "reward_config": reward, **content}
    return save_rule(rule_id=rule_id, content=given, saved_by=None)


def definition_of(**content: Any) -> RuleDefinition:
    """Return the definition of a rule that is not saved."""
    reward = {"type": "BONUS_BALANCE", **content.pop("reward", {})}
    if not {"amount", "formula"} & set(reward):
        reward["amount"] = 10
    number = content.pop("number", 1)
    rule = RewardRule(rule_id=f"R{number}", number=number, name="rule", reward_config=reward, **content)
    return validate_rule(rule)


def new_run(on: date = ON, kind: str = RunKind.LIVE) -> Run:
    return Run.objects.create(kind=kind, business_date=on)


def allocate(on: date = ON) -> Run:
    """Evaluate the active rules for everybody as far as allocation and budgets; the run keeps their versions."""
    run = new_run(on)
    rules = active_rules(on=on)
    run.parameters = {"rules": [{"rule_id": rule.rule_id, "version": rule.version} for rule in rules]}
    run.save(update_fields=["parameters"])
    allocate_now(rules, run=run)
    return run


def issue(run: Run, *, at: datetime | None = None) -> dict[str, int]:
    """Post what a run allocated, now by default; return the counts by verdict."""
    occasion = occasion_of_night(run_id=run.pk, on=run.business_date)
    kept = run.parameters.get("rules")
    rules = active_rules(on=run.business_date) if kept is None else rules_of_versions(kept)
    return issue_rewards(rules, occasion=occasion, at=at or timezone.now())


def evaluate(on: date = ON, *, at: datetime | None = None) -> dict[str, int]:
    """Evaluate the active rules for everybody on a business date; return the counts by verdict."""
    return issue(allocate(on), at=at)


def allocation(player_id: str = "alice", rule_id: str = "GIFT") -> RuleAllocation:
    number = RewardRule.objects.get(pk=rule_id).number
    return RuleAllocation.objects.filter(player_id=player_id, rule_number=number).latest("run_id")


def decision(player_id: str = "alice", rule_id: str = "GIFT") -> RewardDecision:
    """Return the newest decision about a player and a rule."""
    return RewardDecision.objects.filter(player_id=player_id, rule__rule_id=rule_id).latest("id")


def verdicts(player_id: str = "alice") -> dict[str, str]:
    """Return the newest verdict of every rule about a player, with the reason where there is one."""
    rows = RewardDecision.objects.filter(player_id=player_id).order_by("id").select_related("rule")
    return {row.rule.rule_id: f"{row.verdict} {row.reason}".strip() for row in rows}


def balance(player_id: str = "alice") -> LoyaltyBalance:
    return LoyaltyBalance.objects.get(player_id=player_id)
