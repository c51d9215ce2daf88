"""VIP status where a jurisdiction asks for an approval: three recorded checks, and a second person's decision.

The segment VIP follows from play alone. A player is a VIP for rewards where the jurisdiction asks for nothing, or while
an approval holds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from django.db import transaction
from django.utils import timezone

from core.errors import InvalidInputError, NotFoundError, RefusedError
from core.expressions import fetch_rows
from players.jurisdictions import jurisdiction_of
from players.models import LimitKind, Player, PlayerSegment
from safety.jurisdictions.changing import ProfileStatusError, SecondPersonNeededError
from safety.jurisdictions.profiles import Limit, profile_of
from safety.models import VipApproval, VipCheck, VipCheckKind, VipCheckResult, VipStatus
from safety.policies import VIP_APPROVAL_DAYS_MAX
from wallet.ledger import lock_players
from wallet.postings import check_text_field

if TYPE_CHECKING:
    from django.contrib.auth.models import User

NOTE_LENGTH_MAX = 500
EVIDENCE_LENGTH_MAX = 1000


class VipApprovalNeededError(RefusedError):
    """Raised when something for VIPs would go to a player without an approval; `details` names what is missing."""

    code = "vip_approval_needed"


class VipChecksMissingError(RefusedError):
    """Raised when an approval is asked for whose checks are not all passed; `details` names them."""

    code = "vip_checks_missing"


# Of each player who has any, the approval that holds on a date, or else the newest, and what it lacks: '' where it
# holds. The check of harm stands no longer than until harm is recorded, or the player excludes themselves. Takes the
# date in three places.
VIP_STANDINGS_SQL = """
    SELECT DISTINCT ON (a.player_id) a.player_id,
           CASE WHEN a.status = 'APPROVED' AND a.valid_until >= {on} AND h.harmed IS NULL THEN ''
                WHEN a.status = 'APPROVED' AND a.valid_until >= {on}
                    THEN 'a new approval: harm was recorded since its check'
                WHEN a.status = 'APPROVED' THEN 'a new approval: the last one ended on ' || a.valid_until
                WHEN a.status IN ('REFUSED', 'REVOKED') THEN 'a new approval: the last one was ' || lower(a.status)
                ELSE concat_ws(', ',
                    CASE WHEN 'AFFORDABILITY' <> ALL (c.passed) THEN 'affordability' END,
                    CASE WHEN 'SOURCE_OF_FUNDS' <> ALL (c.passed) THEN 'source of funds' END,
                    CASE WHEN 'HARM' <> ALL (c.passed) THEN 'harm' END,
                    'a second person')
           END AS lacks
    FROM safety_vip_approvals a
    CROSS JOIN LATERAL (
        SELECT coalesce(array_agg(k.kind::text) FILTER (WHERE k.result = 'PASSED'), '{{}}') AS passed,
               max(k.checked_at) FILTER (WHERE k.kind = 'HARM') AS harm_checked_at
        FROM safety_vip_checks k WHERE k.approval_id = a.id AND k.replaced_at IS NULL
    ) c
    LEFT JOIN LATERAL (
        SELECT true AS harmed FROM player_restrictions r
        WHERE r.player_id = a.player_id AND r.kind IN ('RG_HARM', 'SELF_EXCLUDED')
          AND (r.created_at > c.harm_checked_at OR coalesce(r.ends_at > now(), true))
          AND NOT EXISTS (SELECT 1 FROM player_restriction_lift_requests q
                          WHERE q.restriction_id = r.id AND q.is_correction AND q.is_granted)
        LIMIT 1
    ) h ON true
    WHERE {in_range}
    ORDER BY a.player_id, (a.status = 'APPROVED' AND a.valid_until >= {on}) DESC, a.id DESC
