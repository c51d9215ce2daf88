"""Detection run: everybody in chunks by night, or one player now."""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Count, Q
from django.utils import timezone

from core.errors import NotFoundError
from core.expressions import run_statement
from core.plans import plans_kept
from core.policies import saved_policies_read_once
from core.runs import ALL_KEYS, KeyRange, NamedKeys
from players.models import Player
from safety.abuse import calculate_abuse_score, score_players
from safety.detection.catalogue import SetDetector, detectors_in_force
from safety.detection.definition import Reach
from safety.detection.recording import NOTHING_FOUND, record_signals
from safety.detection.rings.links import forget_old_links, refresh_links
from safety.detection.scope import Scope
from safety.detection.thresholds import as_json
from safety.models import AbuseSignal, Detector
from safety.review.opening import open_due_cases
from wallet.ledger import lock_players

# How far back a run reads devices and addresses from activity; what was seen before stays for a year.
LINKS_WINDOW_DAYS = 90

Counts = dict[str, int]


def detect_by_player(*, at: datetime, keys: KeyRange = ALL_KEYS) -> Counts:
    """Bring the links of a range of players up to date and run the detectors that judge players by themselves."""
    scope = Scope(at=at, keys=keys)
    counts = {"links changed": refresh_links(scope, window_days=LINKS_WINDOW_DAYS)}
    for detector in detectors_in_force():
        if detector.definition.reach is Reach.PLAYER:
            counts |= _counted(detector, run_detector(detector, scope=scope))
    return counts


def detect_among_players(*, at: datetime, began_at: datetime | None = None) -> Counts:
    """Run the detectors that compare players with each other, over all of them; links must be up to date.

    `began_at` is when the first range was looked at by the others; their finds since then are noted as one run.
    """
    scope = Scope(at=at)
    forget_old_links(scope)
    counts: Counts = {}
    for detector in detectors_in_force():
        if detector.definition.reach is Reach.EVERYBODY:
            counts |= _counted(detector, run_detector(detector, scope=scope))
    _note_runs_by_player(at=at, began_at=began_at or at)
    return counts


def _note_runs_by_player(*, at: datetime, began_at: datetime) -> None:
    """Note what the detectors that ran range by range, each at its own time, have found in all."""
    codes = [it.code for it in detectors_in_force() if it.definition.reach is Reach.PLAYER]
    found = AbuseSignal.objects.filter(detector__in=codes, last_seen_at__gte=began_at).values_list("detector")
    totals = found.annotate(found=Count("id"), new=Count("id", filter=Q(first_seen_at__gte=began_at))).order_by()
    told = {code: {"found": seen, "found again": seen - new, "new": new} for code, seen, new in totals}
    for code in codes:
        Detector.objects.filter(pk=code).update(last_run_at=at, last_run=told.get(code, dict(NOTHING_FOUND)))


def detect_everybody(
    *, at: datetime | None = None, detectors: Sequence[SetDetector] | None = None
) -> dict[str, dict[str, Any]]:
    """Run the detectors that are not off, or those given, over all players now; return what each found and took.

    Each runs in a transaction of its own.
    """
    scope = Scope(at=at or timezone.now())
    with transaction.atomic():
        refresh_links(scope, window_days=LINKS_WINDOW_DAYS)
        run_statement("ANALYZE safety_links", [])
    chosen = detectors_in_force() if detectors is None else detectors
    return {detector.code: run_detector(detector, scope=scope) for detector in chosen}


def detect_abuse_signals(
    player_id: str, *, at: datetime | None = None, detectors: Sequence[SetDetector] | None = None
) -> list[AbuseSignal]:
    """Look at one player now, with every detector that is not off or those given; return the open signals found.

    Those in shadow are among them.
    The definitions are those of the night with a filter. What the player shares is compared with the devices and
    addresses of others as they were found last. Raises NotFoundError.
    """
    if not Player.objects.filter(pk=player_id).exists():
        raise NotFoundError(f"there is no player {player_id!r}", player_id=player_id)
    at = at or timezone.now()
    scope = Scope(at=at, player_ids=(player_id,))
    with transaction.atomic(), plans_kept(keys=1), saved_policies_read_once():
        refresh_links(scope, window_days=LINKS_WINDOW_DAYS)
        for detector in detectors_in_force() if detectors is None else detectors:
            run_detector(detector, scope=scope)
    found = AbuseSignal.objects.filter(player_id=player_id, is_resolved=False, last_seen_at=at)
    return list(found.exclude(detector="").order_by("-severity", "detector"))


def look_at_player(player_id: str, *, at: datetime | None = None) -> tuple[int, list[AbuseSignal]]:
    """Look at one player now, store the scores that follow and open the review case that they ask for.

    Return the abuse score and the open signals found. Raises NotFoundError.
    """
    at = at or timezone.now()
    with transaction.atomic():
        # First, as whoever judges the signals does.
        lock_players([player_id])
        signals = detect_abuse_signals(player_id, at=at)
        only = KeyRange.holding(player_id)
        score_players(on=timezone.localdate(at), at=at, keys=only)
        open_due_cases(at=at, keys=only)
    return calculate_abuse_score(player_id, at=at), signals


def detect_on_events(*, kind: str, player_ids: Collection[str], at: datetime) -> int:
    """Look at players who have just done what some detectors wait for, and store the scores that follow.

    Return how many signals were found. Must run inside a transaction, for what is decided next in it.
    """
    detectors = [detector for detector in detectors_in_force() if kind in detector.definition.live_on]
    if not detectors or not player_ids:
        return 0
    scope = Scope(at=at, player_ids=tuple(sorted(player_ids)))
    with plans_kept(keys=len(player_ids)):
        found: int = sum(run_detector(detector, scope=scope)["found"] for detector in detectors)
    if found:
        score_players(on=timezone.localdate(at), at=at, keys=NamedKeys(keys=scope.player_ids or ()))
    return found


def run_detector(detector: SetDetector, *, scope: Scope) -> dict[str, Any]:
    """Run one detector over the players in scope; return what it found, and note it where it was everybody."""
    began = time.monotonic()
    # Within a transaction a savepoint would be of no use: whoever runs detectors goes on with all of them or none.
    with transaction.atomic(savepoint=False):
        prepare = detector.definition.prepare
        prepared = prepare(scope, detector.thresholds) if prepare else {}
        recorded = NOTHING_FOUND if prepared is None else record_signals(detector, scope=scope)
        told: dict[str, Any] = {**(prepared or {}), **recorded}
        told["seconds"] = round(time.monotonic() - began, 3)
        if scope.player_ids is None and scope.keys == ALL_KEYS:
            Detector.objects.filter(pk=detector.code).update(last_run_at=scope.at, last_run=as_json(told))
    return told


def _counted(detector: SetDetector, told: dict[str, Any]) -> Counts:
    return {f"{detector.code}: {what}": told[what] for what in ("found", "new")}
