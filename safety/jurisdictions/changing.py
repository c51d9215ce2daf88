"""Four eyes on profiles: one person proposes a version, a second one accepts or refuses it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.db import connection, transaction
from django.db.models import Max
from django.utils import timezone

from core.errors import ConflictError, NotFoundError
from players.models import Jurisdiction, JurisdictionLimit
from safety.jurisdictions.problems import check_profile, limit_rows
from safety.models import JurisdictionProfile, ProfileStatus
from wallet.postings import check_text_field

if TYPE_CHECKING:
    from django.contrib.auth.models import User

REASON_LENGTH_MAX = 500


class ProfileStatusError(ConflictError):
    """Raised when a version is in a status from which the step does not lead on, or another one waits."""

    code = "profile_status"


class SecondPersonNeededError(ConflictError):
    """Raised when whoever proposed, or checked, would decide too."""

    code = "second_person_needed"


@transaction.atomic
def propose_profile(
    *, code: str, content: Mapping[str, Any], reason: str, by: User, at: datetime | None = None
) -> JurisdictionProfile:
    """Propose a new jurisdiction or a new version of one; nothing changes until a second person accepts it.

    Raises ProfileInvalidError with every problem, InvalidInputError without a reason, and ProfileStatusError where
    another proposal waits.
    """
    check_text_field("reason", reason, length_max=REASON_LENGTH_MAX, is_needed=True)
    _lock(code)
    check_profile(code=code, content=content)
    waiting = JurisdictionProfile.objects.filter(code=code, status=ProfileStatus.PROPOSED).first()
    if waiting is not None:
        raise ProfileStatusError(
            f"version {waiting.version} of {code} waits for a second person: decide about it first",
            version=waiting.version,
        )
    last = JurisdictionProfile.objects.filter(code=code).aggregate(last=Max("version"))["last"] or 0
    return JurisdictionProfile.objects.create(
        code=code,
        version=last + 1,
        content=dict(content),
        status=ProfileStatus.PROPOSED,
        reason=reason,
        proposed_by=by,
        proposed_at=at or timezone.now(),
    )


@transaction.atomic
def accept_profile(*, profile_id: int, by: User, note: str = "", at: datetime | None = None) -> JurisdictionProfile:
    """Let a proposed version hold from now on. What depends on it is looked at by the caller.

    Raises NotFoundError, SecondPersonNeededError, ProfileStatusError, and ProfileInvalidError where it cannot hold.
    """
    profile = _proposed(profile_id, by=by, note=note)
    check_profile(code=profile.code, content=profile.content)
    JurisdictionProfile.objects.filter(code=profile.code, status=ProfileStatus.IN_FORCE).update(
        status=ProfileStatus.REPLACED
    )
    at = at or timezone.now()
    _decide(profile, ProfileStatus.IN_FORCE, by=by, note=note, at=at)
    _publish(profile, at=at)
    return profile


@transaction.atomic
def refuse_profile(*, profile_id: int, by: User, note: str, at: datetime | None = None) -> JurisdictionProfile:
    """Refuse a proposed version; `note` says why. Who proposed it may take it back so.

    Raises NotFoundError, ProfileStatusError and InvalidInputError.
    """
    check_text_field("note", note, length_max=REASON_LENGTH_MAX, is_needed=True)
    profile = _proposed(profile_id, by=None, note=note)
    own = profile.proposed_by_id == by.pk
    _decide(profile, ProfileStatus.REFUSED, by=None if own else by, note=note, at=at or timezone.now())
    return profile


def _lock(code: str) -> None:
    """Let one person at a time change profiles: two may not claim one country."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('safety_jurisdictions'))")
    list(Jurisdiction.objects.select_for_update(no_key=True).filter(pk=code))


def _proposed(profile_id: int, *, by: User | None, note: str) -> JurisdictionProfile:
    check_text_field("note", note, length_max=REASON_LENGTH_MAX)
    profile = JurisdictionProfile.objects.filter(pk=profile_id).first()
    if profile is None:
        raise NotFoundError(f"there is no version {profile_id} of a profile", profile_id=profile_id)
    _lock(profile.code)
    profile.refresh_from_db()
    if profile.status != ProfileStatus.PROPOSED:
        raise ProfileStatusError(f"{profile} is {profile.get_status_display().lower()}", status=profile.status)
    if by is not None and profile.proposed_by_id == by.pk:
        raise SecondPersonNeededError(f"{by.get_username()} proposed {profile}: somebody else has to accept it")
    return profile


def _decide(profile: JurisdictionProfile, status: ProfileStatus, *, by: User | None, note: str, at: datetime) -> None:
    profile.status = status
    profile.decided_by, profile.decided_at, profile.decision_note = by, at, note
    profile.save(update_fields=["status", "decided_by", "decided_at", "decision_note"])


def _publish(profile: JurisdictionProfile, *, at: datetime) -> None:
    """Write what holds where the ledger and the rules read it."""
    content = profile.content
    Jurisdiction.objects.update_or_create(
        code=profile.code,
        defaults={
            "name": content["name"],
            "countries": content.get("countries", []),
            "takes_unknown_countries": content.get("takes_unknown_countries", False),
            "note": content.get("note", ""),
            "version": profile.version,
            "changed_at": at,
        },
    )
    JurisdictionLimit.objects.filter(jurisdiction=profile.code).delete()
    JurisdictionLimit.objects.bulk_create(limit_rows(profile.code, content.get("limits", [])))
