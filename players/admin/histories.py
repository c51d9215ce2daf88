"""Every change of segment, tier and risk score, with the run that made it."""

from __future__ import annotations

from django.contrib import admin
from unfold.contrib.filters.admin import RangeDateFilter

from core.admin.base import HugeReadOnlyAdmin
from core.admin.columns import badge, run_link
from players.admin.shared import PLAYER_SEARCH_HELP, SEGMENT_COLOURS, PlayerFilter, player_link
from players.models import RiskScoreChange, SegmentChange, TierChange


class ChangeAdmin(HugeReadOnlyAdmin):
    list_filter = (PlayerFilter, ("on", RangeDateFilter))
    search_fields = ("player__player_id__exact",)
    search_help_text = PLAYER_SEARCH_HELP

    player_link = player_link
    run_link = run_link()


@admin.register(SegmentChange)
class SegmentChangeAdmin(ChangeAdmin):
    list_display = ("id", "player_link", "on", "before", "after", "run_link", "changed_at")

    before = badge("segment_before", colours=SEGMENT_COLOURS, description="from")
    after = badge("segment_after", colours=SEGMENT_COLOURS, description="to")


@admin.register(TierChange)
class TierChangeAdmin(ChangeAdmin):
    list_display = ("id", "player_link", "on", "tier_before", "tier_after", "run_link", "changed_at")


@admin.register(RiskScoreChange)
class RiskScoreChangeAdmin(ChangeAdmin):
    list_display = (
        "id",
        "player_link",
        "on",
        "risk_score_before",
        "risk_score_after",
        "abuse_score_after",
        "run_link",
        "changed_at",
    )
