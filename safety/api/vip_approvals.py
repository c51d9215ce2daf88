"""VIP approvals in the API: begin the checks, record them, decide as a second person, revoke."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from core.api.fields import TextField
from core.api.serializers import RequestSerializer
from core.api.views import Endpoint, read_body, user_of
from core.errors import NotFoundError
from players.models import Player
from safety.models import VipApproval, VipCheck, VipCheckKind, VipCheckResult
from safety.vip_approvals import (
    EVIDENCE_LENGTH_MAX,
    NOTE_LENGTH_MAX,
    approve_vip,
    open_vip_approval,
    record_vip_check,
    refuse_vip,
    revoke_vip,
)

APPROVALS_MAX = 50


class VipCheckSerializer(serializers.ModelSerializer[VipCheck]):
    """One check."""

    checked_by = serializers.CharField(source="checked_by.username", read_only=True, allow_null=True, default=None)

    class Meta:
        model = VipCheck
        fields = ("kind", "result", "evidence", "checked_by", "checked_at", "replaced_at")
        read_only_fields = fields


class VipApprovalSerializer(serializers.ModelSerializer[VipApproval]):
    """An approval with its checks."""

    opened_by = serializers.CharField(source="opened_by.username", read_only=True, allow_null=True, default=None)
    decided_by = serializers.CharField(source="decided_by.username", read_only=True, allow_null=True, default=None)
    checks = VipCheckSerializer(many=True, read_only=True)

    class Meta:
        model = VipApproval
        fields = (
            "id",
            "player_id",
            "status",
            "opened_by",
            "opened_at",
            "decided_by",
            "decided_at",
            "valid_until",
            "note",
            "checks",
        )
        read_only_fields = fields


class VipApprovalsSerializer(serializers.Serializer[Any]):
    results = VipApprovalSerializer(many=True)


class VipOpenSerializer(RequestSerializer):
    """Words that may go with it."""

    note = TextField(required=False, allow_blank=True, max_length=NOTE_LENGTH_MAX)


class VipCheckRequestSerializer(RequestSerializer):
    """What a check found, and on which evidence."""

    kind = serializers.ChoiceField(choices=VipCheckKind.choices)
    result = serializers.ChoiceField(choices=VipCheckResult.choices)
    evidence = TextField(max_length=EVIDENCE_LENGTH_MAX)


class VipApproveSerializer(RequestSerializer):
    """Until when, and words that may go with it."""

    valid_until = serializers.DateField(required=False, allow_null=True)
    note = TextField(required=False, allow_blank=True, max_length=NOTE_LENGTH_MAX)


class VipReasonSerializer(RequestSerializer):
    """Why."""

    note = TextField(max_length=NOTE_LENGTH_MAX)


class PlayerVipApprovals(Endpoint):
    """The approvals of one player."""

    permissions_by_method = {"GET": "safety.view_vipapproval", "POST": "safety.add_vipapproval"}

    @extend_schema(operation_id="vip_approvals_list", responses=VipApprovalsSerializer)
    def get(self, request: Request, player_id: str) -> Response:
        """List a player's approvals, the newest first, at most fifty."""
        if not Player.objects.filter(pk=player_id).exists():
            raise NotFoundError(f"there is no player {player_id!r}", player_id=player_id)
        rows = VipApproval.objects.filter(player_id=player_id).select_related("opened_by", "decided_by")
        shown = rows.prefetch_related("checks__checked_by")[:APPROVALS_MAX]
        return Response(VipApprovalsSerializer({"results": shown}).data)

    @extend_schema(operation_id="vip_approvals_open", request=VipOpenSerializer, responses={201: VipApprovalSerializer})
    def post(self, request: Request, player_id: str) -> Response:
        """Begin the checks of a player."""
        opened = open_vip_approval(player_id=player_id, by=user_of(request), **read_body(request, VipOpenSerializer))
        return Response(VipApprovalSerializer(opened).data, status=status.HTTP_201_CREATED)


class VipChecks(Endpoint):
    """The checks of an approval."""

    permissions_by_method = {"POST": "safety.add_vipapproval"}

    @extend_schema(operation_id="vip_checks_record", request=VipCheckRequestSerializer, responses=VipApprovalSerializer)
    def post(self, request: Request, approval_id: int) -> Response:
        """Record what a check found, in place of what it found before."""
        asked = read_body(request, VipCheckRequestSerializer)
        record_vip_check(approval_id=approval_id, by=user_of(request), **asked)
        return Response(VipApprovalSerializer(VipApproval.objects.get(pk=approval_id)).data)


class VipApprove(Endpoint):
    """The decision of a second person."""

    permissions_by_method = {"POST": "safety.change_vipapproval"}

    @extend_schema(operation_id="vip_approvals_approve", request=VipApproveSerializer, responses=VipApprovalSerializer)
    def post(self, request: Request, approval_id: int) -> Response:
        """Approve a player whose three checks are passed."""
        asked = read_body(request, VipApproveSerializer)
        return Response(VipApprovalSerializer(approve_vip(approval_id=approval_id, by=user_of(request), **asked)).data)


class VipRefuse(Endpoint):
    """The refusal of an approval under way."""

    permissions_by_method = {"POST": "safety.change_vipapproval"}

    @extend_schema(operation_id="vip_approvals_refuse", request=VipReasonSerializer, responses=VipApprovalSerializer)
    def post(self, request: Request, approval_id: int) -> Response:
        """Refuse an approval under way."""
        asked = read_body(request, VipReasonSerializer)
        return Response(VipApprovalSerializer(refuse_vip(approval_id=approval_id, by=user_of(request), **asked)).data)


class VipRevoke(Endpoint):
    """The end of an approval."""

    permissions_by_method = {"POST": "safety.change_vipapproval"}

    @extend_schema(operation_id="vip_approvals_revoke", request=VipReasonSerializer, responses=VipApprovalSerializer)
    def post(self, request: Request, approval_id: int) -> Response:
        """End an approval at once."""
        asked = read_body(request, VipReasonSerializer)
        return Response(VipApprovalSerializer(revoke_vip(approval_id=approval_id, by=user_of(request), **asked)).data)
