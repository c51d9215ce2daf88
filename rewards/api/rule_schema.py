"""What a rule may say, for those who write rules with a program: schema, fields, and a check that saves nothing."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from core.api.views import Endpoint, read_body
from rewards.api.rules import RuleChangeSerializer
from rewards.rules import check_rule
from rewards.schema import current_rule_schema, describe_fields


class RuleFieldSerializer(serializers.Serializer[Any]):
    """A name that conditions, and where it is a number also formulas, may use."""

    name = serializers.CharField()
    aliases = serializers.ListField(child=serializers.CharField())
    kind = serializers.CharField()
    unit = serializers.CharField()
    help = serializers.CharField()
    operators = serializers.ListField(child=serializers.CharField())
    is_usable_in_formulas = serializers.BooleanField()
    window_days = serializers.IntegerField(allow_null=True)
    is_since_last_reward = serializers.BooleanField()


class RuleFieldsSerializer(serializers.Serializer[Any]):
    fields_ = RuleFieldSerializer(many=True)

    def get_fields(self) -> dict[str, Any]:
        """Call the list `fields`, which a serializer cannot as an attribute."""
        return {"fields": super().get_fields()["fields_"]}


class ProblemSerializer(serializers.Serializer[Any]):
    """One reason why the rule could not be saved, with its JSON path and what would be right."""

    path = serializers.CharField()
    message = serializers.CharField()
    suggestion = serializers.CharField(allow_blank=True)


class ProblemsSerializer(serializers.Serializer[Any]):
    problems = ProblemSerializer(many=True)


class RuleSchema(Endpoint):
    """The JSON Schema of rules."""

    permissions_by_method = {"GET": "rewards.view_rewardrule"}

    @extend_schema(operation_id="rules_schema", responses={200: dict[str, Any]})
    def get(self, request: Request) -> Response:
        """Show the JSON Schema (draft 2020-12) of a rule, with today's tiers and game categories."""
        return Response(current_rule_schema())


class RuleFields(Endpoint):
    """What rules may ask about a player."""

    permissions_by_method = {"GET": "rewards.view_rewardrule"}

    @extend_schema(operation_id="rules_fields", responses=RuleFieldsSerializer)
    def get(self, request: Request) -> Response:
        """List every field with its kind, unit, comparisons and meaning."""
        return Response({"fields": describe_fields()})


class RuleCheck(Endpoint):
    """A rule looked at before it is saved."""

    permissions_by_method = {"POST": "rewards.view_rewardrule"}

    @extend_schema(operation_id="rules_check", request=RuleChangeSerializer, responses=ProblemsSerializer)
    def post(self, request: Request) -> Response:
        """Say everything that would keep a new rule of this content from being saved; write nothing."""
        problems = check_rule(read_body(request, RuleChangeSerializer))
        return Response(ProblemsSerializer({"problems": problems}).data)
