"""What a reward would cost and bring, for integrators that give rewards of their own: asked, nothing written."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from core.api.fields import AmountField, AmountOrZeroField, TextField
from core.api.serializers import RequestSerializer
from core.api.views import Endpoint, read_body
from safety.caps import REWARD_TYPES
from safety.derivation import derivation
from safety.expected_value import ExpectedValue, Reward, calculate_expected_value
from safety.profitability import RewardTerms


class SafetyCheckRequestSerializer(RequestSerializer):
    """A reward for one player, with its terms."""

    player_id = TextField(max_length=50)
    reward_type = serializers.ChoiceField(choices=REWARD_TYPES)
    amount = AmountField(help_text="In the reward's own unit.")
    wagering_requirement = serializers.DecimalField(
        required=False,
        max_digits=6,
        decimal_places=2,
        min_value=Decimal(0),
        default=Decimal(0),
        help_text="Multiple of the amount that must be wagered.",
    )
    max_conversion = AmountOrZeroField(
        required=False, allow_null=True, default=None, help_text="The most of it that can become real money."
    )
    eligible_games = serializers.ListField(
        child=TextField(max_length=40),
        required=False,
        allow_null=True,
        default=None,
        min_length=1,
        max_length=50,
        help_text="Game categories; all where they are left out.",
    )
    on = serializers.DateField(required=False, help_text="The business date; today where it is left out.")


def _money(**options: Any) -> serializers.DecimalField:
    return serializers.DecimalField(max_digits=18, decimal_places=2, **options)


def _rate(**options: Any) -> serializers.DecimalField:
    return serializers.DecimalField(max_digits=38, decimal_places=10, **options)


class StepSerializer(serializers.Serializer[Any]):
    """A step of the derivation in words."""

    name = serializers.CharField()
    how = serializers.CharField()


class SafetyCheckSerializer(serializers.Serializer[ExpectedValue]):
    """The figures and every step; nothing was written. Restrictions and the abuse score are not part of it."""

    player_id = serializers.CharField()
    on = serializers.DateField()
    is_safe = serializers.BooleanField(help_text="Whether profitability and caps would let all of it pass.")
    obstacles = serializers.ListField(child=serializers.CharField(), help_text="Reason codes that speak against it.")
    is_profitable = serializers.BooleanField()
    money_value = _money()
    expected_cost = _money()
    granted_cost = _money(help_text="Expected cost of what was granted before in the horizon.")
    expected_margin = _money(allow_null=True, help_text="Unknown where a figure is missing.")
    expected_value = _money(allow_null=True, help_text="Margin less everything granted and this.")
    cost_rate = _rate()
    wager_per_active_day = _rate(allow_null=True)
    active_days = _rate(allow_null=True)
    retention_multiplier = _rate(allow_null=True)
    house_edge = _rate(allow_null=True)
    profit_basis = serializers.CharField(
        help_text="TOTAL: the margin is all that is expected of the player; INCREMENTAL: only what rewards add to it."
    )
    added_margin = _money(allow_null=True, help_text="What rewards of this kind add to the margin, whatever the basis.")
    cap_room = _money(help_text="What the tightest cap of the player leaves.")
    cap_name = serializers.CharField()
    pool_room = _money(
        source="pool.left", default=None, allow_null=True, help_text="What the groups' shared caps leave."
    )
    assumptions_version = serializers.IntegerField()
    steps = serializers.SerializerMethodField()

    @extend_schema(responses=StepSerializer(many=True))
    def get_steps(self, value: ExpectedValue) -> list[dict[str, str]]:
        """Return the derivation."""
        return [{"name": name, "how": how} for name, how in derivation(value)]


class SafetyCheck(Endpoint):
    """Profitability and caps of one reward."""

    permissions_by_method = {"POST": "safety.view_safetyviolation"}

    @extend_schema(operation_id="safety_check", request=SafetyCheckRequestSerializer, responses=SafetyCheckSerializer)
    def post(self, request: Request) -> Response:
        """Say what a reward would cost and bring for a player, and whether it would be safe; write nothing."""
        asked = read_body(request, SafetyCheckRequestSerializer)
        games = asked["eligible_games"]
        terms = RewardTerms(
            reward_type=asked["reward_type"],
            wagering_requirement=asked["wagering_requirement"],
            eligible_games=tuple(games) if games else None,
            max_conversion=asked["max_conversion"],
        )
        found = calculate_expected_value(
            player_id=asked["player_id"], reward=Reward(amount=asked["amount"], terms=terms), on=asked.get("on")
        )
        return Response(SafetyCheckSerializer(found).data)