"""
# At most 60 characters: facts keep it.
NOTHING_RECORDED = "affordability, source of funds, harm, a second person"


@dataclass(frozen=True, slots=True, kw_only=True)
class VipStanding:
    """Whether a player counts as a VIP for rewards. `limit` is the clause that asks for an approval, None where none
    does; `lacks` what is missing of it, empty where nothing is.
    """

    player_id: str
    jurisdiction: str
    segment: str
    limit: Limit | None
    lacks: str

    @property
    def is_allowed(self) -> bool:
        """Whether incentives for VIPs may go to the player, whatever the segment."""
        return self.limit is None or not self.lacks

    @property
    def vip_status(self) -> bool:
        """Whether the player is in the segment VIP and may be treated as one."""
        return self.segment == PlayerSegment.VIP and self.is_allowed


def vip_standing(player_id: str, *, on: date) -> VipStanding:
    """Return where a player stands on a business date. Raises NotFoundError."""
    code = jurisdiction_of(player_id)
    limit = profile_of(code).limit(LimitKind.VIP_NEEDS_APPROVAL, on=on)
    return VipStanding(
        player_id=player_id,
        jurisdiction=code,
        segment=Player.objects.values_list("segment", flat=True).get(pk=player_id),
        limit=limit,
        lacks=approval_lacks(player_id, on=on) if limit else "",
    )


def approval_lacks(player_id: str, *, on: date) -> str:
    """Return what is missing for an approval of the player on a business date, empty where one holds."""
    sql = VIP_STANDINGS_SQL.format(on="%s", in_range="a.player_id = %s")
    rows = fetch_rows(f"SELECT lacks FROM ({sql}) s", [on, on, player_id, on])
    return str(rows[0][0]) if rows else NOTHING_RECORDED


def check_vip_approval(player_id: str, *, on: date) -> None:
    """Raise VipApprovalNeededError where the player's jurisdiction asks for an approval that does not hold."""
    standing = vip_standing(player_id, on=on)
    if not standing.is_allowed and standing.limit is not None:
        raise VipApprovalNeededError(
            f"player {player_id} is no approved VIP in {standing.jurisdiction}, missing: {standing.lacks} "
            f"({standing.limit.clause})",
            player_id=player_id,
            jurisdiction=standing.jurisdiction,
            missing=standing.lacks,
            clause=standing.limit.clause,
        )


@transaction.atomic
def open_vip_approval(*, player_id: str, by: User, note: str = "", at: datetime | None = None) -> VipApproval:
    """Begin the checks of a player. Raises NotFoundError, and ProfileStatusError where checks are under way."""
    check_text_field("note", note, length_max=NOTE_LENGTH_MAX)
    lock_players([player_id])
    under_way = VipApproval.objects.filter(player_id=player_id, status=VipStatus.OPEN).first()
    if under_way is not None:
        raise ProfileStatusError(
            f"checks of {player_id} are under way already: go on with approval {under_way.pk}", approval=under_way.pk
        )
    return VipApproval.objects.create(player_id=player_id, opened_by=by, opened_at=at or timezone.now(), note=note)


@transaction.atomic
def record_vip_check(
    *, approval_id: int, kind: str, result: str, evidence: str, by: User, at: datetime | None = None
) -> VipCheck:
    """Record what a check found; what it found before stays on record and counts no more.

    `evidence` has 1 to 1000 characters.

    Raises NotFoundError, InvalidInputError and ProfileStatusError.
    """
    if kind not in VipCheckKind.values:
        raise InvalidInputError(f"{kind!r} is no check: one of {', '.join(VipCheckKind.values)}", field="kind")
    if result not in VipCheckResult.values:
        raise InvalidInputError(f"{result!r} is no result: {' or '.join(VipCheckResult.values)}", field="result")
    check_text_field("evidence", evidence, length_max=EVIDENCE_LENGTH_MAX, is_needed=True)
    approval = _locked(approval_id, wanted=VipStatus.OPEN, step="checked")
    at = at or timezone.now()
    VipCheck.objects.filter(approval=approval, kind=kind, replaced_at=None).update(replaced_at=at)
    return VipCheck.objects.create(
        approval=approval, kind=kind, result=result, evidence=evidence, checked_by=by, checked_at=at
    )


