"""Rules for named players now, through the night's phases."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import date, datetime
from typing import NamedTuple

from django.db import transaction
from django.utils import timezone

from core.errors import NotFoundError
from core.models import Run, RunKind
from core.plans import plans_kept
from core.runs import ALL_KEYS, Counts, KeyRange, NamedKeys, finish_run
from players.models import Player
from rewards.allocation import allocate_rules, allocation_blocks
from rewards.budgets import settle_budget
from rewards.definitions import RuleDefinition
from rewards.evaluation import match_rules, matched_rules
from rewards.facts import fill_facts, forget_facts, needed_columns
from rewards.guardrail import hold_to_forecasts
from rewards.issuing import issue_under_lock
from rewards.judging import judge_matches
from rewards.models import RewardDecision, RewardRule
from rewards.occasions import Occasion, occasion_of_night
from rewards.pooling import settle_pools
from rewards.rule_life.errors import RuleNotInForceError
from rewards.rule_life.stopping import standing_of_rules
from rewards.rules import rules_in_force, validate_rule
from safety.pools import lock_pools
from wallet.ledger import lock_players


def allocate_now(rules: Sequence[RuleDefinition], *, run: Run, player_ids: Sequence[str] | None = None) -> Occasion:
    """Take the run through its phases up to posting, for the named players or for everybody; return its occasion."""
    occasion = occasion_of_night(run_id=run.pk, on=run.business_date)
    _allocate(rules, occasion=occasion, player_ids=player_ids)
    return occasion


def allocate_facts(
    rules: Sequence[RuleDefinition],
    *,
    occasion: Occasion,
    keys: KeyRange = ALL_KEYS,
    on_filled: Callable[[str], None] | None = None,
) -> None:
    """Take a run's facts through matching, judgement, allocation and budgets; `on_filled` hears of each full table."""
    filled = on_filled or (lambda _table: None)
    filled("player_facts")
    match_rules(rules, run_id=occasion.run_id, keys=keys)
    filled("player_matches")
    judge_matches(rules, occasion=occasion, keys=keys)
    filled("rule_candidates")
    allocate_candidates(rules, occasion=occasion, keys=keys)
    filled("rule_allocations")


def allocate_candidates(
    rules: Sequence[RuleDefinition], *, occasion: Occasion, keys: KeyRange, guarded: Collection[int] | None = None
) -> bool:
    """Allocate what was judged, with budgets, guardrails and the caps of whole groups.

    `guarded` are the numbers of the rules with a guardrail, where they are known. Return whether groups have caps.
    """
    # Before the rows of rules with budgets, as everywhere.
    has_pools = lock_pools()
    allocate_in_blocks(rules, occasion=occasion, keys=keys)
    hold_to_forecasts(rules, occasion=occasion, guarded=guarded)
    if has_pools:
        settle_pools(rules, occasion=occasion)
    return has_pools


def allocate_in_blocks(rules: Sequence[RuleDefinition], *, occasion: Occasion, keys: KeyRange = ALL_KEYS) -> None:
    """Allocate what was judged, each budget settled before the next rule."""
    for block in allocation_blocks(rules):
        allocate_rules(block, occasion=occasion, keys=keys)
        if block[-1].limits.has_budget:
            settle_budget(block[-1], occasion=occasion)


class _Allocated(NamedTuple):
    """The rules that may have had something to allocate, and whether groups have caps."""

    rules: Sequence[RuleDefinition]
    has_pools: bool


def _allocate(
    rules: Sequence[RuleDefinition],
    *,
    occasion: Occasion,
    player_ids: Sequence[str] | None,
    guarded: Collection[int] | None = None,
) -> _Allocated:
    """Fill, match, judge and allocate."""
    run_id, on = occasion.run_id, occasion.on
    keys = ALL_KEYS if player_ids is None else _range_of(player_ids)
    fill_facts(run_id=run_id, on=on, columns=needed_columns(rules), player_ids=player_ids)
    matched = matched_rules(rules, run_id=run_id, keys=keys)
    if not matched or not judge_matches(rules, occasion=occasion, keys=keys, matched=matched):
        return _Allocated(rules=(), has_pools=False)
    rules = [rule for rule in rules if rule.number in matched]
    return _Allocated(rules=rules, has_pools=allocate_candidates(rules, occasion=occasion, keys=keys, guarded=guarded))


