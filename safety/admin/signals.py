"""Signs of abuse, with their evidence."""

from __future__ import annotations

from django.contrib import admin
from unfold.contrib.filters.admin import (
    BooleanRadioFilter,
    ChoicesDropdownFilter,
    RangeDateTimeFilter,
    RangeNumericFilter,
)

from core.admin.base import HugeReadOnlyAdmin
from core.admin.columns import Colours, badge
from players.admin.shared import PLAYER_SEARCH_HELP, PlayerFilter, player_link
from safety.admin.reviews import case_link
from safety.models import AbuseSignal


@admin.register(AbuseSignal)
class AbuseSignalAdmin(HugeReadOnlyAdmin):
    list_display = (
        "id",
        "player_link",
        "signal_type",
        "severity",
        "is_resolved",
        "outcome_badge",
        "case_link",
        "detected_at",
        "resolved_at",
        "description",
    )
    list_filter = (
        PlayerFilter,
        ("is_resolved", BooleanRadioFilter),
        ("outcome", ChoicesDropdownFilter),
        ("severity", RangeNumericFilter),
        ("detected_at", RangeDateTimeFilter),
    )
    search_fields = ("player__player_id__exact",)
    search_help_text = PLAYER_SEARCH_HELP
    fields = (
        ("player", "signal_type", "severity"),
        "description",
        "metadata",
        ("detected_at", "is_resolved", "resolved_at"),
        ("case_link", "outcome"),
        ("judged_by", "judged_at"),
        "judgement",
    )
    readonly_fields = ("case_link",)

    player_link = player_link
    case_link = case_link
    outcome_badge = badge("outcome", colours=Colours(CONFIRMED="danger", DISMISSED="success"))