@transaction.atomic
def approve_vip(
    *, approval_id: int, by: User, valid_until: date | None = None, note: str = "", at: datetime | None = None
) -> VipApproval:
    """Approve a player as a VIP up to a business date, at most VIP_APPROVAL_DAYS_MAX ahead (unless given, as far).

    Raises NotFoundError, ProfileStatusError, VipChecksMissingError, SecondPersonNeededError where the same person began
    the checks or made one, made again since or not, and InvalidInputError.
    """
    check_text_field("note", note, length_max=NOTE_LENGTH_MAX)
    at = at or timezone.now()
    approval = _locked(approval_id, wanted=VipStatus.OPEN, step="approved")
    checks = list(approval.checks.all())
    missing = _missing(checks)
    if missing:
        raise VipChecksMissingError(
            f"approval {approval_id} lacks passed checks: {', '.join(missing)}", missing=missing
        )
    if by.pk in {approval.opened_by_id, *(check.checked_by_id for check in checks)}:
        raise SecondPersonNeededError(f"{by.get_username()} took part in the checks: somebody else has to approve")
    today = timezone.localdate(at)
    approval.valid_until = _valid_until(valid_until, today=today)
    approved = _decide(approval, VipStatus.APPROVED, by=by, note=note, at=at)
    if approval_lacks(approval.player_id, on=today):
        raise VipChecksMissingError(
            f"approval {approval_id} cannot be given: strong indicators of harm or a self-exclusion hold, or were "
            "recorded since the check of harm; check it again once they have ended",
            missing=["harm"],
        )
    return approved


@transaction.atomic
def refuse_vip(*, approval_id: int, by: User, note: str, at: datetime | None = None) -> VipApproval:
    """Refuse an approval under way; `note` says why. Raises NotFoundError, ProfileStatusError, InvalidInputError."""
    check_text_field("note", note, length_max=NOTE_LENGTH_MAX, is_needed=True)
    approval = _locked(approval_id, wanted=VipStatus.OPEN, step="refused")
    return _decide(approval, VipStatus.REFUSED, by=by, note=note, at=at or timezone.now())


@transaction.atomic
def revoke_vip(*, approval_id: int, by: User, note: str, at: datetime | None = None) -> VipApproval:
    """End an approval at once; `note` says why. Raises NotFoundError, ProfileStatusError and InvalidInputError."""
    check_text_field("note", note, length_max=NOTE_LENGTH_MAX, is_needed=True)
    approval = _locked(approval_id, wanted=VipStatus.APPROVED, step="revoked")
    return _decide(approval, VipStatus.REVOKED, by=by, note=note, at=at or timezone.now())


def _missing(checks: Sequence[VipCheck]) -> list[str]:
    passed = {check.kind for check in checks if check.result == VipCheckResult.PASSED and check.replaced_at is None}
    return [kind.label.lower() for kind in VipCheckKind if kind not in passed]


def _valid_until(given: date | None, *, today: date) -> date:
    longest = today + timedelta(days=VIP_APPROVAL_DAYS_MAX.value())
    if given is not None and not today <= given <= longest:
        raise InvalidInputError(f"valid_until is {given}: {today} to {longest} is possible", field="valid_until")
    return given or longest


def _locked(approval_id: int, *, wanted: VipStatus, step: str) -> VipApproval:
    """Return an approval with its player locked, so that nothing is given by the old standing meanwhile."""
    player_id = VipApproval.objects.filter(pk=approval_id).values_list("player_id", flat=True).first()
    if player_id is None:
        raise NotFoundError(f"there is no VIP approval {approval_id}", approval_id=approval_id)
    lock_players([player_id])
    approval = VipApproval.objects.get(pk=approval_id)
    if approval.status != wanted:
        raise ProfileStatusError(
            f"VIP approval {approval_id} is {approval.get_status_display().lower()}: only one that is "
            f"{wanted.label.lower()} can be {step}",
            status=approval.status,
        )
    return approval


def _decide(approval: VipApproval, status: VipStatus, *, by: User, note: str, at: datetime) -> VipApproval:
    approval.status, approval.decided_by, approval.decided_at = status, by, at
    approval.note = note or approval.note
    approval.save(update_fields=["status", "decided_by", "decided_at", "note", "valid_until"])
    return approval
