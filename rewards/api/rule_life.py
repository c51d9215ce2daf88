"""The life of a rule in the API: submit, approve, reject, pause, resume, archive, revoke, and its versions."""

from __future__ import annotations

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from core.api.fields import AmountField, TextField, WholeNumberField
from core.api.serializers import RequestSerializer
from core.api.views import Endpoint, read_body, user_of
from core.background import run_soon
from rewards.api.rules import RuleSerializer, rule_named
from rewards.models import RewardRule, RewardRuleVersion, RuleApproval
from rewards.rule_life.approval import approve_rule, reject_rule, submit_rule
from rewards.rule_life.events import REASON_LENGTH_MAX
from rewards.rule_life.revoking import ask_revocation, preview_revocation, revocation_progress
from rewards.rule_life.stopping import archive_rule, pause_rule, resume_rule
from rewards.rule_life.versions import changes_between, content_hash
from rewards.tasks import run_revocation
from wallet.corrections import REASON_LENGTH_MAX as REVOCATION_REASON_LENGTH_MAX


class RuleSubmitRequestSerializer(RequestSerializer):
    """What the rule is expected to give per business date, in money value, and a note to whoever approves."""

    forecast_cost = AmountField(required=False, allow_null=True, help_text="Without one no guardrail stops the rule.")
    note = TextField(required=False, allow_blank=True, max_length=REASON_LENGTH_MAX)


class RuleApproveRequestSerializer(RequestSerializer):
    """The version that was looked at, and the hash of its content: nothing else is approved."""

    version = WholeNumberField(min_value=1)
    content_hash = TextField(max_length=64)


class RuleRejectRequestSerializer(RequestSerializer):
    """The version that waits, and why it shall not run."""

    version = WholeNumberField(min_value=1)
    reason = TextField(max_length=REASON_LENGTH_MAX)


class RuleReasonSerializer(RequestSerializer):
    """Why."""

    reason = TextField(max_length=REASON_LENGTH_MAX)


class RuleOptionalReasonSerializer(RequestSerializer):
    """Why, where there is something to say."""

    reason = TextField(required=False, allow_blank=True, max_length=REASON_LENGTH_MAX)


class RuleRevokeRequestSerializer(RequestSerializer):
    """Why, and from which business date of granting on."""

    reason = TextField(max_length=REVOCATION_REASON_LENGTH_MAX)
    since = serializers.DateField(required=False, allow_null=True)


class RevocationQuery(RequestSerializer):
    """From which business date of granting on."""

    since = serializers.DateField(required=False)


class RuleApprovalSerializer(serializers.ModelSerializer[RuleApproval]):
    """A request for approval."""

    submitted_by = serializers.CharField(source="submitted_by.username", read_only=True, allow_null=True, default=None)

    class Meta:
        model = RuleApproval
        fields = (
            "rule_id",
            "version",
            "base_version",
            "content_hash",
            "forecast_cost",
            "note",
            "status",
            "submitted_by",
            "submitted_at",
        )
        read_only_fields = fields


class RuleChangeOfVersionSerializer(serializers.Serializer[Any]):
    """One difference to the version before; null where that version does not have the key."""

    path = serializers.CharField()
    before = serializers.JSONField(allow_null=True)
    after = serializers.JSONField(allow_null=True)


class RuleVersionSerializer(serializers.Serializer[Any]):
    """What a rule said at one version."""

    version = serializers.IntegerField()
    content_hash = serializers.CharField()
    saved_by = serializers.CharField(allow_null=True)
    saved_at = serializers.DateTimeField()
    content = serializers.JSONField()
    changes = RuleChangeOfVersionSerializer(many=True)


class RuleVersionsSerializer(serializers.Serializer[Any]):
    """All versions, the newest first, with which of them runs and which waits."""

    rule_id = serializers.CharField()
    status = serializers.CharField()
    version = serializers.IntegerField()
    approved_version = serializers.IntegerField(allow_null=True)
    pending_version = serializers.IntegerField(allow_null=True)
    versions = RuleVersionSerializer(many=True)


