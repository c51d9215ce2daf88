"""The review queue in the API, for risk tooling; integrators flag players and file their appeals."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from core.api.fields import TextField, WholeNumberField
from core.api.pagination import PageQuery, PageSerializer, page_of
from core.api.serializers import NoBody, RequestSerializer
from core.api.views import Endpoint, read_body, user_of
from core.errors import InvalidInputError, NotFoundError
from rewards.models import RewardDecision
from rewards.reviewing.deciding import decide_review
from safety.models import (
    UNDECIDED,
    AbuseSignal,
    CaseOutcome,
    ReviewCase,
    ReviewCause,
    ReviewEvent,
    ReviewEvidence,
    ReviewOutcome,
    ReviewStatus,
)
from safety.review.appeals import AppealSource, appeal_case
from safety.review.opening import flag_for_review
from safety.review.working import add_link, add_note, assign_case, claim_case, release_case

_WORK = "safety.change_reviewcase"
_DECISION = OpenApiExample(
    "Confirmed in part",
    request_only=True,
    value={
        "outcome": "PARTIAL",
        "reason": "One household, but the second account deposits nothing",
        "signals": {"17": "CONFIRMED", "18": "DISMISSED"},
    },
)


def by_number(given: dict[str, str], *, what: str) -> dict[int, str]:
    """Return what was given by the numbers that its keys name. Raises ValidationError for a key that is no number."""
    wrong = [key for key in given if not (key.isascii() and key.isdigit() and len(key) <= 18)]
    if wrong:
        raise serializers.ValidationError(f"{wrong[0]!r} is no id of {what}: a whole number is needed.")
    return {int(key): found for key, found in given.items()}


class CaseSerializer(serializers.ModelSerializer[ReviewCase]):
    """A review case."""

    player_id = serializers.CharField()
    assigned_to = serializers.CharField(source="assigned_to.username", allow_null=True, default=None)
    opened_by = serializers.CharField(source="opened_by.username", allow_null=True, default=None)
    decided_by = serializers.CharField(source="decided_by.username", allow_null=True, default=None)
    is_overdue = serializers.SerializerMethodField(help_text="Undecided after the time it was due.")

    class Meta:
        model = ReviewCase
        fields = (
            "id",
            "player_id",
            "status",
            "cause",
            "reason",
            "ring_number",
            "abuse_score",
            "money_at_stake",
            "priority",
            "opened_at",
            "opened_by",
            "due_at",
            "is_overdue",
            "assigned_to",
            "assigned_at",
            "outcome",
            "decided_by",
            "decided_at",
            "decision_reason",
            "appeals",
            "appealed_at",
            "appeal_text",
            "closed_at",
        )
        read_only_fields = fields

    def get_is_overdue(self, case: ReviewCase) -> bool:
        """Return whether it should have been decided by now."""
        return case.status in UNDECIDED and case.due_at < timezone.now()


class SignalSerializer(serializers.ModelSerializer[AbuseSignal]):
    """A signal of a case with its evidence."""

    class Meta:
        model = AbuseSignal
        fields = (
            "id",
            "signal_type",
            "severity",
            "description",
            "metadata",
            "detected_at",
            "is_resolved",
            "outcome",
            "judged_at",
            "judgement",
        )
        read_only_fields = fields


class EvidenceSerializer(serializers.ModelSerializer[ReviewEvidence]):
    """A reward that waits or waited for the case, or a link."""

    verdict = serializers.SerializerMethodField(help_text="Of a reward: the verdict that holds now.")

    class Meta:
        model = ReviewEvidence
        fields = ("kind", "decision_id", "verdict", "money_value", "settled_at", "url", "text", "added_at")
        read_only_fields = fields

    def get_verdict(self, evidence: ReviewEvidence) -> str | None:
        """Return the verdict of the reward's decision."""
        verdicts: dict[int | None, str] = self.context.get("verdicts", {})
        return verdicts.get(evidence.decision_id)


class EventSerializer(serializers.ModelSerializer[ReviewEvent]):
    """One thing that happened to a case."""

    by = serializers.CharField(source="by.username", allow_null=True, default=None)

    class Meta:
        model = ReviewEvent
        fields = ("act", "at", "by", "status_before", "status_after", "text", "details")
        read_only_fields = fields


class CaseDetailSerializer(CaseSerializer):
    """A case with everything that belongs to it; events newest first."""

    signals = SignalSerializer(many=True)
    evidence = EvidenceSerializer(many=True)
    events = EventSerializer(many=True)

    class Meta(CaseSerializer.Meta):
        fields = (*CaseSerializer.Meta.fields, "signals", "evidence", "events")  # type: ignore[assignment]


class CasePageSerializer(PageSerializer):
    """One page of the queue."""

    results = CaseSerializer(many=True)


