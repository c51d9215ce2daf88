"""The decision of a case: each signal is confirmed or dismissed, and score, block and case follow at once.

A dismissed signal is resolved and leaves the score. A confirmed one stays unresolved: it goes on counting and fades
with its age, so that to be found out never lowers a score.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from django.db import transaction
from django.utils import timezone

from core.errors import InvalidInputError
from core.runs import KeyRange
from players.models import PlayerMetrics
from safety import policies
from safety.abuse import score_players
from safety.models import AbuseSignal, CaseOutcome, ReviewAct, ReviewCase, ReviewOutcome, ReviewStatus
from safety.review.blocking import lift_block
from safety.review.errors import ReviewOutdatedError, ReviewStatusError
from safety.review.events import announce_decision, record_event
from safety.review.working import check_not_decided_before, check_undecided, claim_change, locked_case
from wallet.postings import check_text_field

if TYPE_CHECKING:
    from django.contrib.auth.models import User

REASON_LENGTH_MAX = 1000
FINDING = "STAFF_FINDING"
SEVERITIES = range(1, 11)
Judgements = Mapping[int, ReviewOutcome]


def signals_to_judge(case: ReviewCase) -> list[AbuseSignal]:
    """Return the signals that a decision of the case is about; an appeal makes nothing worse, so what was dismissed
    before stays so.
    """
    signals = AbuseSignal.objects.filter(case=case)
    if case.appeals:
        signals = signals.exclude(outcome=ReviewOutcome.DISMISSED)
    return list(signals.order_by("id"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruling:
    """What a person decides: the outcome of a case, why, who, and when.

    `signals` says what each signal is; `finding_severity`, 1 to 10, how severe is what was found without any; a ring's
    number, that the case was decided together with the others of the ring.
    """

    outcome: str
    reason: str
    by: User
    at: datetime
    signals: Mapping[int, str] | None = None
    finding_severity: int | None = None
    ring_number: int | None = None


def decide_case(
    *,
    case_id: int,
    outcome: str,
    reason: str,
    by: User,
    signals: Mapping[int, str] | None = None,
    finding_severity: int | None = None,
    ring_number: int | None = None,
    at: datetime | None = None,
) -> ReviewCase:
    """Decide a case that `by` has claimed; return it with the score that follows.

    `outcome` is CONFIRMED or DISMISSED for all signals, or PARTIAL with `signals`, which names what each one is; for
    the others it may be given too, so that evidence which joined since is not judged unseen. A confirmed case without
    signals needs `finding_severity`, 1 to 10: the finding becomes a signal. Rewards that wait are
    `rewards.reviewing`'s matter. Raises NotFoundError, InvalidInputError, ReviewStatusError, ReviewOutdatedError and
    AnotherReviewerNeededError; then nothing is changed.
    """
    check_text_field("reason", reason, length_max=REASON_LENGTH_MAX, is_needed=True)
    if outcome not in CaseOutcome.values:
        raise InvalidInputError(f"outcome is {outcome!r}: one of {', '.join(CaseOutcome.values)}", field="outcome")
    ruling = Ruling(
        outcome=outcome,
        reason=reason,
        by=by,
        at=at or timezone.now(),
        signals=signals,
        finding_severity=finding_severity,
        ring_number=ring_number,
    )
    with transaction.atomic():
        case = locked_case(case_id)
        check_undecided(case, step="decided")
        _check_owner(case, by=by)
        check_not_decided_before(case, by=by)
        return _decide(case, ruling)


def _decide(case: ReviewCase, ruling: Ruling) -> ReviewCase:
    """Judge the signals, and let score, case and block follow; keep what it was before and is now."""
    judged = signals_to_judge(case)
    judgements = _judgements(judged, outcome=CaseOutcome(ruling.outcome), given=ruling.signals)
    _check_finding(judged, outcome=ruling.outcome, severity=ruling.finding_severity, is_appeal=bool(case.appeals))
    status_before, outcome_before, score_before = case.status, case.outcome, _score(case)
    _close_decided(case, ruling)
    _judge(judged, judgements, ruling=ruling)
    if ruling.finding_severity is not None:
        _keep_finding(case, severity=ruling.finding_severity, ruling=ruling)
    score_players(on=timezone.localdate(ruling.at), at=ruling.at, keys=KeyRange.holding(case.player_id))
    claim_change(case, abuse_score=_score(case))
    _end_block(case, by=ruling.by, at=ruling.at)
    event = record_event(
        case,
        ReviewAct.DECIDED,
        at=ruling.at,
        by=ruling.by,
        text=ruling.reason,
        status_before=status_before,
        outcome_before=outcome_before,
        score_before=score_before,
        outcome=ruling.outcome,
        score_after=case.abuse_score,
        signals={str(number): str(found) for number, found in judgements.items()},
        **({"ring": ruling.ring_number} if ruling.ring_number is not None else {}),
    )
    announce_decision(event)
    return case


def _close_decided(case: ReviewCase, ruling: Ruling) -> None:
    claim_change(
        case,
        status=ReviewStatus.DECIDED,
        outcome=ruling.outcome,
        decided_by=ruling.by,
        decided_at=ruling.at,
        decision_reason=ruling.reason,
        assigned_to=None,
        assigned_at=None,
    )


def _check_owner(case: ReviewCase, *, by: User) -> None:
    if case.assigned_to != by:
        owner = f"{case.assigned_to.get_username()}'s" if case.assigned_to else "nobody's"
        raise ReviewStatusError(
            f"case {case.pk} is {owner}: claim it before deciding it",
            case_id=case.pk,
            status=case.status,
            assigned_to=case.assigned_to.get_username() if case.assigned_to else None,
        )


def _judgements(
    signals: Sequence[AbuseSignal], *, outcome: CaseOutcome, given: Mapping[int, str] | None
) -> dict[int, ReviewOutcome]:
    """Return what each signal is found to be. Raises InvalidInputError and ReviewOutdatedError."""
    if given is None:
        if outcome == CaseOutcome.PARTIAL:
            raise InvalidInputError("outcome is PARTIAL: signals must say what each one is", field="signals")
        return {signal.pk: ReviewOutcome(outcome.value) for signal in signals}
    wrong = sorted({found for found in given.values() if found not in ReviewOutcome.values})
    if wrong:
        raise InvalidInputError(
            f"signals holds {wrong[0]!r}: each is CONFIRMED or DISMISSED", field="signals", unknown=wrong
        )
    joined = [signal.pk for signal in signals if signal.pk not in given]
    left = sorted(set(given) - {signal.pk for signal in signals})
    if joined or left:
        raise ReviewOutdatedError(
            f"the signals to judge are not those that were looked at: {_named(joined)} joined, {_named(left)} are not "
            "among them: look at the case again",
            joined=joined,
            left=left,
        )
    _check_sum(outcome, set(given.values()))
    return {number: ReviewOutcome(found) for number, found in given.items()}


def _named(numbers: Sequence[int]) -> str:
    return ", ".join(str(number) for number in numbers) or "none"


def _check_sum(outcome: CaseOutcome, found: set[str]) -> None:
    """Refuse an outcome that the judgements do not add up to."""
    wanted = CaseOutcome.PARTIAL if len(found) > 1 else CaseOutcome(found.pop()) if found else outcome
    if outcome != wanted:
        raise InvalidInputError(f"outcome is {outcome}: with these judgements it is {wanted}", field="outcome")


def _check_finding(signals: Sequence[AbuseSignal], *, outcome: str, severity: int | None, is_appeal: bool) -> None:
    needs_one = not signals and outcome == CaseOutcome.CONFIRMED and not is_appeal
    if needs_one and severity is None:
        raise InvalidInputError(
            "the case has no signals: finding_severity must say how severe what you found is, 1 to 10",
            field="finding_severity",
        )
    if severity is None:
        return
    if not needs_one:
        raise InvalidInputError(
            "finding_severity is only for confirming a case without signals, which has no appeal",
            field="finding_severity",
        )
    if severity not in SEVERITIES:
        raise InvalidInputError(f"finding_severity is {severity}: 1 to 10 is needed", field="finding_severity")


def _judge(signals: Sequence[AbuseSignal], judgements: Judgements, *, ruling: Ruling) -> None:
    judged = {"judged_by": ruling.by, "judged_at": ruling.at, "judgement": ruling.reason}
    for outcome in ReviewOutcome:
        numbers = [signal.pk for signal in signals if judgements[signal.pk] == outcome]
        found = AbuseSignal.objects.filter(pk__in=numbers)
        if outcome == ReviewOutcome.DISMISSED:
            found.update(outcome=outcome, is_resolved=True, resolved_at=ruling.at, **judged)
        else:
            found.update(outcome=outcome, **judged)


def _keep_finding(case: ReviewCase, *, severity: int, ruling: Ruling) -> None:
    AbuseSignal.objects.create(
        player_id=case.player_id,
        signal_type=FINDING,
        severity=severity,
        description=f"Found in review: {case.reason}"[:500],
        detected_at=ruling.at,
        case=case,
        outcome=ReviewOutcome.CONFIRMED,
        judged_by=ruling.by,
        judged_at=ruling.at,
        judgement=ruling.reason,
    )


def _score(case: ReviewCase) -> int:
    scores = PlayerMetrics.objects.filter(player_id=case.player_id).values_list("bonus_abuse_score", flat=True)
    return scores.first() or 0


def _end_block(case: ReviewCase, *, by: User, at: datetime) -> None:
    """Lift the block unless what was confirmed still carries it."""
    is_carried = case.abuse_score >= policies.ABUSE_BLOCK_FROM.value() and case.outcome != CaseOutcome.DISMISSED
    if case.outcome != CaseOutcome.CONFIRMED and not is_carried:
        lift_block(case, at=at, by=by, text=f"Case {case.pk} was decided: {case.get_outcome_display().lower()}.")