def _range_of(player_ids: Sequence[str]) -> KeyRange:
    """Return the narrowest range of keys that holds the players."""
    return KeyRange.holding(min(player_ids), max(player_ids)) if player_ids else ALL_KEYS


def evaluate_now(
    rules: Sequence[RuleDefinition],
    *,
    run: Run,
    player_ids: Sequence[str],
    at: datetime,
    occasion: Occasion | None = None,
) -> Counts:
    """Decide the rules for the players on the run's business date and post what they are given; return the counts.

    Must run inside a transaction that holds the players' lock, so that a night which has allocated for them meanwhile
    looks again once this has decided.
    """
    if not rules or not player_ids:
        return {}
    occasion = occasion or occasion_of_night(run_id=run.pk, on=run.business_date)
    with plans_kept(keys=len(player_ids)):
        return _evaluate(rules, occasion=occasion, player_ids=player_ids, at=at)


def _evaluate(
    rules: Sequence[RuleDefinition], *, occasion: Occasion, player_ids: Sequence[str], at: datetime
) -> Counts:
    # From here on none of the rules can be stopped, so the lock comes before those that settle their budgets.
    standing = standing_of_rules([rule.number for rule in rules])
    running = [rule for rule in rules if rule.number not in standing.resting]
    allocated = _allocate(running, occasion=occasion, player_ids=player_ids, guarded=standing.guarded)
    counts = issue_under_lock(
        allocated.rules,
        occasion=occasion,
        at=at,
        keys=NamedKeys(keys=player_ids),
        guarded=standing.guarded,
        has_pools=allocated.has_pools,
    )
    forget_facts(run_id=occasion.run_id)
    return counts


def check_player(player_id: str) -> None:
    """Raise NotFoundError where there is no such player to evaluate."""
    if not Player.objects.filter(player_id=player_id, is_active=True, metrics__isnull=False).exists():
        raise NotFoundError(f"there is no active player {player_id!r} with metrics", player_id=player_id)


def _in_force(rule: RewardRule, *, on: date) -> RewardRule:
    """Return the rule as it runs on a business date, whatever was changed of the object given; a live one does not."""
    found = rules_in_force(on).filter(pk=rule.pk).first()
    if found is None:
        stored = RewardRule.objects.filter(pk=rule.pk).first()
        status = stored.status if stored else "not saved"
        raise RuleNotInForceError(
            f"rule {rule.pk} gives nothing on {on}: it is {status}; an active rule within its dates is needed",
            rule_id=rule.pk,
            status=status,
        )
    if found.is_live:
        raise RuleNotInForceError(
            f"rule {rule.pk} is live: it gives something when {found.trigger} happens; report that instead",
            rule_id=rule.pk,
            trigger=found.trigger,
        )
    return found


def apply_reward(*, player_id: str, rule: RewardRule, on: date, at: datetime | None = None) -> RewardDecision | None:
    """Decide one rule for one player and post what it gives; return the decision.

    None where the conditions do not hold. Decides for the business date, by the version that runs: a second call, or
    the night of that date, gives nothing more. Raises RuleNotInForceError, RuleInvalidError and NotFoundError.
    """
    definition = validate_rule(_in_force(rule, on=on))
    check_player(player_id)
    with transaction.atomic():
        lock_players([player_id])
        run = Run.objects.create(kind=RunKind.LIVE, business_date=on)
        finish_run(run, evaluate_now([definition], run=run, player_ids=[player_id], at=at or timezone.now()))
        occasion = occasion_of_night(run_id=run.pk, on=on).name
        return RewardDecision.objects.filter(player_id=player_id, rule=rule, occasion=occasion).first()
