"""What becomes of the rewards that waited for a case: refused with it, or sent on their ordinary way once more.

The ordinary way is the night's: today's facts, restrictions, the score as it is now, profitability, caps, budgets and
posting, under the player's lock. Only frequency and cooldown are not asked again: the decision that waited has counted
for them on its own day all along.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from itertools import groupby

from django.db import transaction
from django.utils import timezone

from core.errors import NotFoundError
from core.expressions import run_statement
from core.models import Run, RunKind
from core.runs import Counts, finish_run
from rewards.definitions import RuleDefinition
from rewards.facts import NamedPlayers, fill_facts, forget_facts, needed_columns
from rewards.issuing import issue_rewards
from rewards.judging import judge_matches
from rewards.live import allocate_candidates
from rewards.models import FrequencyPeriod, RewardDecision, Verdict
from rewards.occasions import Occasion, occasion_of_review
from rewards.problems import RuleInvalidError
from rewards.rule_life.stopping import resting_rules
from rewards.rules import rules_of_versions
from safety.models import UNDECIDED, CaseOutcome, ReviewAct, ReviewCase, ReviewEvidence
from safety.review.events import record_event
from safety.review.players import keys_of
from wallet.ledger import lock_players

_FREQUENCY_MAX = 2**31 - 1


def settle_rewards(*, case_id: int, at: datetime | None = None) -> Counts:
    """Release or refuse what waits for a decided case; return how many decisions ended with which verdict.

    Called again it does nothing more: a decision is settled once. Raises NotFoundError.
    """
    at = at or timezone.now()
    with transaction.atomic():
        case = ReviewCase.objects.filter(pk=case_id).first()
        if case is None:
            raise NotFoundError(f"there is no review case {case_id}", case_id=case_id)
        lock_players([case.player_id])
        case.refresh_from_db()
        if case.status in UNDECIDED:
            return {}
        waiting = _waiting(case)
        if case.outcome == CaseOutcome.CONFIRMED:
            _refuse(case, waiting, code="ABUSE_CONFIRMED", at=at)
        else:
            _release(case, waiting, at=at)
        return _record(case, waiting, at=at)


def restore_refused(*, case_id: int) -> int:
    """Let the rewards wait again that a case refused, because an appeal took its decision back; return how many."""
    refused = ReviewEvidence.objects.filter(case_id=case_id, settlement=Verdict.REJECTED)
    decisions = RewardDecision.objects.filter(
        pk__in=list(refused.values_list("decision_id", flat=True)),
        verdict=Verdict.REJECTED,
        reason="ABUSE_CONFIRMED",
        reasons__contains=[{"code": "ABUSE_CONFIRMED", "case": case_id}],
    )
    found = list(decisions.values_list("pk", flat=True))
    RewardDecision.objects.filter(pk__in=found).update(verdict=Verdict.PENDING_REVIEW, reason="ABUSE_REVIEW")
    ReviewEvidence.objects.filter(decision_id__in=found).update(settled_at=None, settlement="")
    return len(found)


def _waiting(case: ReviewCase) -> list[RewardDecision]:
    linked = ReviewEvidence.objects.filter(case=case, settled_at=None, decision_id__isnull=False)
    decisions = RewardDecision.objects.filter(
        pk__in=list(linked.values_list("decision_id", flat=True)),
        verdict=Verdict.PENDING_REVIEW,
        reason="ABUSE_REVIEW",
    )
    return list(decisions.select_related("rule").order_by("occasion", "-rule__priority", "rule_id"))


def _refuse(case: ReviewCase, decisions: Sequence[RewardDecision], *, code: str, at: datetime) -> None:
    run_statement(
        """
        UPDATE reward_decisions d
        SET verdict = 'REJECTED', reason = %s, last_on = %s, decided_at = %s,
            reasons = d.reasons || jsonb_build_array(jsonb_build_object(
                'code', %s::text, 'case', %s::bigint, 'abuse_score', %s::integer))
        WHERE d.id = ANY (%s) AND d.verdict = 'PENDING_REVIEW'
        """,
        [code, timezone.localdate(at), at, code, case.pk, case.abuse_score, [one.pk for one in decisions]],
    )


def _release(case: ReviewCase, decisions: Sequence[RewardDecision], *, at: datetime) -> None:
    resting = resting_rules(sorted({one.rule_id for one in decisions}))
    by_occasion = groupby(
        [one for one in decisions if one.rule_id not in resting], key=lambda decision: decision.occasion
    )
    for name, group in by_occasion:
        _decide_again(case, list(group), name=name, at=at)
    _refuse(case, [one for one in decisions if one.rule_id in resting], code="RULE_STOPPED", at=at)


def _decide_again(case: ReviewCase, decisions: Sequence[RewardDecision], *, name: str, at: datetime) -> None:
    """Take the decisions of one occasion through the phases again, with the amounts they had."""
    rules = [rule for one in decisions if (rule := _unlimited_rule(one)) is not None]
    on, player_id = timezone.localdate(at), case.player_id
    run = Run.objects.create(kind=RunKind.LIVE, business_date=on, parameters={"review_case": case.pk})
    occasion = occasion_of_review(run_id=run.pk, on=on, player_id=player_id, name=name)
    fill_facts(run_id=run.pk, on=on, columns=needed_columns(rules), keys=keys_of(player_id), player_ids=[player_id])
    _mark_released(case, decisions)
    _match_again(decisions, run_id=run.pk)
    counts: Counts = {}
    if rules and judge_matches(rules, occasion=occasion, keys=keys_of(player_id)):
        allocate_candidates(rules, occasion=occasion, keys=keys_of(player_id))
        _name_decisions(decisions, occasion=occasion)
        counts = issue_rewards(rules, occasion=occasion, at=at, keys=NamedPlayers(player_ids=[player_id]))
    forget_facts(run_id=run.pk)
    finish_run(run, counts)
    _refuse_unanswered(case, decisions, run_id=run.pk, at=at)


def _unlimited_rule(decision: RewardDecision) -> RuleDefinition | None:
    """Return the version that was decided, without frequency and cooldown; None where it cannot be read any more."""
    try:
        [rule] = rules_of_versions([{"rule_id": decision.rule.rule_id, "version": decision.rule_version}])
    except RuleInvalidError:
        return None
    once = replace(rule.limits, frequency_period=FrequencyPeriod.ONCE, frequency_max=_FREQUENCY_MAX, cooldown_days=0)
    return replace(rule, limits=once)


def _mark_released(case: ReviewCase, decisions: Sequence[RewardDecision]) -> None:
    run_statement(
        """
        UPDATE reward_decisions d SET reasons = d.reasons || jsonb_build_array(jsonb_build_object(
            'code', 'REVIEW_RELEASED', 'case', %s::bigint))
        WHERE d.id = ANY (%s)
        """,
        [case.pk, [one.pk for one in decisions]],
    )


def _match_again(decisions: Sequence[RewardDecision], *, run_id: int) -> None:
    run_statement(
        """
        INSERT INTO player_matches (run_id, match_count, player_id, matches)
        SELECT %s, count(*), d.player_id, array_agg(ROW(d.rule_number, d.amount_computed)::rule_match)
        FROM reward_decisions d WHERE d.id = ANY (%s) GROUP BY d.player_id
        """,
        [run_id, [one.pk for one in decisions]],
    )


def _name_decisions(decisions: Sequence[RewardDecision], *, occasion: Occasion) -> None:
    """Have what is posted name the decision that waited."""
    run_statement(
        """
        UPDATE rule_allocations a SET decision_id = d.id FROM reward_decisions d
        WHERE a.run_id = %s AND d.id = ANY (%s) AND a.player_id = d.player_id AND a.rule_number = d.rule_number
        """,
        [occasion.run_id, [one.pk for one in decisions]],
    )


def _refuse_unanswered(case: ReviewCase, decisions: Sequence[RewardDecision], *, run_id: int, at: datetime) -> None:
    """Refuse what the run could not decide, for example of a player whom staff removed."""
    left = RewardDecision.objects.filter(pk__in=[one.pk for one in decisions], verdict=Verdict.PENDING_REVIEW)
    _refuse(case, list(left.exclude(run_id=run_id)), code="REVIEW_UNANSWERED", at=at)


def _record(case: ReviewCase, waiting: Sequence[RewardDecision], *, at: datetime) -> Counts:
    """Keep with the case how each reward ended, tell other systems, and return the counts by verdict."""
    if not waiting:
        return {}
    numbers = [one.pk for one in waiting]
    run_statement(_SETTLED_SQL, [at, numbers, at.isoformat(), case.pk])
    ended = RewardDecision.objects.filter(pk__in=numbers).order_by("pk").values_list("pk", "verdict", "amount_given")
    counts: Counts = {}
    for _, verdict, _ in ended:
        counts[verdict] = counts.get(verdict, 0) + 1
    rewards = [{"decision": pk, "verdict": verdict, "given": str(given)} for pk, verdict, given in ended]
    text = ", ".join(f"{count} {verdict.replace('_', ' ').lower()}" for verdict, count in counts.items())
    record_event(case, ReviewAct.REWARDS, at=at, by=None, text=f"Rewards that waited: {text}.", rewards=rewards)
    return counts


# What waits for another person, a perk or a case opened since, is not settled here.
_SETTLED_SQL = """
    WITH ended AS (
        UPDATE safety_review_evidence e SET settled_at = %s, settlement = d.verdict
        FROM reward_decisions d
        WHERE e.decision_id = d.id AND d.id = ANY (%s)
          AND NOT (d.verdict = 'PENDING_REVIEW' AND d.reason = 'ABUSE_REVIEW')
        RETURNING d.id, d.player_id, d.rule_number, d.verdict, d.reason, d.amount_given, d.money_value
    )
    INSERT INTO outbox_events (topic, key, payload)
    SELECT t.topic, t.topic || ':' || e.id || ':' || c.id || '.' || c.appeals,
           jsonb_build_object('case_id', c.id, 'decision_id', e.id, 'player_id', e.player_id, 'rule_id', r.rule_id,
                              'verdict', e.verdict, 'reason', e.reason, 'amount', e.amount_given::text,
                              'money_value', e.money_value::text, 'at', %s::text)
    FROM ended e JOIN reward_rules r ON r.number = e.rule_number
    CROSS JOIN LATERAL (
        SELECT CASE WHEN e.verdict = 'REJECTED' THEN 'reward.refused' ELSE 'reward.released' END AS topic) t
    JOIN safety_review_cases c ON c.id = %s
    WHERE e.verdict <> 'PENDING_REVIEW'
"""
