"""The redemption catalogue: what points buy, and what players ordered of it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from players.models import Player, Tier
from wallet.bonuses import EXPIRY_HOURS_MAX, WAGERING_MULTIPLE_MAX
from wallet.models import CurrencyType

COST_CURRENCIES = [(currency.value, currency.label) for currency in (CurrencyType.RP, CurrencyType.LP)]


class RedemptionGives(models.TextChoices):
    BONUS = "BONUS", "Bonus money"
    TICKETS = "TICKETS", "Tickets"
    BENEFIT = "BENEFIT", "A benefit that somebody hands over"


class RedemptionStatus(models.TextChoices):
    """An order's life, forward only, each step by a claim that must change exactly one row."""

    ORDERED = "ORDERED", "Ordered"
    FULFILLED = "FULFILLED", "Fulfilled"
    CANCELLED = "CANCELLED", "Cancelled"


def _amount(**options: Any) -> models.DecimalField[Any, Any]:
    return models.DecimalField(max_digits=18, decimal_places=2, **options)


def _amount_fits() -> Q:
    """Say of `gives` and `amount`: a benefit has no amount, tickets are whole."""
    return Q(gives="BENEFIT", amount__isnull=True) | (
        Q(gives__in=["BONUS", "TICKETS"], amount__isnull=False, amount__gt=0)
        & (~Q(gives="TICKETS") | Q(amount=models.Func("amount", function="trunc")))
    )


class RedemptionOption(models.Model):
    """Something points buy. `ordered` counts its orders that are not cancelled; saved only by `rewards.redemption`."""

    code = models.CharField(max_length=60, unique=True, db_collation="C", help_text="For programs; it stays.")
    name = models.CharField(max_length=120)
    description = models.CharField(max_length=500, blank=True, default="", db_default="")
    is_active = models.BooleanField(default=True, db_default=True, help_text="Off: nobody can order it.")
    cost_currency = models.CharField(max_length=10, choices=COST_CURRENCIES, default="RP", db_default="RP")
    cost = _amount(help_text="Points one order costs.")
    gives = models.CharField(max_length=10, choices=RedemptionGives.choices)
    amount = _amount(
        null=True, blank=True, help_text="Bonus money or whole tickets that one order gives; empty for a benefit."
    )
    expiry_hours = models.PositiveIntegerField(
        null=True, blank=True, help_text="Bonus or tickets expire so many hours after they begin; empty: never."
    )
    wagering_requirement = models.DecimalField(
        max_digits=6,
        decimal_places=2,
        default=Decimal("0.00"),
        db_default=Decimal("0.00"),
        help_text="Multiple of the bonus that must be wagered.",
    )
    max_bet = _amount(null=True, blank=True, help_text="Largest stake while the bonus is wagered; empty: any.")
    max_conversion = _amount(
        null=True, blank=True, help_text="At most so much of the bonus becomes real money; empty: all of it."
    )
    eligible_games = models.JSONField(null=True, blank=True, help_text="Game categories of the bonus; empty: all.")
    stock = models.PositiveIntegerField(
        null=True, blank=True, help_text="How many orders there can be in all; empty: any number."
    )
    ordered = models.PositiveIntegerField(default=0, db_default=0, editable=False)
    valid_from = models.DateTimeField(null=True, blank=True, help_text="First moment it can be ordered; empty: now.")
    valid_until = models.DateTimeField(
        null=True, blank=True, help_text="From this moment on it cannot be ordered; empty: no end."
    )
    limit_per_player = models.PositiveIntegerField(
        null=True, blank=True, help_text="Orders one player may have, cancelled ones apart; empty: any number."
    )
    minimum_tier = models.ForeignKey(
        Tier,
        to_field="tier_level",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        db_index=False,
        help_text="Lowest tier that can order it; empty: every tier.",
    )
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    updated_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        db_table = "redemption_options"
        ordering = ["code"]
        constraints = [
            models.CheckConstraint(
                condition=Q(cost_currency__in=["RP", "LP"]), name="redemption_option_currency_known"
            ),
            models.CheckConstraint(condition=Q(cost__gt=0), name="redemption_option_cost_positive"),
            models.CheckConstraint(condition=Q(gives__in=RedemptionGives.values), name="redemption_option_gives_known"),
            models.CheckConstraint(condition=_amount_fits(), name="redemption_option_amount_fits"),
            models.CheckConstraint(
                condition=Q(gives="BONUS")
                | Q(
                    wagering_requirement=0,
                    max_bet__isnull=True,
                    max_conversion__isnull=True,
                    eligible_games__isnull=True,
                ),
                name="redemption_option_terms_of_bonus_only",
            ),
            models.CheckConstraint(
                condition=~Q(gives="BENEFIT") | Q(expiry_hours__isnull=True),
                name="redemption_option_benefit_does_not_expire",
            ),
            models.CheckConstraint(
                condition=Q(wagering_requirement__gte=0, wagering_requirement__lte=WAGERING_MULTIPLE_MAX)
                & (Q(expiry_hours__isnull=True) | Q(expiry_hours__gte=1, expiry_hours__lte=EXPIRY_HOURS_MAX))
                & (Q(max_bet__isnull=True) | Q(max_bet__gt=0))
                & (Q(max_conversion__isnull=True) | Q(max_conversion__gt=0)),
                name="redemption_option_terms_in_range",
            ),
            models.CheckConstraint(
                condition=Q(stock__isnull=True) | Q(ordered__lte=F("stock")), name="redemption_option_not_oversold"
            ),
            models.CheckConstraint(
                condition=Q(valid_from__isnull=True) | Q(valid_until__isnull=True) | Q(valid_until__gt=F("valid_from")),
                name="redemption_option_until_after_from",
            ),
            models.CheckConstraint(
                condition=Q(limit_per_player__isnull=True) | Q(limit_per_player__gte=1),
                name="redemption_option_limit_at_least_1",
            ),
        ]

    def __str__(self) -> str:
        return self.code


