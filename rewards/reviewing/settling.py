"""What becomes of the rewards that waited for cases: refused with them, or sent on their ordinary way once more.

The ordinary way is the night's: today's facts, restrictions, the score as it is now, profitability, caps, budgets and
posting, under the players' lock. Only frequency and cooldown are not asked again: the decision that waited has counted
for them on its own day all along.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import groupby
from typing import NamedTuple

from django.db import transaction
from django.utils import timezone

from core.errors import NotFoundError
from core.expressions import fetch_rows, run_statement
from core.models import Run, RunKind
from core.runs import Counts, KeyRange, NamedKeys, finish_run
from rewards.definitions import RuleDefinition
from rewards.facts import fill_facts, forget_facts, needed_columns
from rewards.issuing import issue_rewards
from rewards.judging import judge_matches
from rewards.live import allocate_candidates
from rewards.models import FrequencyPeriod, RewardDecision, Verdict
from rewards.occasions import Occasion, occasion_of_review
from rewards.problems import RuleInvalidError
from rewards.rule_life.stopping import resting_rules
from rewards.rules import rules_of_versions
from safety.models import UNDECIDED, CaseOutcome, ReviewAct, ReviewCase, ReviewEvidence
from safety.pools import lock_pools
from safety.review.events import record_event
from safety.violations import recorded_violations_sql
from wallet.ledger import lock_players

_FREQUENCY_MAX = 2**31 - 1


def settle_rewards(*, case_id: int, at: datetime | None = None) -> Counts:
    """Release or refuse what waits for a decided case; return how many decisions ended with which verdict.

    Called again it does nothing more: a decision is settled once. Raises NotFoundError.
    """
    return settle_cases([case_id], at=at)


def settle_cases(case_ids: Sequence[int], *, at: datetime | None = None) -> Counts:
    """Do the same for several cases at once, those of a ring for example: their players go the way together."""
    at = at or timezone.now()
    with transaction.atomic():
        decided = [case for case in _locked_cases(case_ids) if case.status not in UNDECIDED]
        refused = _waiting([case for case in decided if case.outcome == CaseOutcome.CONFIRMED])
        released = _waiting([case for case in decided if case.outcome != CaseOutcome.CONFIRMED])
        # Known before: what has to wait again belongs to another case afterwards.
        case_of = _cases_of([*refused, *released])
        _refuse(refused, code="ABUSE_CONFIRMED", at=at)
        _release(released, at=at)
        return _record(decided, case_of, at=at)


def _locked_cases(case_ids: Sequence[int]) -> list[ReviewCase]:
    """Return the cases with their players locked, as they stand then. Raises NotFoundError."""
    cases = ReviewCase.objects.filter(pk__in=case_ids)
    owners = dict(cases.values_list("pk", "player_id"))
    for case_id in case_ids:
        if case_id not in owners:
            raise NotFoundError(f"there is no review case {case_id}", case_id=case_id)
    lock_players(list(owners.values()))
    return list(cases.order_by("player_id", "pk"))


def _waiting(cases: Sequence[ReviewCase]) -> list[RewardDecision]:
    linked = ReviewEvidence.objects.filter(case__in=cases, settled_at=None, decision_id__isnull=False)
    decisions = RewardDecision.objects.filter(
        pk__in=list(linked.values_list("decision_id", flat=True)),
        verdict=Verdict.PENDING_REVIEW,
        reason="ABUSE_REVIEW",
    )
    return list(decisions.select_related("rule").order_by("player_id", "occasion", "pk"))


# `e` is the evidence of a decision `d`, `c` its case.
_OF_CASE_SQL = """safety_review_evidence e JOIN safety_review_cases c ON c.id = e.case_id
        WHERE e.decision_id = d.id AND d.id = ANY (%s)"""
_REFUSE_SQL = """
    WITH decided AS (
        UPDATE reward_decisions d
        SET verdict = 'REJECTED', reason = %s, last_on = %s, decided_at = %s,
            reasons = d.reasons || jsonb_build_array(jsonb_build_object(
                'code', %s::text, 'case', c.id, 'abuse_score', c.abuse_score))
        FROM {of_case} AND d.verdict = 'PENDING_REVIEW'
        RETURNING d.id, d.player_id, d.rule_number, d.verdict, d.reason, d.amount_computed, d.last_on AS first_on,
                  d.decided_at, d.reasons -> -1 AS why
    )
    {violations}
