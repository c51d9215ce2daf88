"""Lots: what a balance consists of, each with its own origin, expiry and (for bonus money) conditions."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.db import models
from django.db.models.functions import Now

from players.models import Player
from wallet.models.ledger import CurrencyType, Operation


class LotKind(models.TextChoices):
    REWARD = "REWARD", "Rule reward"
    FREE_PLAY = "FREE_PLAY", "Free play"
    CASHBACK = "CASHBACK", "Cashback"
    PLAY = "PLAY", "Earned by play"
    MANUAL = "MANUAL", "Credited by staff"
    REDEMPTION = "REDEMPTION", "Redeemed"
    OPENING = "OPENING", "Carried over"
    ADJUSTMENT = "ADJUSTMENT", "Adjusted"
    REFUND = "REFUND", "Given back"


class BonusStatus(models.TextChoices):
    """A lot's life, forward only, each step by a claim that must change exactly one row."""

    PENDING = "PENDING", "Pending"
    ACTIVE = "ACTIVE", "Active"
    COMPLETED = "COMPLETED", "Completed"
    EXPIRED = "EXPIRED", "Expired"
    FORFEITED = "FORFEITED", "Forfeited"
    CANCELLED = "CANCELLED", "Cancelled"
    LOST = "LOST", "Lost"


class WageringBasis(models.TextChoices):
    """Of which amount the requirement is a multiple, and which part of a stake counts towards it."""

    BONUS = "BONUS", "Bonus: the part of a stake that bonus money paid"
    DEPOSIT_AND_BONUS = "DEPOSIT_AND_BONUS", "Deposit and bonus: the whole stake"


def _amount(**options: Any) -> models.DecimalField[Any, Any]:
    return models.DecimalField(max_digits=18, decimal_places=2, **options)


class Lot(models.Model):
    """A parcel of one currency. `remaining` = Σ of its movements; spends take the earliest expiry first."""

    player = models.ForeignKey(
        Player, on_delete=models.PROTECT, related_name="lots", db_constraint=False, db_index=False
    )
    operation = models.ForeignKey(
        Operation, on_delete=models.PROTECT, related_name="lots", db_constraint=False, db_index=False
    )
    currency_type = models.CharField(max_length=10, choices=CurrencyType.choices)
    kind = models.CharField(max_length=12, choices=LotKind.choices)
    status = models.CharField(max_length=10, choices=BonusStatus.choices, default="ACTIVE", db_default="ACTIVE")
    share_key = models.CharField(
        max_length=40, null=True, blank=True, help_text="Names a lot that several credits of one player add to."
    )
    amount = _amount(help_text="Everything ever credited to the lot.")
    remaining = _amount()
    granted_on = models.DateField(help_text="Business date of the credit.")
    promotional_value = _amount(
        default=Decimal("0.00"),
        db_default=Decimal("0.00"),
        help_text="Money value that counts towards the reward caps; 0 for points earned by play.",
    )
    expected_cost = _amount(
        default=Decimal("0.00"), db_default=Decimal("0.00"), help_text="What profit safety expected the credit to cost."
    )
    created_at = models.DateTimeField(db_default=Now())
    available_at = models.DateTimeField(null=True, blank=True, help_text="Not spendable before.")
    awaits = models.CharField(
        max_length=60, null=True, blank=True, help_text="Not spendable before this happens: CLAIM, or an action's code."
    )
    takes_turn = models.BooleanField(
        default=False, db_default=False, help_text="Waits until the player's bonus before it has ended."
    )
    active_hours = models.IntegerField(
        null=True, blank=True, help_text="Expires this many hours after it became active."
    )
    expires_at = models.DateTimeField(null=True, blank=True, help_text="While pending: the end of the claim window.")
    closed_at = models.DateTimeField(null=True, blank=True)
    wagering_required = _amount(default=Decimal("0.00"), db_default=Decimal("0.00"))
    wagering_completed = _amount(default=Decimal("0.00"), db_default=Decimal("0.00"))
    wagering_basis = models.CharField(max_length=20, choices=WageringBasis.choices, default="BONUS", db_default="BONUS")
    open_bets = models.IntegerField(default=0, db_default=0, help_text="Bets it helped to pay and not settled yet.")
    converted = _amount(
        default=Decimal("0.00"), db_default=Decimal("0.00"), help_text="What became real money, under max_conversion."
    )
    max_bet = _amount(null=True, blank=True)
    max_conversion = _amount(null=True, blank=True)
    eligible_games = models.JSONField(null=True, blank=True, help_text="Game categories; NULL: all.")
    end_reason = models.CharField(max_length=200, blank=True, default="", db_default="")
    ended_by = models.CharField(max_length=150, blank=True, default="", db_default="")
    rule_number = models.IntegerField(null=True, blank=True)
    decision_id = models.BigIntegerField(null=True, blank=True)
    run_id = models.BigIntegerField(null=True, blank=True)

    class Meta:
        db_table = "wallet_lots"
        ordering = ["-id"]
        # That amounts are not negative and choices known is kept by the columns' domains (wallet/sql/domains.sql).
        constraints = [
            models.CheckConstraint(
                condition=models.Q(max_conversion__isnull=True) | models.Q(converted__lte=models.F("max_conversion")),
                name="lot_converted_within_cap",
            ),
            models.UniqueConstraint(
                fields=["player", "currency_type", "share_key"],
                condition=models.Q(share_key__isnull=False),
                name="lot_share_key_unique",
            ),
        ]
        indexes = [
            models.Index(fields=["player", "granted_on"], name="idx_lot_player_granted"),
            models.Index(
                fields=["expires_at"],
                condition=models.Q(remaining__gt=0, expires_at__isnull=False),
                name="idx_lot_open_expiry",
            ),
            models.Index(fields=["player"], condition=models.Q(status="PENDING"), name="idx_lot_pending"),
            models.Index(
                fields=["player"],
                condition=models.Q(currency_type="BONUS", status__in=["PENDING", "ACTIVE"]),
                name="idx_lot_open_bonus",
            ),
            # What a rule gave, found when it is revoked; credits by hand and points from play are not in it.
            models.Index(
                fields=["rule_number", "player"],
                condition=models.Q(rule_number__isnull=False),
                name="idx_lot_rule",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.currency_type} lot {self.pk} of {self.player_id}"


class LotMovement(models.Model):
    """How much one ledger entry added to or took from one lot."""

    entry_id = models.BigIntegerField()
    lot = models.ForeignKey(Lot, on_delete=models.PROTECT, related_name="movements", db_constraint=False)
    amount = models.DecimalField(max_digits=18, decimal_places=2, help_text="Signed like its entry.")

    class Meta:
        db_table = "wallet_lot_movements"
        ordering = ["id"]
        constraints = [models.CheckConstraint(condition=~models.Q(amount=0), name="lot_movement_not_zero")]

    def __str__(self) -> str:
        return f"{self.amount} of lot {self.lot_id}"
