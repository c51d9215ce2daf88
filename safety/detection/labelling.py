"""Signals in shadow judged by a person, without consequence for the player: what a detector's precision rests on.

Which ones are judged must not be chosen by whoever judges: the players of a detector are offered in the order of a
hash, so that the first n of them are a random sample.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet, Value
from django.db.models.functions import MD5, Concat
from django.utils import timezone

from core.errors import InvalidInputError, NotFoundError, RefusedError
from safety.models import AbuseSignal, ReviewOutcome, SignalFinding, SignalLabel
from wallet.postings import check_text_field

if TYPE_CHECKING:
    from django.contrib.auth.models import User

NOTE_LENGTH_MAX = 1000


class NotInShadowError(RefusedError):
    """Raised for a signal that counts, that a person reported, or that was judged otherwise: its case decides it."""

    code = "signal_not_in_shadow"


def signals_to_label(detector: str) -> QuerySet[AbuseSignal]:
    """Return the detector's open signals in shadow of players whom nobody has judged for it, in the sample's order."""
    judged = AbuseSignal.objects.filter(
        detector=detector, player_id=OuterRef("player_id"), labels__isnull=False
    ).order_by()
    waiting = AbuseSignal.objects.filter(detector=detector, is_shadow=True, is_resolved=False, outcome="", case=None)
    drawn = MD5(Concat("detector", Value(":"), "player_id"))
    return waiting.filter(~Exists(judged)).annotate(drawn=drawn).order_by("drawn", "id")


def next_to_label(detector: str, *, after: int | None = None) -> AbuseSignal | None:
    """Return the next signal of the sample, or the one behind signal `after`, which is left for later."""
    signals = signals_to_label(detector)
    left = signals.filter(pk=after).first() if after else None
    if left is None:
        return signals.first()
    return signals.filter(drawn__gt=left.drawn).first()  # type: ignore[attr-defined,misc]  # annotated


def label_signal(*, signal_id: int, finding: str, by: User, note: str = "", at: datetime | None = None) -> SignalLabel:
    """Judge a signal in shadow: CONFIRMED or FALSE_ALARM; the same again changes nothing.

    A confirmed one stays in shadow, without consequence, and counts like any other once its detector is switched on
    and finds it again. A false alarm is dismissed, and its evidence raises no signal again. Raises NotFoundError,
    InvalidInputError and NotInShadowError.
    """
    at = at or timezone.now()
    check_text_field("note", note, length_max=NOTE_LENGTH_MAX)
    if finding not in SignalFinding.values:
        raise InvalidInputError(
            f"finding is {finding!r}: one of {', '.join(SignalFinding.values)} is needed", field="finding"
        )
    with transaction.atomic():
        signal = AbuseSignal.objects.select_for_update().filter(pk=signal_id).first()
        if signal is None:
            raise NotFoundError(f"there is no signal {signal_id}", signal_id=signal_id)
        last = signal.labels.first()
        _check_in_shadow(signal, last=last)
        if last is not None and last.finding == finding:
            return last
        label = SignalLabel.objects.create(
            signal=signal, finding=finding, note=note, description=signal.description, labelled_by=by, labelled_at=at
        )
        if finding == SignalFinding.FALSE_ALARM:
            _dismiss(signal, label=label)
        elif signal.is_resolved:
            _reopen(signal)
    return label


def _check_in_shadow(signal: AbuseSignal, *, last: SignalLabel | None) -> None:
    was_judged = bool(signal.outcome or signal.is_resolved) and last is None
    if signal.is_shadow and signal.detector and not was_judged and signal.case_id is None:
        return
    why = "was judged already" if was_judged else "counts, or was reported by a person: its review case decides it"
    raise NotInShadowError(f"signal {signal.pk} {why}", signal_id=signal.pk)


def _dismiss(signal: AbuseSignal, *, label: SignalLabel) -> None:
    signal.outcome, signal.judgement = ReviewOutcome.DISMISSED, label.note or "A false alarm."
    signal.judged_by, signal.judged_at = label.labelled_by, label.labelled_at
    signal.is_resolved, signal.resolved_at = True, label.labelled_at
    signal.save(update_fields=["outcome", "judgement", "judged_by", "judged_at", "is_resolved", "resolved_at"])


def _reopen(signal: AbuseSignal) -> None:
    """Take a false alarm back; where newer evidence has raised another signal since, that one is the open one."""
    others = AbuseSignal.objects.filter(player_id=signal.player_id, detector=signal.detector, is_resolved=False)
    if others.exists():
        return
    signal.outcome, signal.judgement, signal.judged_by, signal.judged_at = "", "", None, None
    signal.is_resolved, signal.resolved_at = False, None
    signal.save(update_fields=["outcome", "judgement", "judged_by", "judged_at", "is_resolved", "resolved_at"])
