"""Bets in the API: place, look up, settle, void. The bet's id is the idempotency key, the server's clock the time."""

from __future__ import annotations

from django.core.validators import RegexValidator
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from core.api.fields import AmountField, AmountOrZeroField, TextField
from core.api.serializers import NoBody, RequestSerializer
from core.api.views import Endpoint, read_body, user_of
from wallet.bets import BetNotFoundError, place_bet, settle_bet, void_bet
from wallet.bets.placing import BET_ID_LENGTH_MAX
from wallet.models import Bet, BetStake, BonusStatus

# What can stand in an address as it is.
_BET_ID = RegexValidator(
    r"\A[A-Za-z0-9][A-Za-z0-9_.:=+-]*\Z", "Letters, digits and _ . : = + - are needed, a letter or digit first."
)


class NewBetSerializer(RequestSerializer):
    """A bet to be paid."""

    bet_id = TextField(max_length=BET_ID_LENGTH_MAX, validators=[_BET_ID], help_text="The platform's own.")
    player_id = TextField(max_length=50)
    stake = AmountField()
    real_available = AmountOrZeroField(help_text="Real money the player has at the platform.")
    game_category = TextField(max_length=40)


class PayoutSerializer(RequestSerializer):
    """What came of a bet."""

    payout = AmountOrZeroField(help_text="Stake included; 0 where the bet is lost.")


class BetStakeSerializer(serializers.ModelSerializer[BetStake]):
    """What a bet had to do with one bonus."""

    bonus_id = serializers.IntegerField(source="lot_id")
    bonus_status = serializers.ChoiceField(choices=BonusStatus.choices, source="lot.status", help_text="As it is now.")

    class Meta:
        model = BetStake
        fields = ("bonus_id", "bonus_status", "amount", "contribution", "paid_back", "converted")
        read_only_fields = fields


class BetSerializer(serializers.ModelSerializer[Bet]):
    """A bet: `real_stake` is the platform's to take and `real_payout` its to pay; bonus money is moved here."""

    player_id = serializers.CharField()
    bonuses = BetStakeSerializer(many=True, source="stakes")

    class Meta:
        model = Bet
        fields = (
            "bet_id",
            "player_id",
            "status",
            "game_category",
            "contribution_weight",
            "stake",
            "real_stake",
            "bonus_stake",
            "payout",
            "real_payout",
            "bonus_payout",
            "placed_at",
            "closed_at",
            "bonuses",
        )
        read_only_fields = fields


class PlaceBet(Endpoint):
    """Bets."""

    permissions_by_method = {"POST": "wallet.add_bet"}

    @extend_schema(
        operation_id="bets_place", request=NewBetSerializer, responses={201: BetSerializer, 200: BetSerializer}
    )
    def post(self, request: Request) -> Response:
        """Take a bet and say how its stake is split; the same bet again is answered with the first split."""
        asked = read_body(request, NewBetSerializer)
        category, now = asked.pop("game_category"), timezone.now()
        bet = place_bet(category=category, actor=user_of(request).username, at=now, **asked)
        return _answer(bet, status=status.HTTP_201_CREATED if bet.placed_at == now else status.HTTP_200_OK)


class BetDetail(Endpoint):
    """One bet."""

    permissions_by_method = {"GET": "wallet.view_bet"}

    @extend_schema(operation_id="bets_read", responses=BetSerializer)
    def get(self, request: Request, bet_id: str) -> Response:
        """Show a bet with what each bonus paid and got."""
        bet = Bet.objects.filter(bet_id=bet_id).first()
        if bet is None:
            raise BetNotFoundError(f"there is no bet {bet_id!r}", bet_id=bet_id)
        return _answer(bet)


class SettleBet(Endpoint):
    """The end of a bet."""

    permissions_by_method = {"POST": "wallet.add_bet"}

    @extend_schema(operation_id="bets_settle", request=PayoutSerializer, responses=BetSerializer)
    def post(self, request: Request, bet_id: str) -> Response:
        """Settle a bet and say how its payout is split; the same payout again is answered with the first split."""
        payout = read_body(request, PayoutSerializer)["payout"]
        return _answer(settle_bet(bet_id=bet_id, payout=payout, actor=user_of(request).username, at=timezone.now()))


class VoidBet(Endpoint):
    """A bet that does not count."""

    permissions_by_method = {"POST": "wallet.add_bet"}

    @extend_schema(operation_id="bets_void", request=None, responses=BetSerializer)
    def post(self, request: Request, bet_id: str) -> Response:
        """Give a bet's stake back; it counts towards no requirement. Again it is answered with the first result."""
        read_body(request, NoBody)
        return _answer(void_bet(bet_id=bet_id, actor=user_of(request).username, at=timezone.now()))


def _answer(bet: Bet, *, status: int = status.HTTP_200_OK) -> Response:
    shown = Bet.objects.prefetch_related("stakes__lot").get(pk=bet.pk)
    return Response(BetSerializer(shown).data, status=status)