class RedemptionOrder(models.Model):
    """One order: what was paid and what was given, as the option stood then."""

    # True on an order that an earlier request with the same key had made.
    is_replay = False

    key = models.CharField(max_length=200, unique=True, db_collation="C")
    option = models.ForeignKey(RedemptionOption, on_delete=models.PROTECT, related_name="orders", db_index=False)
    player = models.ForeignKey(Player, on_delete=models.PROTECT, related_name="redemption_orders", db_index=False)
    status = models.CharField(max_length=10, choices=RedemptionStatus.choices, default="ORDERED", db_default="ORDERED")
    option_name = models.CharField(max_length=120)
    option_description = models.CharField(max_length=500, blank=True, default="", db_default="")
    cost_currency = models.CharField(max_length=10, choices=COST_CURRENCIES)
    cost = _amount()
    gives = models.CharField(max_length=10, choices=RedemptionGives.choices)
    amount = _amount(null=True, blank=True)
    terms = models.JSONField(default=dict, db_default={}, help_text="Conditions of the bonus or tickets.")
    operation_id = models.BigIntegerField(unique=True, help_text="The wallet operation that paid and gave.")
    lot_id = models.BigIntegerField(null=True, help_text="The lot that was credited.")
    reversal_id = models.BigIntegerField(null=True, unique=True, help_text="The wallet operation that gave back.")
    ordered_by = models.CharField(max_length=150)
    ordered_at = models.DateTimeField()
    fulfilled_by = models.CharField(max_length=150, blank=True, default="", db_default="")
    fulfilled_at = models.DateTimeField(null=True, blank=True)
    fulfilment_note = models.CharField(max_length=500, blank=True, default="", db_default="")
    cancelled_by = models.CharField(max_length=150, blank=True, default="", db_default="")
    cancelled_at = models.DateTimeField(null=True, blank=True)
    cancel_reason = models.CharField(max_length=200, blank=True, default="", db_default="")
    cancel_key = models.CharField(max_length=200, null=True, unique=True, db_collation="C")

    class Meta:
        db_table = "redemption_orders"
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["player", "option"], name="idx_redemption_order_player"),
            models.Index(fields=["option"], name="idx_redemption_order_option"),
            models.Index(fields=["id"], condition=Q(status="ORDERED"), name="idx_redemption_order_open"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(status__in=RedemptionStatus.values), name="redemption_order_status_known"
            ),
            models.CheckConstraint(condition=Q(cost_currency__in=["RP", "LP"]), name="redemption_order_currency_known"),
            models.CheckConstraint(condition=Q(cost__gt=0), name="redemption_order_cost_positive"),
            models.CheckConstraint(condition=Q(gives__in=RedemptionGives.values), name="redemption_order_gives_known"),
            models.CheckConstraint(condition=_amount_fits(), name="redemption_order_amount_fits"),
            models.CheckConstraint(
                condition=Q(gives="BENEFIT", lot_id__isnull=True) | (~Q(gives="BENEFIT") & Q(lot_id__isnull=False)),
                name="redemption_order_lot_of_what_was_given",
            ),
            models.CheckConstraint(
                condition=Q(status="ORDERED", gives="BENEFIT", fulfilled_at__isnull=True)
                | Q(status="FULFILLED", fulfilled_at__isnull=False)
                | Q(status="CANCELLED"),
                name="redemption_order_fulfilled_when_it_says_so",
            ),
            models.CheckConstraint(
                condition=(
                    Q(status="CANCELLED", cancelled_at__isnull=False, reversal_id__isnull=False)
                    & Q(cancel_key__isnull=False)
                    & ~Q(cancel_reason="")
                )
                | (~Q(status="CANCELLED") & Q(cancelled_at__isnull=True, reversal_id__isnull=True)),
                name="redemption_order_cancelled_when_it_says_so",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.option_name} for {self.player_id}"
