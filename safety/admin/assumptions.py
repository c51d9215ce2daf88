"""The editable assumptions of profit safety."""

from __future__ import annotations

from django.contrib import admin
from unfold.contrib.filters.admin import ChoicesDropdownFilter

from core.admin.base import HouseAdmin
from safety.models import RetentionMultiplier, UnitValue


@admin.register(RetentionMultiplier)
class RetentionMultiplierAdmin(HouseAdmin):
    list_display = ("segment", "reward_family", "multiplier")
    list_display_links = ("segment", "reward_family")
    list_filter = (("segment", ChoicesDropdownFilter), ("reward_family", ChoicesDropdownFilter))


@admin.register(UnitValue)
class UnitValueAdmin(HouseAdmin):
    list_display = ("currency_type", "money_value")
