"""Jurisdictions as they hold now: which countries belong to one, and the limits the ledger and the rules obey.

Written only when two people have agreed to a profile (`safety.jurisdictions`), whose versions keep what held before.
"""

from __future__ import annotations

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now

# Holds where no other jurisdiction claims a player's country.
DEFAULT_JURISDICTION = "DEFAULT"
CODE_LENGTH_MAX = 10


class ProductType(models.TextChoices):
    """The types of gambling product that a regulator tells apart."""

    CASINO = "CASINO", "Casino"
    BETTING = "BETTING", "Betting"
    BINGO = "BINGO", "Bingo"
    LOTTERY = "LOTTERY", "Lottery"


class LimitKind(models.TextChoices):
    """What a jurisdiction may limit; `value` and `names` of the limit are in the unit said here."""

    WAGERING_REQUIREMENT_MAX = "WAGERING_REQUIREMENT_MAX", "Turnover required, at most × bonus funds"
    SINGLE_PRODUCT = "SINGLE_PRODUCT", "One product type per incentive"
    HARM_BLOCKS_PROMOTION = "HARM_BLOCKS_PROMOTION", "No promotion on strong indicators of harm"
    VIP_NEEDS_APPROVAL = "VIP_NEEDS_APPROVAL", "VIP only after a recorded approval"
    BONUS_AMOUNT_MAX = "BONUS_AMOUNT_MAX", "One bonus, at most money"
    VALIDITY_HOURS_MIN = "VALIDITY_HOURS_MIN", "A bonus is playable for at least hours"
    PROMOTION_VALUE_MONTH_MAX = "PROMOTION_VALUE_MONTH_MAX", "Promotions per calendar month, at most money value"
    REWARD_TYPES_FORBIDDEN = "REWARD_TYPES_FORBIDDEN", "Reward types that may not be given"
    PROMOTIONS_FORBIDDEN = "PROMOTIONS_FORBIDDEN", "No promotion at all"


class LimitSeverity(models.TextChoices):
    BINDING = "BINDING", "Binding: refused, or held to the limit"
    ADVISORY = "ADVISORY", "Advisory: shown as a warning only"


class Jurisdiction(models.Model):
    """A profile in force. Countries are ISO 3166 codes of two letters; no country is claimed twice."""

    code = models.CharField(max_length=CODE_LENGTH_MAX, primary_key=True)
    name = models.CharField(max_length=100)
    countries = ArrayField(models.CharField(max_length=2), default=list, db_default=[], blank=True)
    takes_unknown_countries = models.BooleanField(
        default=False,
        db_default=False,
        help_text="Holds for players whose country is missing or not known; without one, the default profile does.",
    )
    note = models.CharField(max_length=1000, blank=True, default="", db_default="")
    version = models.PositiveIntegerField(default=1, db_default=1)
    changed_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "jurisdictions"
        ordering = ["code"]
        constraints = [
            models.UniqueConstraint(
                fields=["takes_unknown_countries"],
                condition=models.Q(takes_unknown_countries=True),
                name="jurisdiction_one_takes_unknown",
            ),
            models.CheckConstraint(condition=~models.Q(code=""), name="jurisdiction_code_not_empty"),
        ]

    def __str__(self) -> str:
        return f"{self.code}: {self.name}"


class JurisdictionLimit(models.Model):
    """One limit of a jurisdiction, with the clause it comes from. `value` and `names` by kind, see LimitKind."""

    jurisdiction = models.ForeignKey(Jurisdiction, on_delete=models.CASCADE, related_name="limits", db_index=False)
    kind = models.CharField(max_length=30, choices=LimitKind.choices)
    value = models.DecimalField(max_digits=18, decimal_places=2, null=True, blank=True)
    names = ArrayField(models.CharField(max_length=30), default=list, db_default=[], blank=True)
    unit = models.CharField(max_length=60, blank=True, default="", db_default="")
    severity = models.CharField(max_length=8, choices=LimitSeverity.choices, default="BINDING", db_default="BINDING")
    valid_from = models.DateField(help_text="First business date on which it holds.")
    clause = models.CharField(max_length=200, help_text="The clause it comes from, by its number.")
    clause_says = models.CharField(max_length=1000, help_text="What the clause says, in short.")
    source_url = models.CharField(max_length=300, blank=True, default="", db_default="")
    is_our_reading = models.BooleanField(
        default=False, db_default=False, help_text="On where the clause itself does not say this in so many words."
    )
    reading = models.CharField(
        max_length=1000, blank=True, default="", db_default="", help_text="How we read the clause, where we had to."
    )

    class Meta:
        db_table = "jurisdiction_limits"
        ordering = ["jurisdiction", "kind", "valid_from"]
        constraints = [
            models.UniqueConstraint(fields=["jurisdiction", "kind", "valid_from"], name="jurisdiction_limit_unique"),
            models.CheckConstraint(condition=models.Q(kind__in=LimitKind.values), name="jurisdiction_limit_kind_known"),
            models.CheckConstraint(
                condition=models.Q(severity__in=LimitSeverity.values), name="jurisdiction_limit_severity_known"
            ),
            models.CheckConstraint(
                condition=models.Q(value__isnull=True) | models.Q(value__gte=0),
                name="jurisdiction_limit_value_not_negative",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} of {self.jurisdiction_id}"


class PlayerJurisdictionChange(models.Model):
    """Staff's choice of a player's jurisdiction: what it was and became, who chose it and why. Empty: by country."""

    player = models.ForeignKey(
        "players.Player", on_delete=models.PROTECT, related_name="jurisdiction_changes", db_index=True
    )
    jurisdiction_before = models.CharField(max_length=CODE_LENGTH_MAX, blank=True, default="", db_default="")
    jurisdiction_after = models.CharField(max_length=CODE_LENGTH_MAX, blank=True, default="", db_default="")
    reason = models.CharField(max_length=500)
    changed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", null=True, blank=True
    )
    changed_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "player_jurisdiction_changes"
        ordering = ["-id"]
        constraints = [models.CheckConstraint(condition=~models.Q(reason=""), name="jurisdiction_change_has_reason")]

    def __str__(self) -> str:
        return f"jurisdiction of {self.player_id}"


class CountryName(models.Model):
    """A way to write a country, in lower case, and its ISO 3166 code of two letters."""

    name = models.CharField(max_length=60, primary_key=True)
    code = models.CharField(max_length=2)

    class Meta:
        db_table = "country_names"
        ordering = ["code", "name"]

    def __str__(self) -> str:
        return f"{self.name} ({self.code})"
