"""A ring in the API: its cases claimed together, and decided with one reason."""

from __future__ import annotations

from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from core.api.fields import TextField, WholeNumberField
from core.api.serializers import NoBody, RequestSerializer
from core.api.views import Endpoint, read_body, user_of
from rewards.api.reviewing import CaseSerializer, by_number
from rewards.reviewing.rings import CASES_MAX, decide_ring
from safety.models import ReviewOutcome
from safety.review.rings import claim_ring

_WORK = "safety.change_reviewcase"
_SIGNALS_MAX = 10_000
_DECISION = OpenApiExample(
    "All but one",
    request_only=True,
    value={
        "cases": {"12": "CONFIRMED", "13": "CONFIRMED", "14": "DISMISSED"},
        "reason": "Three devices, one card; 14 is the flatmate",
        "signals": [31, 32, 33],
    },
)


class RingDecisionSerializer(RequestSerializer):
    """What was found of each case. `signals` names those that were looked at: where one has joined since, nothing is
    decided.
    """

    cases = serializers.DictField(
        child=serializers.ChoiceField(choices=ReviewOutcome.choices),
        help_text=f"By the case's id: CONFIRMED or DISMISSED, of all its signals; at most {CASES_MAX} cases.",
    )
    reason = TextField(max_length=1000)
    signals = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=2**63 - 1), required=False, max_length=_SIGNALS_MAX
    )
    finding_severity = WholeNumberField(
        min_value=1, max_value=10, required=False, help_text="For confirmed cases without signals: how severe it is."
    )

    def validate_cases(self, given: dict[str, str]) -> dict[int, str]:
        """Return the outcomes by number. Raises ValidationError."""
        return by_number(given, what="a case")


class ReviewRingClaim(Endpoint):
    """Taking the cases of a ring."""

    permissions_by_method = {"POST": _WORK}

    @extend_schema(operation_id="review_rings_claim", request=NoBody, responses=CaseSerializer(many=True))
    def post(self, request: Request, ring_number: int) -> Response:
        """Take every case of a ring that nobody has; the answer lists those that you have then."""
        read_body(request, NoBody)
        return Response(CaseSerializer(claim_ring(ring_number=ring_number, by=user_of(request)), many=True).data)


class ReviewRingDecide(Endpoint):
    """The decision of a ring."""

    permissions_by_method = {"POST": _WORK}

    @extend_schema(
        operation_id="review_rings_decide", request=RingDecisionSerializer, responses=CaseSerializer(many=True),
        examples=[_DECISION],
    )  # fmt: skip
    def post(self, request: Request, ring_number: int) -> Response:
        """Decide cases of a ring that you have claimed, all or none; each follows as if it were decided alone."""
        asked = read_body(request, RingDecisionSerializer)
        cases = decide_ring(
            ring_number=ring_number,
            outcomes=asked["cases"],
            reason=asked["reason"],
            by=user_of(request),
            seen=asked.get("signals"),
            finding_severity=asked.get("finding_severity"),
        )
        return Response(CaseSerializer(cases, many=True).data)
