"""What the page of a case shows: evidence in plain words, the rewards that wait, and everything that happened."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone
from django.utils.safestring import SafeString

from rewards.models import RewardDecision
from safety.admin.evidence import evidence_shown
from safety.models import UNDECIDED, AbuseSignal, EvidenceKind, ReviewCase, ReviewEvent, ReviewEvidence
from safety.review.appeals import appeal_ends_at, can_be_appealed

ROWS_MAX = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownSignal:
    """A signal with its evidence: a detector's as tables with links, what a person entered as pairs of words."""

    signal: AbuseSignal
    name: str
    evidence: list[tuple[str, str]]
    tables: SafeString


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownReward:
    """A reward that waits or waited, with its decision."""

    evidence: ReviewEvidence
    decision: RewardDecision | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CasePage:
    """Everything about a case."""

    case: ReviewCase
    due: str
    is_overdue: bool
    appeal_until: datetime | None
    signals: list[ShownSignal]
    rewards: list[ShownReward]
    links: list[ReviewEvidence]
    ring: list[ReviewCase]
    earlier: list[ReviewCase]
    events: list[ReviewEvent]


def case_page(case: ReviewCase) -> CasePage:
    """Read what the page of a case shows."""
    now = timezone.now()
    evidence = list(ReviewEvidence.objects.filter(case=case).select_related("added_by")[:ROWS_MAX])
    others = ReviewCase.objects.exclude(pk=case.pk)
    ring = others.filter(ring_number=case.ring_number) if case.ring_number else others.none()
    is_undecided = case.status in UNDECIDED
    return CasePage(
        case=case,
        due=due_in_words(case.due_at, now=now) if is_undecided else "",
        is_overdue=is_undecided and case.due_at < now,
        appeal_until=appeal_ends_at(case) if can_be_appealed(case, at=now) else None,
        signals=[shown_signal(signal) for signal in _signals(case)],
        rewards=_rewards([one for one in evidence if one.kind == EvidenceKind.REWARD]),
        links=[one for one in evidence if one.kind == EvidenceKind.LINK],
        ring=list(ring.order_by("player_id")[:ROWS_MAX]),
        earlier=list(others.filter(player_id=case.player_id).order_by("-id")[:ROWS_MAX]),
        events=list(ReviewEvent.objects.filter(case=case).select_related("by").order_by("-id")[:ROWS_MAX]),
    )


def _signals(case: ReviewCase) -> list[AbuseSignal]:
    found = AbuseSignal.objects.filter(case=case).select_related("judged_by")
    return list(found.order_by("-severity", "id")[:ROWS_MAX])


def shown_signal(signal: AbuseSignal) -> ShownSignal:
    """Return a signal in words."""
    name = signal.signal_type.replace("_", " ").capitalize()
    is_detected = isinstance(signal.metadata, Mapping) and "figures" in signal.metadata
    return ShownSignal(
        signal=signal,
        name=name,
        evidence=[] if is_detected else list(evidence_in_words(signal.metadata)),
        tables=evidence_shown(signal.metadata) if is_detected else SafeString(""),
    )


def evidence_in_words(metadata: Any) -> Iterator[tuple[str, str]]:
    """Yield what was found as pairs of words, for example ("shared devices", "D-17, D-20")."""
    if not isinstance(metadata, Mapping):
        return
    for name, value in metadata.items():
        yield str(name).replace("_", " "), _in_words(value)


def _in_words(value: Any) -> str:
    if isinstance(value, Mapping):
        return "; ".join(f"{str(name).replace('_', ' ')} {_in_words(part)}" for name, part in value.items())
    if isinstance(value, list):
        return ", ".join(_in_words(part) for part in value) or "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "not known" if value is None else str(value)


def _rewards(evidence: list[ReviewEvidence]) -> list[ShownReward]:
    numbers = [one.decision_id for one in evidence if one.decision_id is not None]
    decisions = {one.pk: one for one in RewardDecision.objects.filter(pk__in=numbers).select_related("rule")}
    return [ShownReward(evidence=one, decision=decisions.get(one.decision_id or 0)) for one in evidence]


def due_in_words(due_at: datetime, *, now: datetime) -> str:
    """Say how long there is still, or since when it is over."""
    left = due_at - now
    return f"in {length_in_words(left)}" if left >= timedelta(0) else f"{length_in_words(-left)} ago"


def length_in_words(length: timedelta) -> str:
    """Show a length of time by its largest unit: minutes, hours, from two days on days."""
    minutes = int(length.total_seconds() // 60)
    if minutes < 60:
        return f"{minutes} min"
    return f"{minutes // 60} h" if minutes < 48 * 60 else f"{minutes // (24 * 60)} days"
