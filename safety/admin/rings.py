"""Rings: who belongs to them, what they share, what they took out; and the devices and addresses of each player."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RangeDateTimeFilter, RangeNumericFilter
from unfold.decorators import display

from core.admin.base import HugeReadOnlyAdmin, ReadOnlyAdmin, ReadOnlyInline
from core.admin.columns import link_to, number
from players.admin.shared import PLAYER_SEARCH_HELP, PlayerFilter, player_link
from safety.models import Link, Ring, RingMember, RingThing

_MONEY = ("bonus_figure", "converted_figure", "deposited_figure", "withdrawn_figure")


class _Money:
    """The columns of money that rings and members have in common."""

    bonus_figure = number("bonus_value", description="bonus money given")
    converted_figure = number("converted", description="converted")
    deposited_figure = number("deposited", description="deposited")
    withdrawn_figure = number("withdrawn", description="withdrawn")


@display(description="ring")
def ring_link(_: Any, row: Any) -> str:
    """Link to the row's ring."""
    return link_to("safety_ring", row.ring_id)


class RingMemberInline(_Money, ReadOnlyInline):
    model = RingMember
    fields = ("player_link", "partners", *_MONEY, "joined_at", "last_seen_at")
    readonly_fields = ("player_link", *_MONEY)
    ordering = ("-bonus_value", "id")
    verbose_name_plural = "Members"
    show_change_link = False
    player_link = player_link


class RingThingInline(ReadOnlyInline):
    model = RingThing
    fields = ("kind", "value", "members_count", "last_seen_at")
    ordering = ("-members_count", "id")
    verbose_name_plural = "Devices and addresses they share"
    show_change_link = False


@admin.register(Ring)
class RingAdmin(_Money, ReadOnlyAdmin):
    list_display = ("id", "members_count", "things_count", *_MONEY, "extracted_figure", "found_at", "last_seen_at")
    list_filter = (
        ("members_count", RangeNumericFilter),
        ("extracted", RangeNumericFilter),
        ("last_seen_at", RangeDateTimeFilter),
    )
    ordering = ("-extracted", "-id")
    search_fields = ("members__player_id__exact",)
    search_help_text = PLAYER_SEARCH_HELP
    inlines = (RingMemberInline, RingThingInline)
    readonly_fields = (*_MONEY, "extracted_figure")
    fieldsets = (
        (None, {"fields": (("members_count", "things_count"), ("found_at", "last_seen_at"))}),
        (
            "Money of its members, in the days that the detector looks back",
            {
                "fields": (
                    ("bonus_figure", "converted_figure"),
                    ("deposited_figure", "withdrawn_figure"),
                    "extracted_figure",
                )
            },
        ),
    )
    extracted_figure = number("extracted", description="taken out beyond what was paid in")


@admin.register(RingMember)
class RingMemberAdmin(_Money, HugeReadOnlyAdmin):
    list_display = ("id", "ring_link", "player_link", "partners", *_MONEY, "joined_at", "last_seen_at")
    list_filter = (PlayerFilter,)
    search_fields = ("player__player_id__exact",)
    search_help_text = PLAYER_SEARCH_HELP
    ring_link = ring_link
    player_link = player_link


@admin.register(RingThing)
class RingThingAdmin(HugeReadOnlyAdmin):
    list_display = ("id", "ring_link", "kind", "value", "members_count", "last_seen_at")
    list_filter = (("kind", ChoicesDropdownFilter),)
    search_fields = ("value__exact",)
    search_help_text = "Device or IP address, in full"
    ring_link = ring_link


@admin.register(Link)
class LinkAdmin(HugeReadOnlyAdmin):
    list_display = ("id", "player_link", "kind", "value", "first_seen_on", "last_seen_on")
    list_filter = (PlayerFilter, ("kind", ChoicesDropdownFilter))
    search_fields = ("value__exact",)
    search_help_text = "Device or IP address, in full"
    player_link = player_link
