"""Why a player got what a rule gave, and why not, in the API."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from core.api.fields import TextField
from core.api.serializers import RequestSerializer
from core.api.views import Endpoint
from rewards.explaining import (
    Basis,
    Check,
    ExplainedComparison,
    ExplainedCondition,
    ExplainedGroup,
    Explanation,
    Group,
    Outcome,
    Truth,
    explain,
)


def _names(words: type[Basis] | type[Truth] | type[Group] | type[Outcome]) -> list[str]:
    return [str(word) for word in words]


def _exact(value: Any) -> Any:
    """Return numbers as text, which no reader of JSON turns into a float."""
    match value:
        case Decimal():
            return f"{value:f}"
        case tuple():
            return [_exact(item) for item in value]
        case _:
            return value


class ExplanationQuery(RequestSerializer):
    """Of whom, and for which business date."""

    player_id = TextField(max_length=50)
    at = serializers.DateField(
        required=False, help_text="The business date; the newest decision, or today, where it is left out."
    )


class ExplainedConditionSerializer(serializers.Serializer[ExplainedCondition]):
    """A comparison with the player's value, or a group with its members; keys that do not apply are left out."""

    path = serializers.CharField(help_text="Place in the rule's JSON.")
    truth = serializers.ChoiceField(choices=_names(Truth))
    group = serializers.ChoiceField(choices=_names(Group), required=False)
    members = serializers.ListField(child=serializers.DictField(), required=False, help_text="Of the same shape.")
    field = serializers.CharField(required=False)
    label = serializers.CharField(required=False)  # type: ignore[assignment]  # the documented key
    unit = serializers.CharField(required=False)
    operator = serializers.CharField(required=False)
    threshold = serializers.JSONField(required=False)
    actual = serializers.JSONField(required=False, allow_null=True)
    requirement = serializers.CharField(required=False, help_text="What is asked, in words.")
    distance = serializers.CharField(required=False, help_text="What is missing, or by how much it holds, in words.")

    def to_representation(self, instance: ExplainedCondition) -> dict[str, Any]:
        """Return the condition with everything within it."""
        common = {"path": instance.path, "truth": instance.truth}
        match instance:
            case ExplainedGroup(group=group, members=members):
                return {**common, "group": group, "members": [self.to_representation(member) for member in members]}
            case ExplainedComparison():
                names = ("field", "label", "unit", "operator", "threshold", "actual", "requirement", "distance")
                return {**common, **{name: _exact(getattr(instance, name)) for name in names}}


class CheckSerializer(serializers.Serializer[Check]):
    """One limit or check of safety."""

    name = serializers.CharField()
    outcome = serializers.ChoiceField(choices=_names(Outcome))
    sentence = serializers.CharField()
    figures = serializers.SerializerMethodField()

    def get_figures(self, check: Check) -> dict[str, str]:
        """Return what it was decided by."""
        return dict(check.figures)


class AmountStepSerializer(serializers.Serializer[Any]):
    """What a step made of the amount."""

    name = serializers.CharField()
    before = serializers.CharField(allow_null=True)
    after = serializers.CharField(allow_null=True)
    sentence = serializers.CharField()


class ExplanationSerializer(serializers.Serializer[Explanation]):
    """Why a player got what a rule gave, or why nothing. Nothing was written."""

    player_id = serializers.CharField()
    rule_id = serializers.CharField()
    rule_name = serializers.CharField()
    rule_version = serializers.IntegerField()
    reward_type = serializers.CharField()
    on = serializers.DateField()
    basis = serializers.ChoiceField(choices=_names(Basis), help_text="The stored decision, or computed again.")
    missing = serializers.ListField(
        child=serializers.CharField(), help_text="What was not kept or could not be reconstructed."
    )
    decision_id = serializers.IntegerField(allow_null=True)
    decided_at = serializers.DateTimeField(allow_null=True)
    verdict = serializers.CharField(allow_blank=True, help_text="Empty where the rule had nothing to decide.")
    reason = serializers.CharField(allow_blank=True)
    summary = serializers.CharField()
    conditions = ExplainedConditionSerializer()
    limits = CheckSerializer(many=True)
    safety = CheckSerializer(many=True)
    amount = AmountStepSerializer(many=True)
    amount_computed = serializers.DecimalField(max_digits=18, decimal_places=2, allow_null=True)
    amount_given = serializers.DecimalField(max_digits=18, decimal_places=2)


class RuleExplanation(Endpoint):
    """A rule explained for one player."""

    permissions_by_method = {"GET": "rewards.view_rewarddecision"}
    query_by_method = {"GET": ExplanationQuery}

    @extend_schema(operation_id="rules_explain", parameters=[ExplanationQuery], responses=ExplanationSerializer)
    def get(self, _request: Request, rule_id: str) -> Response:
        """Explain what the rule gave the player on a business date, or why nothing; write nothing."""
        found = explain(player_id=self.query["player_id"], rule_id=rule_id, at=self.query.get("at"))
        return Response(ExplanationSerializer(found).data)
