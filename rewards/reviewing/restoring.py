"""What an appeal gives back: the rewards that the decision it took back had refused, unless they were paid since.

While a reward waits it counts for the rule's frequency; once refused it does not, and the rule may have paid for the
same play since then. Such a reward stays refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from django.utils import timezone

from core.expressions import run_statement
from core.models import Run, RunStatus
from rewards.definitions import RuleDefinition
from rewards.models import RewardDecision, RuleAllocation, Verdict
from rewards.models.decisions import COUNTING_VERDICTS
from rewards.problems import RuleInvalidError
from rewards.rules import rules_of_versions
from safety.models import ReviewCase, ReviewEvidence

# The business date of a decision that counts, and its number.
Counted = tuple[date, int]
_UNDER_WAY = (RunStatus.PENDING, RunStatus.RUNNING)


def restore_refused(case: ReviewCase, *, at: datetime) -> int:
    """Let the rewards wait again that a case refused, because an appeal took its decision back; return how many.

    To be asked with the player locked.
    """
    refused = _refused_by(case)
    counted = _counted(refused)
    restored, paid = [], {}
    for one in refused:
        others = counted.setdefault(one.rule_id, [])
        paid_on = paid_meanwhile(one, others, definition=_definition(one))
        if paid_on is not None:
            paid[one.pk] = paid_on
            continue
        restored.append(one.pk)
        others.append((one.first_on, one.pk))
    RewardDecision.objects.filter(pk__in=restored).update(verdict=Verdict.PENDING_REVIEW, reason="ABUSE_REVIEW")
    ReviewEvidence.objects.filter(decision_id__in=restored).update(settled_at=None, settlement="")
    _leave_refused(paid, case=case, at=at)
    return len(restored)


def paid_meanwhile(one: RewardDecision, others: Sequence[Counted], *, definition: RuleDefinition | None) -> date | None:
    """Return the day on which the rule gave a reward that excludes this one by the rule's own limits, if it did.

    Its period is full; or less than the cooldown lies between them, windows that an amount measures included; or a
    later one measured from the last given reward, and so paid for this one's play. What cannot be read excludes
    nothing: it is refused for that when it is released.
    """
    if definition is None:
        return None
    start = definition.period_start(one.first_on)
    in_period = [on for on, _ in others if definition.period_start(on) == start]
    if len(in_period) >= definition.limits.frequency_max:
        return max(in_period)
    excluding = [on for on, _ in others if abs((on - one.first_on).days) < definition.cooldown_days]
    if any(field.is_since_last_reward for field in definition.fields):
        excluding += [on for on, number in others if (on, number) > (one.first_on, one.pk)]
    return max(excluding, default=None)


def _refused_by(case: ReviewCase) -> list[RewardDecision]:
    evidence = ReviewEvidence.objects.filter(case=case, settlement=Verdict.REJECTED)
    refused = RewardDecision.objects.filter(
        pk__in=list(evidence.values_list("decision_id", flat=True)),
        verdict=Verdict.REJECTED,
        reason="ABUSE_CONFIRMED",
        reasons__contains=[{"code": "ABUSE_CONFIRMED", "case": case.pk}],
    )
    return list(refused.select_related("rule").order_by("first_on", "pk"))


def _counted(refused: Sequence[RewardDecision]) -> dict[int, list[Counted]]:
    """Return by rule what counts for the frequency of the player of these decisions, and what a night is about to give.

    The night has measured what it gives, by what counted then.
    """
    counted: dict[int, list[Counted]] = {}
    if not refused:
        return counted
    player_id, rules = refused[0].player_id, sorted({one.rule_id for one in refused})
    found = RewardDecision.objects.filter(
        player_id=player_id,
        rule__in=rules,  # type: ignore[misc]  # its key here is the number
        verdict__in=COUNTING_VERDICTS,
    )
    for one in found.only("rule", "first_on"):
        counted.setdefault(one.rule_id, []).append((one.first_on, one.pk))
    under_way = dict(Run.objects.filter(status__in=_UNDER_WAY).values_list("pk", "business_date"))
    allocated = RuleAllocation.objects.filter(
        run_id__in=list(under_way), player_id=player_id, rule_number__in=rules, amount_given__gt=0
    )
    given = list(allocated.values_list("rule_number", "run_id", "decision_id"))
    decided = set(RewardDecision.objects.filter(pk__in=[pk for *_, pk in given]).values_list("pk", flat=True))
    for number, run_id, pk in given:
        if pk is not None and pk not in decided:
            counted.setdefault(number, []).append((under_way[run_id], pk))
    return counted


def _definition(decision: RewardDecision) -> RuleDefinition | None:
    try:
        [rule] = rules_of_versions([{"rule_id": decision.rule.rule_id, "version": decision.rule_version}])
    except RuleInvalidError:
        return None
    return rule


def _leave_refused(paid: dict[int, date], *, case: ReviewCase, at: datetime) -> None:
    run_statement(
        """
        UPDATE reward_decisions d
        SET reason = 'PAID_MEANWHILE', last_on = %s, decided_at = %s,
            reasons = d.reasons || jsonb_build_array(jsonb_build_object(
                'code', 'PAID_MEANWHILE', 'case', %s::bigint, 'on', p.paid_on))
        FROM unnest(%s::bigint[], %s::date[]) p (id, paid_on) WHERE d.id = p.id
        """,
        [timezone.localdate(at), at, case.pk, list(paid), list(paid.values())],
    )
