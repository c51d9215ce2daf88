"""Rules in the API: list, create, update, archive, test on a player."""

from __future__ import annotations

import re
from typing import Any

from django.core.validators import RegexValidator
from django.db import IntegrityError
from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from core.api.fields import AmountField, DecisionField, DocumentField, TextField, WholeNumberField
from core.api.pagination import PageQuery, PageSerializer, page_of
from core.api.serializers import ChangeSerializer, RequestSerializer
from core.api.views import Endpoint, read_body, user_of
from core.errors import ConflictError, NotFoundError
from rewards.models import BudgetPacing, FrequencyPeriod, RewardRule, RuleStatus
from rewards.preview import test_rule
from rewards.rule_life.editing import change_rule
from rewards.rule_life.stopping import archive_rule
from rewards.rules import CONTENT_FIELDS, JURISDICTIONS_MAX, RESERVED_IDS, RULE_ID_PATTERN, RULE_ID_SHAPE

_RULE_ID = re.compile(rf"\A{RULE_ID_PATTERN.pattern}\Z", re.ASCII)
_RESERVED_ID = re.compile(rf"\A({'|'.join(sorted(RESERVED_IDS))})\Z")
_EXAMPLE = OpenApiExample(
    "Weekend Warrior",
    request_only=True,
    value={
        "rule_id": "WEEKEND_BONUS",
        "name": "Weekend Warrior Bonus",
        "priority": 5,
        "conditions": {"total_wagered_min": 500},
        "reward_config": {"type": "BONUS_BALANCE", "formula": "total_wagered * 0.05", "max_amount": 200},
    },
)


class RuleExistsError(ConflictError):
    """Raised when a rule is to be created under an id that is taken."""

    code = "rule_exists"


class RuleSerializer(serializers.ModelSerializer[RewardRule]):
    """A rule as it stands."""

    class Meta:
        model = RewardRule
        fields = (
            "rule_id",
            "status",
            "is_active",
            "version",
            "approved_version",
            "pending_version",
            "forecast_cost",
            "is_stopped_by_guardrail",
            *CONTENT_FIELDS,
            "created_at",
            "updated_at",
        )
        read_only_fields = fields


class RuleChangeSerializer(ChangeSerializer):
    """What a rule says; keys not given stay as they are. Conditions and reward are checked by the rules themselves."""

    name = TextField(required=False, max_length=255)
    description = TextField(required=False, allow_blank=True, max_length=500)
    status = serializers.ChoiceField(
        choices=RuleStatus.choices, required=False, help_text="DRAFT at first; ACTIVE asks for approval."
    )
    is_active = DecisionField(required=False, help_text="Short for the status ACTIVE or PAUSED.")
    priority = WholeNumberField(required=False, help_text="Higher is decided first.")
    conditions = DocumentField(required=False)
    reward_config = DocumentField(required=False)
    reward = DocumentField(required=False, help_text="The same as reward_config.")
    is_live = DecisionField(required=False, help_text="Decided when its trigger happens, not by the night.")
    trigger = TextField(
        required=False,
        allow_blank=True,
        max_length=60,
        help_text="Of a live rule: DEPOSIT, KYC_COMPLETE or another kind of activity or action, TIER_REACHED, or ANY.",
    )
    starts_on = serializers.DateField(required=False, allow_null=True)
    ends_on = serializers.DateField(required=False, allow_null=True)
    frequency_period = serializers.ChoiceField(choices=FrequencyPeriod.choices, required=False)
    frequency_max = WholeNumberField(required=False, min_value=1)
    cooldown_days = WholeNumberField(required=False, min_value=0)
    daily_budget = AmountField(required=False, allow_null=True)
    total_budget = AmountField(required=False, allow_null=True)
    budget_pacing = serializers.ChoiceField(
        choices=BudgetPacing.choices,
        required=False,
        help_text="EVEN spreads total_budget over the business dates up to ends_on.",
    )
    max_players = WholeNumberField(
        required=False, allow_null=True, min_value=1, help_text="How many different players the rule may ever pay."
    )
    exclusive_group = TextField(required=False, allow_blank=True, max_length=60)
    jurisdictions = serializers.ListField(
        child=TextField(max_length=10),
        required=False,
        max_length=JURISDICTIONS_MAX,
        help_text="The jurisdictions it runs in; [] for everywhere the profiles allow it.",
    )
    holdout_percent = serializers.DecimalField(
        required=False, max_digits=5, decimal_places=2, min_value=0, max_value=100
    )


class NewRuleSerializer(RuleChangeSerializer):
    """A rule to create."""

    rule_id = TextField(
        max_length=100,
        validators=[
            RegexValidator(_RULE_ID, f"{RULE_ID_SHAPE[0].upper()}{RULE_ID_SHAPE[1:]}, are needed."),
            RegexValidator(_RESERVED_ID, "This is an address of the API; choose another id.", inverse_match=True),
        ],
    )


class RuleQuery(PageQuery):
    """Filters of the list."""

    status = serializers.ChoiceField(choices=RuleStatus.choices, required=False)
    is_active = serializers.BooleanField(required=False)
    search = serializers.CharField(required=False, help_text="Part of the name.")


