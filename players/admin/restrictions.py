"""What forbids credits to a player, and what each kind of restriction does."""

from __future__ import annotations

from django.contrib import admin
from django.utils import timezone
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RangeDateTimeFilter
from unfold.decorators import display

from core.admin.base import HugeReadOnlyAdmin, ReadOnlyAdmin
from core.admin.columns import Colours, badge
from players.admin.shared import PLAYER_SEARCH_HELP, PlayerFilter, player_link
from players.models import PlayerRestriction, RestrictionEffect

_KIND_COLOURS = Colours(SELF_EXCLUDED="danger", RG_HARM="danger", BLOCKED="danger", COOL_OFF="warning")


@admin.register(PlayerRestriction)
class PlayerRestrictionAdmin(HugeReadOnlyAdmin):
    list_display = (
        "player_link",
        "kind_badge",
        "is_in_force",
        "starts_at",
        "ends_at",
        "source",
        "created_by",
        "created_at",
    )
    list_display_links = ("starts_at",)
    list_filter = (PlayerFilter, ("kind", ChoicesDropdownFilter), ("starts_at", RangeDateTimeFilter))
    list_select_related = ("created_by",)
    search_fields = ("player__player_id__exact",)
    search_help_text = PLAYER_SEARCH_HELP
    fields = (
        ("player", "kind"),
        ("starts_at", "ends_at"),
        ("source", "created_by"),
        "reason",
        "evidence",
        "created_at",
    )

    player_link = player_link
    kind_badge = badge("kind", colours=_KIND_COLOURS, description="restriction")

    @display(description="in force", boolean=True)
    def is_in_force(self, restriction: PlayerRestriction) -> bool:
        now = timezone.now()
        return restriction.starts_at <= now and (restriction.ends_at is None or restriction.ends_at > now)


@admin.register(RestrictionEffect)
class RestrictionEffectAdmin(ReadOnlyAdmin):
    list_display = ("kind", "purpose", "effect_badge")
    list_display_links = None
    list_filter = (("kind", ChoicesDropdownFilter), ("effect", ChoicesDropdownFilter))
    list_per_page = 100

    effect_badge = badge("effect", colours=Colours(REFUSE="danger", MARK="warning"), description="effect")
