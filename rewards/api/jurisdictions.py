"""How a rule stands in each jurisdiction, in the API."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from core.api.views import Endpoint
from rewards.api.rules import rule_named
from rewards.jurisdictions.saving import Standing, standings
from safety.jurisdictions.violations import Violation


class ViolationSerializer(serializers.Serializer[Any]):
    """A limit that the rule breaks, with its clause and what would be right."""

    limit = serializers.CharField()
    path = serializers.CharField()
    message = serializers.CharField()
    suggestion = serializers.CharField()
    clause = serializers.CharField()
    valid_from = serializers.DateField()
    is_our_reading = serializers.BooleanField()


class StandingSerializer(serializers.Serializer[Any]):
    """`runs`: its players may be given it; `is_named`: the rule says it runs there."""

    jurisdiction = serializers.CharField()
    version = serializers.IntegerField()
    runs = serializers.BooleanField()
    is_named = serializers.BooleanField()
    breaks = ViolationSerializer(many=True)
    advice = ViolationSerializer(many=True)


class StandingsSerializer(serializers.Serializer[Any]):
    rule_id = serializers.CharField()
    jurisdictions = StandingSerializer(many=True)


class RuleJurisdictions(Endpoint):
    """A rule against all profiles."""

    permissions_by_method = {"GET": "rewards.view_rewardrule"}

    @extend_schema(operation_id="rules_jurisdictions", responses=StandingsSerializer)
    def get(self, request: Request, rule_id: str) -> Response:
        """Say of every jurisdiction whether the rule runs there, and what it breaks."""
        rule = rule_named(rule_id)
        shown = {"rule_id": rule.pk, "jurisdictions": [_shown(one) for one in standings(rule)]}
        return Response(StandingsSerializer(shown).data)


def _shown(standing: Standing) -> dict[str, Any]:
    return {
        "jurisdiction": standing.profile.code,
        "version": standing.profile.version,
        "runs": standing.runs,
        "is_named": standing.is_named,
        "breaks": [_violation(one) for one in standing.broken],
        "advice": [_violation(one) for one in standing.advice],
    }


def _violation(one: Violation) -> dict[str, Any]:
    return {
        "limit": one.limit.kind.value,
        "path": f"reward_config.{one.key}",
        "message": one.message,
        "suggestion": one.suggestion,
        "clause": one.limit.clause,
        "valid_from": one.limit.valid_from,
        "is_our_reading": one.limit.is_our_reading,
    }
