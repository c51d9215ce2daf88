"""Compare what was found with what was planted; the labels are read here and nowhere else."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import connection

from safety.detection.catalogue import DEFINITIONS
from safety.models import RingMember


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """A detector's recall among the planted of its kind, and its rate of false positives among ordinary players."""

    code: str
    planted: int
    found: int
    ordinary: int
    false_positives: int

    @property
    def recall(self) -> float:
        return self.found / self.planted

    @property
    def false_positive_rate(self) -> float:
        return self.false_positives / self.ordinary


def judge_detectors() -> dict[str, Judgement]:
    """Return each detector's judgement."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT d.code, count(*) FILTER (WHERE a.kind = d.code),
                   count(*) FILTER (WHERE a.kind = d.code AND s.id IS NOT NULL),
                   count(*) FILTER (WHERE a.kind = 'ORDINARY'),
                   count(*) FILTER (WHERE a.kind = 'ORDINARY' AND s.id IS NOT NULL)
            FROM unnest(%s::text[]) d (code) CROSS JOIN bench_accounts a
            LEFT JOIN abuse_signals s ON s.player_id = a.player_id AND s.detector = d.code
            WHERE a.kind IN ('ORDINARY', d.code) GROUP BY d.code
            """,
            [list(DEFINITIONS)],
        )
        return {
            code: Judgement(code=code, planted=planted, found=found, ordinary=ordinary, false_positives=false)
            for code, planted, found, ordinary, false in cursor.fetchall()
        }


def ring_of_twenty() -> tuple[set[str], set[str]]:
    """Return the accounts of the planted ring of twenty, and the members of the ring that its first account is in."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT player_id FROM bench_accounts WHERE kind = 'SHARED_DEVICE' AND farm = 1")
        planted = {player_id for (player_id,) in cursor.fetchall()}
    membership = RingMember.objects.filter(player_id=min(planted)).first()
    members = RingMember.objects.filter(ring_id=membership.ring_id) if membership else RingMember.objects.none()
    return planted, set(members.values_list("player_id", flat=True))
