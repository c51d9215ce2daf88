"""Tiers: staff give the threshold, the ends follow."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from unfold.decorators import display
from unfold.views import ChangeList

from core.admin.base import HouseAdmin
from core.admin.columns import Colours, figure
from core.admin.json_editor import JSONTextField
from core.errors import InvalidInputError, RefusedError
from players.models import Tier
from players.tiers import NUMERIC_BENEFITS, check_tier, current_tiers, save_tier

_BENEFITS_HELP = (
    f"Formulas may use {', '.join(NUMERIC_BENEFITS)}, which must be numbers; what else is written here is for people."
)


class TierForm(forms.ModelForm[Tier]):
    benefits = JSONTextField(required=False, help_text=_BENEFITS_HELP)

    class Meta:
        model = Tier
        fields = ("tier_level", "lp_min", "benefits")
        labels = {"tier_level": "Level", "lp_min": "From points"}

    def clean(self) -> dict[str, Any]:
        """Refuse gaps, overlaps and what else is required of tiers at the field that would make them."""
        values = super().clean() or {}
        if self.errors:
            return values
        try:
            check_tier(
                tier_id=self.instance.pk,
                tier_level=values.get("tier_level", self.instance.tier_level),
                lp_min=values["lp_min"],
                benefits=values["benefits"],
            )
        except (InvalidInputError, RefusedError) as error:
            self.add_error(error.details["field"].partition(".")[0], error.message)
        return values


class HeldRanges(ChangeList):
    """The list with the ranges that hold, whoever set them."""

    def get_results(self, request: HttpRequest) -> None:
        """Put the held ranges in place of the stored ones."""
        super().get_results(request)
        held = {tier.pk: tier for tier in current_tiers()}
        tiers: list[Tier] = list(self.result_list)  # type: ignore[has-type]
        for tier in tiers:
            tier.lp_min, tier.lp_max = held[tier.pk].lp_min, held[tier.pk].lp_max
        self.result_list = tiers


@admin.register(Tier)
class TierAdmin(HouseAdmin):
    form = TierForm
    list_display = ("tier_level", "from_points", "to_points", "held_by", "benefits_shown")
    ordering = ("lp_min",)
    sortable_by = ()
    actions = None
    fieldsets = ((None, {"fields": ("tier_level", "lp_min", "to_points", "benefits")}),)
    readonly_fields = ("to_points",)

    @display(description="from points")
    def from_points(self, tier: Tier) -> str:
        return figure(tier.lp_min)

    @display(description="to points")
    def to_points(self, tier: Tier) -> str:
        return figure(tier.lp_max)

    @display(description="benefits")
    def benefits_shown(self, tier: Tier) -> str:
        """Show the benefits as words."""
        shown = (
            f"{name.replace('_', ' ')} {', '.join(map(str, value)) if isinstance(value, list) else value}"
            for name, value in tier.benefits.items()
        )
        return " · ".join(shown) or "–"

    @display(description="threshold held by", label=Colours(staff="primary", environment="info"))
    def held_by(self, tier: Tier) -> str:
        return "staff" if tier.is_saved_by_staff else "environment"

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return HeldRanges

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Tier | None:
        """Return the tier with the range that holds."""
        stored = super().get_object(request, object_id, from_field)
        return next((tier for tier in current_tiers() if stored and tier.pk == stored.pk), None)

    def get_readonly_fields(self, request: HttpRequest, obj: Tier | None = None) -> tuple[str, ...]:
        """Keep the level's name: players carry it."""
        return ("to_points", "tier_level") if obj else ("to_points",)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Players and rules name levels, so none disappears."""
        return False

    def save_model(self, request: HttpRequest, obj: Tier, form: Any, change: bool) -> None:
        """Write through the service, which moves the neighbours' ends."""
        saved = save_tier(
            tier_id=obj.pk, tier_level=obj.tier_level, lp_min=obj.lp_min, benefits=form.cleaned_data["benefits"]
        )
        obj.pk = saved.pk