class RevocationLineSerializer(serializers.Serializer[Any]):
    """What a rule gave in one currency: `credited` = `remaining` + `used`."""

    currency = serializers.CharField()
    players = serializers.IntegerField()
    lots = serializers.IntegerField()
    credited = serializers.DecimalField(max_digits=18, decimal_places=2)
    used = serializers.DecimalField(max_digits=18, decimal_places=2)
    players_left = serializers.IntegerField()
    lots_left = serializers.IntegerField()
    remaining = serializers.DecimalField(max_digits=18, decimal_places=2)


class RevocationPreviewSerializer(serializers.Serializer[Any]):
    """What revoking would take back now; nothing was written."""

    rule_id = serializers.CharField()
    since = serializers.DateField(allow_null=True)
    is_active = serializers.BooleanField()
    given = RevocationLineSerializer(many=True)


class RevocationSerializer(serializers.Serializer[Any]):
    """How far a revocation is: `status` is PENDING, RUNNING, SUCCEEDED or FAILED, then `error` says why.

    `counts` is what was taken back so far.
    """

    run_id = serializers.IntegerField(source="run.pk")
    rule_id = serializers.CharField(source="run.parameters.rule_id")
    since = serializers.CharField(source="run.parameters.since", allow_null=True)
    reason = serializers.CharField(source="run.parameters.reason")
    status = serializers.CharField(source="run.status")
    progress_percent = serializers.IntegerField(source="percent")
    counts = serializers.DictField(child=serializers.IntegerField())
    error = serializers.CharField(source="run.error")
    started_by = serializers.CharField(source="run.started_by.username", allow_null=True, default=None)
    started_at = serializers.DateTimeField(source="run.started_at")
    finished_at = serializers.DateTimeField(source="run.finished_at", allow_null=True)


class RuleVersions(Endpoint):
    """What a rule said."""

    permissions_by_method = {"GET": "rewards.view_rewardrule"}

    @extend_schema(operation_id="rules_versions", responses=RuleVersionsSerializer)
    def get(self, request: Request, rule_id: str) -> Response:
        """List the versions of a rule with what each changed."""
        return Response(RuleVersionsSerializer(_versions_of(rule_named(rule_id))).data)


class RuleSubmit(Endpoint):
    """A rule put forward for approval."""

    permissions_by_method = {"POST": "rewards.change_rewardrule"}

    @extend_schema(operation_id="rules_submit", request=RuleSubmitRequestSerializer, responses=RuleApprovalSerializer)
    def post(self, request: Request, rule_id: str) -> Response:
        """Ask for the approval of a draft, or of the draft beside a rule that runs."""
        asked = read_body(request, RuleSubmitRequestSerializer)
        return Response(RuleApprovalSerializer(submit_rule(rule_id=rule_id, by=user_of(request), **asked)).data)


class RuleApprove(Endpoint):
    """A rule approved."""

    permissions_by_method = {"POST": "rewards.approve_rewardrule"}

    @extend_schema(operation_id="rules_approve", request=RuleApproveRequestSerializer, responses=RuleSerializer)
    def post(self, request: Request, rule_id: str) -> Response:
        """Let the version that waits run. Refused to whoever edited or submitted it (`second_person_needed`)."""
        asked = read_body(request, RuleApproveRequestSerializer)
        return Response(RuleSerializer(approve_rule(rule_id=rule_id, by=user_of(request), **asked)).data)


class RuleReject(Endpoint):
    """A rule sent back."""

    permissions_by_method = {"POST": "rewards.approve_rewardrule"}

    @extend_schema(operation_id="rules_reject", request=RuleRejectRequestSerializer, responses=RuleSerializer)
    def post(self, request: Request, rule_id: str) -> Response:
        """Send the version that waits back to be a draft."""
        asked = read_body(request, RuleRejectRequestSerializer)
        return Response(RuleSerializer(reject_rule(rule_id=rule_id, by=user_of(request), **asked)).data)


