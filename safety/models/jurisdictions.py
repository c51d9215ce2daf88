"""Jurisdiction profiles in all their versions, and approvals of VIP players."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models
from django.db.models.functions import Now

from players.models import LimitKind, Player
from players.models.jurisdictions import CODE_LENGTH_MAX


class ProfileStatus(models.TextChoices):
    PROPOSED = "PROPOSED", "Waits for a second person"
    IN_FORCE = "IN_FORCE", "In force"
    REPLACED = "REPLACED", "Replaced"
    REFUSED = "REFUSED", "Refused"


def _user(**options: Any) -> models.ForeignKey[Any, Any]:
    return models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", null=True, blank=True, **options
    )


class JurisdictionProfile(models.Model):
    """One version of a profile, never edited: proposed by one person, in force once a different one accepted it.

    What is in force is also in `jurisdictions` and `jurisdiction_limits`, where the ledger reads it.
    """

    code = models.CharField(max_length=CODE_LENGTH_MAX)
    version = models.PositiveIntegerField()
    content = models.JSONField()
    status = models.CharField(max_length=10, choices=ProfileStatus.choices)
    reason = models.CharField(max_length=500, help_text="Why it is to be so.")
    proposed_by = _user(help_text="Empty: shipped with the house.")
    proposed_at = models.DateTimeField(db_default=Now())
    decided_by = _user()
    decided_at = models.DateTimeField(null=True, blank=True)
    decision_note = models.CharField(max_length=500, blank=True, default="", db_default="")

    class Meta:
        db_table = "safety_jurisdictions"
        ordering = ["code", "-version"]
        constraints = [
            models.UniqueConstraint(fields=["code", "version"], name="jurisdiction_profile_version_unique"),
            models.UniqueConstraint(
                fields=["code"], condition=models.Q(status="IN_FORCE"), name="jurisdiction_profile_one_in_force"
            ),
            models.UniqueConstraint(
                fields=["code"], condition=models.Q(status="PROPOSED"), name="jurisdiction_profile_one_proposed"
            ),
            models.CheckConstraint(
                condition=models.Q(decided_by__isnull=True) | ~models.Q(decided_by=models.F("proposed_by")),
                name="jurisdiction_profile_two_people",
            ),
            models.CheckConstraint(
                condition=models.Q(status__in=ProfileStatus.values), name="jurisdiction_profile_status_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.code} v{self.version}"

    @property
    def limits_shown(self) -> list[dict[str, Any]]:
        """The limits, each with its kind in words as `label`."""
        labels = dict(LimitKind.choices)
        return [
            {**limit, "label": labels.get(limit["kind"], limit["kind"])} for limit in self.content.get("limits", [])
        ]


class VipStatus(models.TextChoices):
    OPEN = "OPEN", "Checks under way"
    APPROVED = "APPROVED", "Approved"
    REFUSED = "REFUSED", "Refused"
    REVOKED = "REVOKED", "Revoked"


class VipCheckKind(models.TextChoices):
    AFFORDABILITY = "AFFORDABILITY", "Affordability"
    SOURCE_OF_FUNDS = "SOURCE_OF_FUNDS", "Source of funds"
    HARM = "HARM", "Indicators of harm"


class VipCheckResult(models.TextChoices):
    PASSED = "PASSED", "Passed"
    FAILED = "FAILED", "Failed"


class VipApproval(models.Model):
    """A player on the way to being a VIP where the jurisdiction asks for an approval: three checks, then a decision.

    Who decides made none of the checks. An approval ends on its last business date, or when it is revoked.
    """

    player = models.ForeignKey(Player, on_delete=models.PROTECT, related_name="vip_approvals", db_index=False)
    status = models.CharField(max_length=10, choices=VipStatus.choices, default=VipStatus.OPEN, db_default="OPEN")
    opened_by = _user()
    opened_at = models.DateTimeField(db_default=Now())
    decided_by = _user()
    decided_at = models.DateTimeField(null=True, blank=True)
    valid_until = models.DateField(null=True, blank=True, help_text="Last business date of an approval.")
    note = models.CharField(max_length=500, blank=True, default="", db_default="")

    class Meta:
        db_table = "safety_vip_approvals"
        ordering = ["-id"]
        verbose_name = "VIP approval"
        indexes = [models.Index(fields=["player", "status"], name="idx_vip_approval_player")]
        constraints = [
            models.UniqueConstraint(fields=["player"], condition=models.Q(status="OPEN"), name="vip_approval_one_open"),
            models.CheckConstraint(condition=models.Q(status__in=VipStatus.values), name="vip_approval_status_known"),
            models.CheckConstraint(
                condition=~models.Q(status="APPROVED")
                | models.Q(valid_until__isnull=False, decided_by__isnull=False, decided_at__isnull=False),
                name="vip_approval_by_whom_and_until",
            ),
        ]

    def __str__(self) -> str:
        return f"VIP approval of {self.player_id}"


class VipCheck(models.Model):
    """One of the three checks: what it found, on which evidence, and who made it; made again, the one before stays."""

    approval = models.ForeignKey(VipApproval, on_delete=models.CASCADE, related_name="checks")
    kind = models.CharField(max_length=20, choices=VipCheckKind.choices)
    result = models.CharField(max_length=10, choices=VipCheckResult.choices)
    evidence = models.CharField(max_length=1000, help_text="What was seen, and where it is kept.")
    checked_by = _user()
    checked_at = models.DateTimeField(db_default=Now())
    replaced_at = models.DateTimeField(
        null=True, blank=True, help_text="Empty: it stands. Else when it was made again."
    )

    class Meta:
        db_table = "safety_vip_checks"
        ordering = ["approval", "kind", "id"]
        verbose_name = "VIP check"
        constraints = [
            models.UniqueConstraint(
                fields=["approval", "kind"], condition=models.Q(replaced_at=None), name="vip_check_one_stands"
            ),
            models.CheckConstraint(condition=models.Q(kind__in=VipCheckKind.values), name="vip_check_kind_known"),
            models.CheckConstraint(condition=models.Q(result__in=VipCheckResult.values), name="vip_check_result_known"),
            models.CheckConstraint(condition=~models.Q(evidence=""), name="vip_check_has_evidence"),
        ]

    def __str__(self) -> str:
        return f"{self.kind}: {self.result}"
