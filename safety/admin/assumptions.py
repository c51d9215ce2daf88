"""The editable assumptions of profit safety, and the baselines the night measures."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from unfold.contrib.filters.admin import ChoicesDropdownFilter

from core.admin.base import HouseAdmin, ReadOnlyAdmin
from core.admin.columns import number
from core.errors import InvalidInputError, RefusedError
from safety.earn_rates import change_unit_value, check_unit_value
from safety.models import RetentionMultiplier, SegmentBaseline, UnitValue


@admin.register(RetentionMultiplier)
class RetentionMultiplierAdmin(HouseAdmin):
    list_display = ("segment", "reward_family", "multiplier")
    list_display_links = ("segment", "reward_family")
    list_filter = (("segment", ChoicesDropdownFilter), ("reward_family", ChoicesDropdownFilter))


class UnitValueForm(forms.ModelForm[UnitValue]):
    class Meta:
        model = UnitValue
        fields = ("currency_type", "money_value")

    def clean(self) -> dict[str, Any]:
        """Refuse a point that would be worth more than the play that earns it."""
        values = super().clean() or {}
        if not self.errors:
            currency = values.get("currency_type", self.instance.currency_type)
            try:
                check_unit_value(currency=currency, money_value=values["money_value"])
            except (InvalidInputError, RefusedError) as error:
                self.add_error("money_value", error.message)
        return values


@admin.register(UnitValue)
class UnitValueAdmin(HouseAdmin):
    form = UnitValueForm
    list_display = ("currency_type", "money_value")
    actions = None

    def get_readonly_fields(self, request: HttpRequest, obj: UnitValue | None = None) -> tuple[str, ...]:
        """Keep the currency: another one would be another row."""
        return ("currency_type",) if obj else ()

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """A unit without a value counts as 1, which no one means who deletes a row."""
        return False

    def save_model(self, request: HttpRequest, obj: UnitValue, form: Any, change: bool) -> None:
        """Write through the service, which looks at what play earns."""
        change_unit_value(
            currency=obj.currency_type,
            money_value=obj.money_value,
            changed_by=request.user,  # type: ignore[arg-type]  # the admin lets nobody else in
        )


@admin.register(SegmentBaseline)
class SegmentBaselineAdmin(ReadOnlyAdmin):
    list_display = ("segment", "wager", "players", "as_of")

    wager = number("wager_per_active_day", description="wager per active day")
