"""Bets: how each stake was paid and each payout shared between real money and the bonuses that helped to pay it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.db import models
from django.db.models.functions import Now

from players.models import Player
from wallet.models.lots import Lot


class BetStatus(models.TextChoices):
    """A bet's life: open, then settled or void, by a claim that must change exactly one row."""

    OPEN = "OPEN", "Open"
    SETTLED = "SETTLED", "Settled"
    VOID = "VOID", "Void"


def _amount(**options: Any) -> models.DecimalField[Any, Any]:
    return models.DecimalField(max_digits=18, decimal_places=2, **options)


def _zero(help_text: str = "") -> models.DecimalField[Any, Any]:
    return _amount(default=Decimal("0.00"), db_default=Decimal("0.00"), help_text=help_text)


class Bet(models.Model):
    """One bet by the platform's id. The platform holds the real money and is told the split; bonus money is held here.

    `stake` = `real_stake` + `bonus_stake`; what comes back of `payout` is `real_payout` + `bonus_payout`, the rest lay
    beyond a conversion cap or belonged to a forfeited bonus.
    """

    bet_id = models.CharField(max_length=100, unique=True, db_collation="C")
    player = models.ForeignKey(Player, on_delete=models.PROTECT, related_name="bets")
    status = models.CharField(max_length=8, choices=BetStatus.choices, default="OPEN", db_default="OPEN")
    game_category = models.CharField(max_length=40)
    contribution_weight = models.DecimalField(
        max_digits=5, decimal_places=4, help_text="Share of the stake that counts as wagering, as it was when placed."
    )
    stake = _amount()
    real_stake = _amount()
    bonus_stake = _amount()
    real_available = _amount(help_text="Real money the platform said the player had.")
    payout = _amount(null=True, blank=True, help_text="What the platform said the bet paid, stake included.")
    real_payout = _zero("What the platform is to pay as real money.")
    bonus_payout = _zero("What came back to bonuses.")
    input_hash = models.BinaryField(max_length=32)
    placed_at = models.DateTimeField(db_default=Now())
    closed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "wallet_bets"
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(condition=models.Q(status__in=BetStatus.values), name="bet_status_known"),
            models.CheckConstraint(
                condition=models.Q(stake=models.F("real_stake") + models.F("bonus_stake")), name="bet_stake_adds_up"
            ),
            models.CheckConstraint(
                condition=models.Q(stake__gt=0, real_stake__gte=0, bonus_stake__gte=0), name="bet_stakes_not_negative"
            ),
            models.CheckConstraint(
                condition=models.Q(real_payout__gte=0, bonus_payout__gte=0), name="bet_payouts_not_negative"
            ),
        ]

    def __str__(self) -> str:
        return self.bet_id


class BetStake(models.Model):
    """What a bet has to do with one bonus: the part of the stake it paid, and what counts towards its requirement."""

    bet = models.ForeignKey(Bet, on_delete=models.PROTECT, related_name="stakes")
    lot = models.ForeignKey(Lot, on_delete=models.PROTECT, related_name="bet_stakes", db_constraint=False)
    amount = _amount(help_text="Paid by the bonus; 0 where a stake of real money counts towards it.")
    contribution = _amount(help_text="Counts towards the requirement once the bet is settled.")
    paid_back = _zero("What came back to the bonus.")
    converted = _zero("What was paid as real money instead, under the bonus's conversion cap.")

    class Meta:
        db_table = "wallet_bet_stakes"
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["bet", "lot"], name="bet_stake_unique"),
            models.CheckConstraint(
                condition=models.Q(amount__gte=0, contribution__gte=0, paid_back__gte=0, converted__gte=0),
                name="bet_stake_not_negative",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.amount} of lot {self.lot_id}"


class StakePart(models.TextChoices):
    """Which part of a reported stake counts towards a bonus."""

    REAL = "REAL", "What real money paid"
    BONUS = "BONUS", "What bonus money paid"
    WHOLE = "WHOLE", "The whole stake"


class CountedWager(models.Model):
    """What a reported bet counted towards one bonus's requirement, as its last correction says it was.

    By it a correction takes back what was counted, and a bet placed here under the same id counts no second time.
    """

    player = models.ForeignKey(Player, on_delete=models.PROTECT, related_name="+", db_constraint=False, db_index=False)
    lot = models.ForeignKey(Lot, on_delete=models.PROTECT, related_name="counted_wagers", db_constraint=False)
    source = models.CharField(max_length=40, db_collation="C")
    external_id = models.CharField(max_length=100, db_collation="C", help_text="The event's name at its source.")
    bet_id = models.CharField(max_length=100, blank=True, default="", db_default="", db_collation="C")
    part = models.CharField(max_length=5, choices=StakePart.choices)
    staked = _amount(help_text="How much that part of the stake is.")
    contribution_weight = models.DecimalField(
        max_digits=5, decimal_places=4, help_text="Share of it that counts as wagering, as it was when it was reported."
    )
    contribution = _amount(help_text="What counts towards the requirement.")
    counted_at = models.DateTimeField()

    class Meta:
        db_table = "wallet_counted_wagers"
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["source", "external_id", "lot"], name="counted_wager_unique"),
            models.CheckConstraint(condition=models.Q(part__in=StakePart.values), name="counted_wager_part_known"),
            models.CheckConstraint(
                condition=models.Q(staked__gte=0, contribution__gte=0), name="counted_wager_not_negative"
            ),
        ]
        indexes = [
            models.Index(fields=["bet_id"], condition=models.Q(bet_id__gt=""), name="idx_counted_wager_bet"),
        ]

    def __str__(self) -> str:
        return f"{self.contribution} of lot {self.lot_id}"