class RulePageSerializer(PageSerializer):
    results = RuleSerializer(many=True)


class RuleTestRequestSerializer(RequestSerializer):
    """Whom to test on, and the business date (today where it is not given)."""

    player_id = TextField(max_length=50)
    on = serializers.DateField(required=False)


class ConditionResultSerializer(serializers.Serializer[Any]):
    """One comparison of the conditions; `holds` is null where the player's value is unknown."""

    path = serializers.CharField()
    field = serializers.CharField()
    operator = serializers.CharField()
    wanted = serializers.JSONField()
    actual = serializers.JSONField(allow_null=True)
    holds = serializers.BooleanField(allow_null=True)


class RuleTestSerializer(serializers.Serializer[Any]):
    """What the rule would do; nothing was written."""

    rule_id = serializers.CharField()
    player_id = serializers.CharField()
    on = serializers.DateField()
    matches = serializers.BooleanField()
    conditions = ConditionResultSerializer(many=True)
    amount_computed = serializers.DecimalField(max_digits=18, decimal_places=2, allow_null=True)
    verdict = serializers.CharField(allow_null=True)
    amount_given = serializers.DecimalField(max_digits=18, decimal_places=2, allow_null=True)
    reasons = serializers.ListField(child=serializers.DictField())


class RuleList(Endpoint):
    """All rules."""

    permissions_by_method = {"GET": "rewards.view_rewardrule", "POST": "rewards.add_rewardrule"}
    query_by_method = {"GET": RuleQuery}

    @extend_schema(operation_id="rules_list", parameters=[RuleQuery], responses=RulePageSerializer)
    def get(self, request: Request) -> Response:
        """List rules, the highest priority first."""
        rows = _filtered(self.query)
        return Response(page_of(rows, query=self.query, request=request, serializer=RuleSerializer))

    @extend_schema(
        operation_id="rules_create", request=NewRuleSerializer, responses={201: RuleSerializer}, examples=[_EXAMPLE]
    )
    def post(self, request: Request) -> Response:
        """Create a rule, as a draft; one that asks to be ACTIVE waits for approval."""
        content = read_body(request, NewRuleSerializer)
        rule_id = content.pop("rule_id")
        if RewardRule.objects.filter(pk=rule_id).exists():
            raise _taken(rule_id)
        try:
            rule = change_rule(rule_id=rule_id, content=content, by=user_of(request))
        except IntegrityError:
            raise _taken(rule_id) from None
        return Response(RuleSerializer(rule).data, status=status.HTTP_201_CREATED)


class RuleDetail(Endpoint):
    """One rule."""

    permissions_by_method = {
        "GET": "rewards.view_rewardrule",
        "PUT": "rewards.change_rewardrule",
        "DELETE": "rewards.delete_rewardrule",
    }

    @extend_schema(operation_id="rules_read", responses=RuleSerializer)
    def get(self, request: Request, rule_id: str) -> Response:
        """Show a rule."""
        return Response(RuleSerializer(rule_named(rule_id)).data)

    @extend_schema(operation_id="rules_update", request=RuleChangeSerializer, responses=RuleSerializer)
    def put(self, request: Request, rule_id: str) -> Response:
        """Change the given keys of a rule; changed content is a new version, beside what runs until it is approved."""
        rule_named(rule_id)
        content = read_body(request, RuleChangeSerializer)
        return Response(RuleSerializer(change_rule(rule_id=rule_id, content=content, by=user_of(request))).data)

    @extend_schema(operation_id="rules_archive", responses={204: None})
    def delete(self, request: Request, rule_id: str) -> Response:
        """Archive a rule; what it gave and said stays readable."""
        archive_rule(rule_id=rule_id, by=user_of(request))
        return Response(status=status.HTTP_204_NO_CONTENT)


class RuleTest(Endpoint):
    """A rule tried on one player."""

    permissions_by_method = {"POST": "rewards.view_rewardrule"}

    @extend_schema(operation_id="rules_test", request=RuleTestRequestSerializer, responses=RuleTestSerializer)
    def post(self, request: Request, rule_id: str) -> Response:
        """Say what the rule would give the player in the night of a business date; write nothing."""
        rule = rule_named(rule_id)
        asked = read_body(request, RuleTestRequestSerializer)
        result = test_rule(rule=rule, player_id=asked["player_id"], on=asked.get("on", timezone.localdate()))
        return Response(RuleTestSerializer(result).data)


def _filtered(query: dict[str, Any]) -> QuerySet[RewardRule]:
    wanted: dict[str, Any] = {name: query[name] for name in ("status", "is_active") if name in query}
    if "search" in query:
        wanted["name__icontains"] = query["search"]
    return RewardRule.objects.filter(**wanted).order_by("-priority", "rule_id")


def rule_named(rule_id: str) -> RewardRule:
    rule = RewardRule.objects.filter(pk=rule_id).first()
    if rule is None:
        raise NotFoundError(f"there is no rule {rule_id!r}", rule_id=rule_id)
    return rule


def _taken(rule_id: str) -> RuleExistsError:
    return RuleExistsError(f"there is a rule {rule_id!r} already; change it with PUT", rule_id=rule_id)