class RulePause(Endpoint):
    """A rule stopped."""

    permissions_by_method = {"POST": "rewards.pause_rewardrule"}

    @extend_schema(operation_id="rules_pause", request=RuleReasonSerializer, responses=RuleSerializer)
    def post(self, request: Request, rule_id: str) -> Response:
        """Pause an active rule at once, in a night under way too."""
        asked = read_body(request, RuleReasonSerializer)
        return Response(RuleSerializer(pause_rule(rule_id=rule_id, by=user_of(request), **asked)).data)


class RuleResume(Endpoint):
    """A paused rule let run again."""

    permissions_by_method = {"POST": "rewards.pause_rewardrule"}

    @extend_schema(operation_id="rules_resume", request=RuleOptionalReasonSerializer, responses=RuleSerializer)
    def post(self, request: Request, rule_id: str) -> Response:
        """Resume a paused rule; one that its guardrail stopped only by somebody who did not write it."""
        asked = read_body(request, RuleOptionalReasonSerializer)
        return Response(RuleSerializer(resume_rule(rule_id=rule_id, by=user_of(request), **asked)).data)


class RuleArchive(Endpoint):
    """A rule taken out of use."""

    permissions_by_method = {"POST": "rewards.delete_rewardrule"}

    @extend_schema(
        operation_id="rules_archive_with_reason", request=RuleOptionalReasonSerializer, responses=RuleSerializer
    )
    def post(self, request: Request, rule_id: str) -> Response:
        """Archive a rule for good, like DELETE, with a reason."""
        asked = read_body(request, RuleOptionalReasonSerializer)
        return Response(RuleSerializer(archive_rule(rule_id=rule_id, by=user_of(request), **asked)).data)


class RuleRevoke(Endpoint):
    """A rule's rewards taken back."""

    permissions_by_method = {"GET": "rewards.revoke_rewardrule", "POST": "rewards.revoke_rewardrule"}
    query_by_method = {"GET": RevocationQuery}

    @extend_schema(
        operation_id="rules_revoke_preview", parameters=[RevocationQuery], responses=RevocationPreviewSerializer
    )
    def get(self, request: Request, rule_id: str) -> Response:
        """Say what revoking would take back; write nothing."""
        found = preview_revocation(rule_id=rule_id, since=self.query.get("since"))
        return Response(RevocationPreviewSerializer(found).data)

    @extend_schema(
        operation_id="rules_revoke", request=RuleRevokeRequestSerializer, responses={202: RevocationSerializer}
    )
    def post(self, request: Request, rule_id: str) -> Response:
        """Have what is unspent of the rule's rewards taken back; a second time there is nothing to take.

        Ask `/api/rules/{rule_id}/revocations/{run_id}` how far it is.
        """
        asked = read_body(request, RuleRevokeRequestSerializer)
        run = ask_revocation(rule_id=rule_id, by=user_of(request), at=timezone.now(), **asked)
        run_soon(run_revocation, run.pk)
        progress = revocation_progress(rule_id=rule_id, run_id=run.pk)
        return Response(RevocationSerializer(progress).data, status=status.HTTP_202_ACCEPTED)


class RuleRevocation(Endpoint):
    """A revocation under way, or done."""

    permissions_by_method = {"GET": "rewards.revoke_rewardrule"}

    @extend_schema(operation_id="rules_revocation", responses=RevocationSerializer)
    def get(self, request: Request, rule_id: str, run_id: int) -> Response:
        """Say how far a revocation is and what it has taken back."""
        return Response(RevocationSerializer(revocation_progress(rule_id=rule_id, run_id=run_id)).data)


def _versions_of(rule: RewardRule) -> dict[str, Any]:
    stored = list(RewardRuleVersion.objects.filter(rule=rule).select_related("saved_by").order_by("version"))
    before: dict[str, Any] = {}
    versions = []
    for one in stored:
        versions.append(
            {
                "version": one.version,
                "content_hash": content_hash(one.content),
                "saved_by": one.saved_by.get_username() if one.saved_by else None,
                "saved_at": one.saved_at,
                "content": one.content,
                "changes": changes_between(before, one.content) if before else [],
            }
        )
        before = one.content
    return {
        "rule_id": rule.pk,
        "status": rule.status,
        "version": rule.version,
        "approved_version": rule.approved_version,
        "pending_version": rule.pending_version,
        "versions": versions[::-1],
    }