"""


def _refuse(decisions: Sequence[RewardDecision], *, code: str, at: datetime) -> None:
    refused = "(SELECT *, jsonb_build_array(why) AS reasons FROM decided)"
    sql = _REFUSE_SQL.format(of_case=_OF_CASE_SQL, violations=recorded_violations_sql(decided=refused))
    run_statement(sql, [code, timezone.localdate(at), at, code, _numbers(decisions)])


def _numbers(decisions: Sequence[RewardDecision]) -> list[int]:
    return [one.pk for one in decisions]


def _cases_of(decisions: Sequence[RewardDecision]) -> dict[int, int]:
    """Return by decision the case that it belongs to."""
    linked = ReviewEvidence.objects.filter(decision_id__in=_numbers(decisions))
    return {number: case_id for number, case_id in linked.values_list("decision_id", "case_id") if number is not None}


def _release(decisions: Sequence[RewardDecision], *, at: datetime) -> None:
    if not decisions:
        return
    resting = resting_rules(sorted({one.rule_id for one in decisions}))
    going = [one for one in decisions if one.rule_id not in resting]
    # Before the first of several runs, as every path takes them: pools, then rules.
    lock_pools()
    fetch_rows(
        "SELECT number FROM reward_rules WHERE number = ANY (%s) ORDER BY priority DESC, number FOR NO KEY UPDATE",
        [sorted({one.rule_id for one in going})],
    )
    for batch in _batches(going):
        _decide_again(batch, at=at)
    _refuse([one for one in decisions if one.rule_id in resting], code="RULE_STOPPED", at=at)


def _batches(decisions: Sequence[RewardDecision]) -> Iterator[list[RewardDecision]]:
    """Yield the decisions in sets that one run can decide, oldest first: of each player one occasion, of each rule one
    version.
    """
    batches: dict[tuple[int, tuple[tuple[int, int], ...]], list[RewardDecision]] = {}
    for _, of_player in groupby(decisions, key=lambda one: one.player_id):
        for place, (_, of_occasion) in enumerate(groupby(of_player, key=lambda one: one.occasion)):
            group = list(of_occasion)
            versions = tuple(sorted((one.rule_id, one.rule_version) for one in group))
            batches.setdefault((place, versions), []).extend(group)
    return (batches[key] for key in sorted(batches))


def _decide_again(decisions: Sequence[RewardDecision], *, at: datetime) -> None:
    """Take decisions through the phases again, with the amounts they had."""
    rules, on = _unlimited_rules(decisions), timezone.localdate(at)
    names = {one.player_id: one.occasion for one in decisions}
    player_ids = sorted(names)
    keys = KeyRange.holding(player_ids[0], player_ids[-1])
    parameters = {"review_cases": sorted(set(_cases_of(decisions).values()))}
    run = Run.objects.create(kind=RunKind.LIVE, business_date=on, parameters=parameters)
    occasion = occasion_of_review(run_id=run.pk, on=on, names=names)
    fill_facts(run_id=run.pk, on=on, columns=needed_columns(rules), keys=keys, player_ids=player_ids)
    _mark_released(decisions)
    _match_again(decisions, run_id=run.pk)
    counts: Counts = {}
    if rules and judge_matches(rules, occasion=occasion, keys=keys):
        allocate_candidates(rules, occasion=occasion, keys=keys)
        _name_decisions(decisions, occasion=occasion)
        counts = issue_rewards(rules, occasion=occasion, at=at, keys=NamedKeys(keys=player_ids))
    forget_facts(run_id=run.pk)
    finish_run(run, counts)
    _refuse_unanswered(decisions, run_id=run.pk, at=at)


def _unlimited_rules(decisions: Sequence[RewardDecision]) -> list[RuleDefinition]:
    """Return the versions that were decided, without frequency and cooldown, highest priority first; one that cannot
    be read any more is left out.
    """
    versions = {one.rule_id: (one.rule.rule_id, one.rule_version) for one in decisions}
    rules = []
    for rule_id, version in versions.values():
        try:
            [rule] = rules_of_versions([{"rule_id": rule_id, "version": version}])
        except RuleInvalidError:
            continue
        limits = replace(
            rule.limits, frequency_period=FrequencyPeriod.ONCE, frequency_max=_FREQUENCY_MAX, cooldown_days=0
        )
        rules.append(replace(rule, limits=limits))
    return sorted(rules, key=lambda rule: (-rule.priority, rule.number))


def _mark_released(decisions: Sequence[RewardDecision]) -> None:
    run_statement(
        f"""
        UPDATE reward_decisions d SET reasons = d.reasons || jsonb_build_array(jsonb_build_object(
            'code', 'REVIEW_RELEASED', 'case', c.id))
        FROM {_OF_CASE_SQL}
        """,
        [_numbers(decisions)],
    )


def _match_again(decisions: Sequence[RewardDecision], *, run_id: int) -> None:
    run_statement(
        """
        INSERT INTO player_matches (run_id, match_count, player_id, matches)
        SELECT %s, count(*), d.player_id, array_agg(ROW(d.rule_number, d.amount_computed)::rule_match)
        FROM reward_decisions d WHERE d.id = ANY (%s) GROUP BY d.player_id
        """,
        [run_id, _numbers(decisions)],
    )


def _name_decisions(decisions: Sequence[RewardDecision], *, occasion: Occasion) -> None:
    """Have what is posted name the decision that waited."""
    run_statement(
        """
        UPDATE rule_allocations a SET decision_id = d.id FROM reward_decisions d
        WHERE a.run_id = %s AND d.id = ANY (%s) AND a.player_id = d.player_id AND a.rule_number = d.rule_number
        """,
        [occasion.run_id, _numbers(decisions)],
    )


def _refuse_unanswered(decisions: Sequence[RewardDecision], *, run_id: int, at: datetime) -> None:
    """Refuse what the run could not decide, for example of a player whom staff removed."""
    left = RewardDecision.objects.filter(pk__in=_numbers(decisions), verdict=Verdict.PENDING_REVIEW)
    _refuse(list(left.exclude(run_id=run_id)), code="REVIEW_UNANSWERED", at=at)


def _record(cases: Sequence[ReviewCase], case_of: Mapping[int, int], *, at: datetime) -> Counts:
    """Keep with each case how its rewards ended, tell other systems, and return the counts by verdict."""
    counts: Counts = {}
    if not case_of:
        return counts
    run_statement(_SETTLED_SQL, [at, list(case_of), at.isoformat()])
    by_case: dict[int, list[Ended]] = {}
    ended = RewardDecision.objects.filter(pk__in=list(case_of)).order_by("pk")
    for pk, verdict, given in ended.values_list("pk", "verdict", "amount_given"):
        counts[verdict] = counts.get(verdict, 0) + 1
        by_case.setdefault(case_of[pk], []).append(Ended(decision=pk, verdict=verdict, given=str(given)))
    for case in cases:
        if case.pk in by_case:
            _record_of_case(case, by_case[case.pk], at=at)
    return counts


class Ended(NamedTuple):
    """How a reward that waited ended."""

    decision: int
    verdict: str
    given: str


def _record_of_case(case: ReviewCase, ended: Sequence[Ended], *, at: datetime) -> None:
    counts = Counter(one.verdict for one in ended)
    text = ", ".join(f"{count} {verdict.replace('_', ' ').lower()}" for verdict, count in counts.items())
    rewards = [one._asdict() for one in ended]
    record_event(case, ReviewAct.REWARDS, at=at, by=None, text=f"Rewards that waited: {text}.", rewards=rewards)


# What waits for another person, a perk or a case opened since, is not settled here.
_SETTLED_SQL = """
    WITH ended AS (
        UPDATE safety_review_evidence e SET settled_at = %s, settlement = d.verdict
        FROM reward_decisions d
        WHERE e.decision_id = d.id AND d.id = ANY (%s)
          AND NOT (d.verdict = 'PENDING_REVIEW' AND d.reason = 'ABUSE_REVIEW')
        RETURNING d.id, d.player_id, d.rule_number, d.verdict, d.reason, d.amount_given, d.money_value, e.case_id
    )
    INSERT INTO outbox_events (topic, key, payload)
    SELECT t.topic, t.topic || ':' || e.id || ':' || c.id || '.' || c.appeals,
           jsonb_build_object('case_id', c.id, 'decision_id', e.id, 'player_id', e.player_id, 'rule_id', r.rule_id,
                              'verdict', e.verdict, 'reason', e.reason, 'amount', e.amount_given::text,
                              'money_value', e.money_value::text, 'at', %s::text)
    FROM ended e JOIN reward_rules r ON r.number = e.rule_number JOIN safety_review_cases c ON c.id = e.case_id
    CROSS JOIN LATERAL (
        SELECT CASE WHEN e.verdict = 'REJECTED' THEN 'reward.refused' ELSE 'reward.released' END AS topic) t
    WHERE e.verdict <> 'PENDING_REVIEW'
"""