class CaseQuery(PageQuery):
    """Which cases; without a status, those that are undecided."""

    status = serializers.ChoiceField(choices=[*ReviewStatus.values, "UNDECIDED", "ALL"], required=False)
    cause = serializers.ChoiceField(choices=ReviewCause.choices, required=False)
    outcome = serializers.ChoiceField(choices=CaseOutcome.choices, required=False)
    player_id = TextField(max_length=50, required=False)
    assigned_to = TextField(max_length=150, required=False, help_text="A user name, or `nobody`.")
    ring_number = serializers.IntegerField(min_value=1, max_value=2**63 - 1, required=False)
    is_overdue = serializers.BooleanField(required=False)


class FlagSerializer(RequestSerializer):
    """Who is to be looked at, and why."""

    player_id = TextField(max_length=50)
    reason = TextField(max_length=500)


class NoteSerializer(RequestSerializer):
    """What was found or done."""

    text = TextField(max_length=2000)


class LinkSerializer(RequestSerializer):
    """An address and what it shows."""

    url = TextField(max_length=500)
    text = TextField(max_length=500)


class AssignSerializer(RequestSerializer):
    """Who is to work on it."""

    username = TextField(max_length=150)


class DecisionSerializer(RequestSerializer):
    """What was found. `signals` names each signal; it is needed for PARTIAL, and otherwise makes sure that nothing
    which joined since is judged unseen.
    """

    outcome = serializers.ChoiceField(choices=CaseOutcome.choices)
    reason = TextField(max_length=1000)
    signals = serializers.DictField(
        child=serializers.ChoiceField(choices=ReviewOutcome.choices),
        required=False,
        help_text="By the signal's id: CONFIRMED or DISMISSED.",
    )
    finding_severity = WholeNumberField(
        min_value=1, max_value=10, required=False, help_text="Of a confirmed case without signals: how severe it is."
    )

    def validate_signals(self, given: dict[str, str]) -> dict[int, str]:
        """Return the judgements by number. Raises ValidationError."""
        return by_number(given, what="a signal")


class AppealSerializer(RequestSerializer):
    """The words of who objects."""

    text = TextField(max_length=2000)
    source = serializers.ChoiceField(  # type: ignore[assignment]  # DRF collects fields before its own attribute
        choices=[one.value for one in AppealSource], default=AppealSource.PLAYER.value
    )


class FiledSerializer(serializers.Serializer[Any]):
    """Where a case stands; for those who may not read it, no more than that."""

    id = serializers.IntegerField()
    player_id = serializers.CharField()
    status = serializers.CharField()
    due_at = serializers.DateTimeField(help_text="By when it is to be decided.")


class ReviewCaseList(Endpoint):
    """The queue."""

    permissions_by_method = {"GET": "safety.view_reviewcase", "POST": "safety.add_reviewcase"}
    query_by_method = {"GET": CaseQuery}

    @extend_schema(operation_id="review_cases_list", parameters=[CaseQuery], responses=CasePageSerializer)
    def get(self, request: Request) -> Response:
        """List review cases, what matters most first: money at stake plus one, times the score."""
        rows = _filtered(self.query).select_related("assigned_to", "opened_by", "decided_by")
        return Response(page_of(rows, query=self.query, request=request, serializer=CaseSerializer))

    @extend_schema(operation_id="review_cases_create", request=FlagSerializer, responses={201: FiledSerializer})
    def post(self, request: Request) -> Response:
        """Have a person look at a player. Where a case is undecided, the reason joins it."""
        asked = read_body(request, FlagSerializer)
        case = flag_for_review(asked["player_id"], asked["reason"], by=user_of(request))
        return Response(FiledSerializer(case).data, status=status.HTTP_201_CREATED)


class ReviewCaseDetail(Endpoint):
    """One case."""

    permissions_by_method = {"GET": "safety.view_reviewcase"}

    @extend_schema(operation_id="review_cases_retrieve", responses=CaseDetailSerializer)
    def get(self, request: Request, case_id: int) -> Response:
        """Return a case with its signals, evidence and history."""
        return Response(_detail(case_id))


class ReviewCaseClaim(Endpoint):
    """Taking a case."""

    permissions_by_method = {"POST": _WORK}

    @extend_schema(operation_id="review_cases_claim", request=NoBody, responses=CaseSerializer)
    def post(self, request: Request, case_id: int) -> Response:
        """Take a case that nobody has; 409 names who has it."""
        read_body(request, NoBody)
        return Response(CaseSerializer(claim_case(case_id=case_id, by=user_of(request))).data)


class ReviewCaseRelease(Endpoint):
    """Giving a case back."""

    permissions_by_method = {"POST": _WORK}

    @extend_schema(operation_id="review_cases_release", request=NoBody, responses=CaseSerializer)
    def post(self, request: Request, case_id: int) -> Response:
        """Give a case back to the queue."""
        read_body(request, NoBody)
        return Response(CaseSerializer(release_case(case_id=case_id, by=user_of(request))).data)


