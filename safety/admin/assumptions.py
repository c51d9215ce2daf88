"""The editable assumptions of profit safety, and the baselines the night measures."""

from __future__ import annotations

from django.contrib import admin
from unfold.contrib.filters.admin import ChoicesDropdownFilter

from core.admin.base import HouseAdmin, ReadOnlyAdmin
from core.admin.columns import number
from safety.models import RetentionMultiplier, SegmentBaseline, UnitValue


@admin.register(RetentionMultiplier)
class RetentionMultiplierAdmin(HouseAdmin):
    list_display = ("segment", "reward_family", "multiplier")
    list_display_links = ("segment", "reward_family")
    list_filter = (("segment", ChoicesDropdownFilter), ("reward_family", ChoicesDropdownFilter))


@admin.register(UnitValue)
class UnitValueAdmin(HouseAdmin):
    list_display = ("currency_type", "money_value")


@admin.register(SegmentBaseline)
class SegmentBaselineAdmin(ReadOnlyAdmin):
    list_display = ("segment", "wager", "players", "as_of")

    wager = number("wager_per_active_day", description="wager per active day")
