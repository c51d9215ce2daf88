"""Operations and the append-only ledger entries they post."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Now

from players.models import Player


class CurrencyType(models.TextChoices):
    LP = "LP", "Loyalty points"
    RP = "RP", "Reward points"
    BONUS = "BONUS", "Bonus money"
    TICKETS = "TICKETS", "Tickets"


class TransactionType(models.TextChoices):
    DEPOSIT = "DEPOSIT", "Deposit"
    WITHDRAWAL = "WITHDRAWAL", "Withdrawal"
    WAGER = "WAGER", "Bet placed"
    WIN = "WIN", "Win payout"
    REWARD = "REWARD", "Reward issued"
    BONUS_ISSUED = "BONUS_ISSUED", "Bonus added"
    BONUS_EXPIRED = "BONUS_EXPIRED", "Bonus expired"
    BONUS_CONVERTED = "BONUS_CONVERTED", "Bonus converted to real money"
    BONUS_FORFEITED = "BONUS_FORFEITED", "Bonus forfeited"
    BONUS_CANCELLED = "BONUS_CANCELLED", "Bonus cancelled"
    LP_EARNED = "LP_EARNED", "Points earned"
    LP_REDEEMED = "LP_REDEEMED", "Points redeemed"
    LP_EXPIRED = "LP_EXPIRED", "Loyalty points expired"
    RP_REDEEMED = "RP_REDEEMED", "Reward points redeemed"
    RP_EXPIRED = "RP_EXPIRED", "Reward points expired"
    TICKETS_USED = "TICKETS_USED", "Tickets used"
    TICKETS_EXPIRED = "TICKETS_EXPIRED", "Tickets expired"
    OPENING = "OPENING", "Carried over from an earlier programme"
    ADJUSTMENT = "ADJUSTMENT", "Adjustment"
    REVERSAL = "REVERSAL", "Reversal"


class Operation(models.Model):
    """One business act: its unique key and the hash of its inputs. What came of it are its entries.

    The same key with the same inputs returns the first result; with other inputs it is refused. At most one operation
    names another as the one it reverses.
    """

    key = models.CharField(max_length=200, unique=True, db_collation="C")
    kind = models.CharField(max_length=40)
    player = models.ForeignKey(Player, on_delete=models.PROTECT, related_name="+", db_constraint=False, db_index=False)
    input_hash = models.BinaryField()
    reverses = models.ForeignKey(
        "self",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="reversals",
        db_constraint=False,
        db_index=False,
    )
    actor = models.CharField(max_length=150, blank=True, default="", db_default="")
    run_id = models.BigIntegerField(null=True)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "wallet_operations"
        ordering = ["-id"]
        permissions = [
            ("reverse_operation", "Can reverse an operation or take back what remains of it"),
            ("adjust_balance", "Can adjust a balance"),
            ("cancel_bonus", "Can cancel a bonus"),
            ("act_for_player", "Can claim, spend, withdraw and act for a player"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["reverses"], condition=models.Q(reverses__isnull=False), name="operation_reversed_once"
            )
        ]

    def __str__(self) -> str:
        return self.key


class LedgerEntry(models.Model):
    """One signed movement of one balance. Never updated or deleted; partitioned by month of `created_at`.

    `number` counts the player's entries without gaps; `hash` chains each to the one before (see docs/wallet.md).
    """

    id = models.BigAutoField(primary_key=True)
    player = models.ForeignKey(Player, on_delete=models.PROTECT, related_name="entries", db_index=False)
    number = models.BigIntegerField(help_text="The player's entries, counted from 1.")
    operation = models.ForeignKey(
        Operation, on_delete=models.PROTECT, related_name="entries", db_constraint=False, db_index=False
    )
    transaction_type = models.CharField(max_length=20, choices=TransactionType.choices)
    currency_type = models.CharField(max_length=10, choices=CurrencyType.choices)
    amount = models.DecimalField(max_digits=18, decimal_places=2, help_text="Signed: positive adds to the balance.")
    balance_before = models.DecimalField(max_digits=18, decimal_places=2)
    balance_after = models.DecimalField(max_digits=18, decimal_places=2)
    description = models.CharField(max_length=500, blank=True, default="", db_default="")
    reference_id = models.CharField(max_length=100, blank=True, default="", db_default="")
    actor = models.CharField(max_length=150, blank=True, default="", db_default="")
    metadata = models.JSONField(default=dict, db_default={}, blank=True)
    hash = models.BinaryField(max_length=32)
    created_at = models.DateTimeField()

    class Meta:
        db_table = "transactions"
        ordering = ["-created_at", "-number"]
        verbose_name = "transaction"
        # The columns' domains keep amounts from being zero and balances from being negative (wallet/sql/domains.sql).
        # A set is posted at one time: its entries are told apart by their numbers.
        indexes = [models.Index(fields=["player", "created_at", "number"], name="idx_transaction_player_order")]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(balance_after=models.F("balance_before") + models.F("amount")),
                name="transaction_balances_add_up",
            ),
            models.CheckConstraint(
                condition=~models.Q(currency_type="TICKETS") | models.Q(amount=models.Func("amount", function="trunc")),
                name="transaction_tickets_whole",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.player_id} #{self.number}"


class PostingRefusal(models.Model):
    """Evidence of a credit that the posting core refused, for example to a self-excluded player."""

    player = models.ForeignKey(Player, on_delete=models.PROTECT, related_name="+", db_constraint=False, db_index=False)
    operation_key = models.CharField(max_length=200)
    purpose = models.CharField(max_length=20)
    currency_type = models.CharField(max_length=10)
    amount = models.DecimalField(max_digits=18, decimal_places=2)
    reason = models.CharField(max_length=60)
    details = models.JSONField(default=dict, db_default={})
    actor = models.CharField(max_length=150, blank=True, default="", db_default="")
    run_id = models.BigIntegerField(null=True)
    refused_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "wallet_refusals"
        ordering = ["-id"]
        indexes = [models.Index(fields=["player", "refused_at"], name="idx_wallet_refusal_player")]

    def __str__(self) -> str:
        return f"{self.operation_key}: {self.reason}"


class LedgerDigest(models.Model):
    """The hash over every player's head at the end of a business date, so that a rewritten chain shows."""

    on = models.DateField(unique=True)
    digest = models.BinaryField(max_length=32)
    players = models.BigIntegerField()
    entries = models.BigIntegerField()
    last_entry_id = models.BigIntegerField(default=0, db_default=0)
    run_id = models.BigIntegerField(null=True)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "wallet_digests"
        ordering = ["-on"]

    def __str__(self) -> str:
        return f"ledger digest of {self.on}"