class ReviewCaseAssign(Endpoint):
    """Handing a case to somebody."""

    permissions_by_method = {"POST": "safety.assign_reviewcase"}

    @extend_schema(operation_id="review_cases_assign", request=AssignSerializer, responses=CaseSerializer)
    def post(self, request: Request, case_id: int) -> Response:
        """Hand a case to a user who may decide cases."""
        to = _reviewer(read_body(request, AssignSerializer)["username"])
        return Response(CaseSerializer(assign_case(case_id=case_id, to=to, by=user_of(request))).data)


class ReviewCaseNotes(Endpoint):
    """Notes."""

    permissions_by_method = {"POST": _WORK}

    @extend_schema(operation_id="review_cases_note", request=NoteSerializer, responses={201: EventSerializer})
    def post(self, request: Request, case_id: int) -> Response:
        """Note something about a case; it cannot be changed."""
        event = add_note(case_id=case_id, by=user_of(request), **read_body(request, NoteSerializer))
        return Response(EventSerializer(event).data, status=status.HTTP_201_CREATED)


class ReviewCaseLinks(Endpoint):
    """Links."""

    permissions_by_method = {"POST": _WORK}

    @extend_schema(operation_id="review_cases_link", request=LinkSerializer, responses={201: EvidenceSerializer})
    def post(self, request: Request, case_id: int) -> Response:
        """Add an address to the evidence of an undecided case."""
        link = add_link(case_id=case_id, by=user_of(request), **read_body(request, LinkSerializer))
        return Response(EvidenceSerializer(link).data, status=status.HTTP_201_CREATED)


class ReviewCaseDecide(Endpoint):
    """The decision."""

    permissions_by_method = {"POST": _WORK}

    @extend_schema(
        operation_id="review_cases_decide", request=DecisionSerializer, responses=CaseDetailSerializer,
        examples=[_DECISION],
    )  # fmt: skip
    def post(self, request: Request, case_id: int) -> Response:
        """Decide a case that you have claimed; signals, score, block and rewards that waited follow at once."""
        asked = read_body(request, DecisionSerializer)
        decide_review(case_id=case_id, by=user_of(request), **asked)
        return Response(_detail(case_id))


class ReviewCaseAppeal(Endpoint):
    """An appeal."""

    permissions_by_method = {"POST": "safety.appeal_reviewcase"}

    @extend_schema(operation_id="review_cases_appeal", request=AppealSerializer, responses={201: FiledSerializer})
    def post(self, request: Request, case_id: int) -> Response:
        """File an appeal against a decision; somebody else decides it."""
        asked = read_body(request, AppealSerializer)
        case = appeal_case(
            case_id=case_id, text=asked["text"], source=AppealSource(asked["source"]), by=user_of(request)
        )
        return Response(FiledSerializer(case).data, status=status.HTTP_201_CREATED)


def _filtered(query: dict[str, Any]) -> QuerySet[ReviewCase]:
    same = ("cause", "outcome", "player_id", "ring_number")
    rows = ReviewCase.objects.filter(**{name: query[name] for name in same if name in query})
    wanted = query.get("status", "UNDECIDED")
    if wanted != "ALL":
        rows = rows.filter(status__in=UNDECIDED) if wanted == "UNDECIDED" else rows.filter(status=wanted)
    if "assigned_to" in query:
        name = query["assigned_to"]
        rows = rows.filter(assigned_to=None) if name == "nobody" else rows.filter(assigned_to__username=name)
    if query.get("is_overdue") is not None:
        late = {"status__in": UNDECIDED, "due_at__lt": timezone.now()}
        rows = rows.filter(**late) if query["is_overdue"] else rows.exclude(**late)
    return rows


def _detail(case_id: int) -> dict[str, Any]:
    case = ReviewCase.objects.select_related("assigned_to", "opened_by", "decided_by").filter(pk=case_id).first()
    if case is None:
        raise NotFoundError(f"there is no review case {case_id}", case_id=case_id)
    evidence = list(ReviewEvidence.objects.filter(case=case))
    decided = RewardDecision.objects.filter(pk__in=[one.decision_id for one in evidence if one.decision_id])
    context = {"verdicts": dict(decided.values_list("pk", "verdict"))}
    return {
        **CaseSerializer(case).data,
        "signals": SignalSerializer(AbuseSignal.objects.filter(case=case).order_by("id"), many=True).data,
        "evidence": EvidenceSerializer(evidence, many=True, context=context).data,
        "events": EventSerializer(ReviewEvent.objects.filter(case=case).select_related("by"), many=True).data,
    }


def _reviewer(username: str) -> User:
    user = User.objects.filter(username=username, is_active=True).first()
    if user is None or not user.has_perm(_WORK):
        raise InvalidInputError(
            f"username is {username!r}: an active user who may decide review cases is needed", field="username"
        )
    return user
