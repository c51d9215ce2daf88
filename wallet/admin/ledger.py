"""Operations, the entries they posted, refused credits and the nightly digests."""

from __future__ import annotations

from django.contrib import admin
from django.contrib.admin.utils import quote
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RangeDateFilter, RangeDateTimeFilter
from unfold.decorators import display

from core.admin.base import HugeReadOnlyAdmin, ReadOnlyAdmin
from core.admin.columns import Colours, badge, hexadecimal, link_to, number, run_link
from players.admin.shared import PLAYER_SEARCH_HELP, PlayerFilter, player_link
from wallet.models import LedgerDigest, LedgerEntry, Operation, PostingRefusal


@admin.register(LedgerEntry)
class LedgerEntryAdmin(HugeReadOnlyAdmin):
    list_display = (
        "id",
        "player_link",
        "number",
        "statement",
        "created_at",
        "transaction_type",
        "currency_type",
        "amount_figure",
        "before",
        "after",
        "description",
        "actor",
    )
    list_filter = (
        PlayerFilter,
        ("created_at", RangeDateTimeFilter),
        ("currency_type", ChoicesDropdownFilter),
        ("transaction_type", ChoicesDropdownFilter),
    )
    search_fields = ("player__player_id__exact",)
    search_help_text = PLAYER_SEARCH_HELP
    readonly_fields = ("hash_text",)
    fieldsets = (
        (None, {"fields": (("player", "number"), ("transaction_type", "currency_type"), "created_at")}),
        ("Amount", {"fields": (("balance_before", "amount", "balance_after"),)}),
        (
            "Why and by whom",
            {"fields": ("description", ("reference_id", "actor"), "operation", "metadata", "hash_text")},
        ),
    )

    player_link = player_link
    amount_figure = number("amount")
    before = number("balance_before", description="before")
    after = number("balance_after", description="after")
    hash_text = hexadecimal("hash")

    @display(description="statement")
    def statement(self, entry: LedgerEntry) -> SafeString:
        """Link to the player's statement with this entry at its top."""
        url = reverse("admin:players_player_statement", args=[quote(entry.player_id)])
        return format_html('<a class="house-link" href="{}?before={}">Statement</a>', url, entry.number + 1)


@admin.register(Operation)
class OperationAdmin(HugeReadOnlyAdmin):
    list_display = ("id", "key", "kind", "player_link", "actor", "run_link", "created_at")
    list_display_links = ("id", "key")
    list_filter = (("created_at", RangeDateTimeFilter),)
    search_fields = ("key__startswith",)
    search_help_text = "Beginning of the operation's key"
    readonly_fields = ("entries", "run_link", "input_hash_text")
    fields = ("key", ("kind", "player"), ("actor", "run_link"), "created_at", "entries", "reverses", "input_hash_text")

    player_link = player_link
    run_link = run_link()
    input_hash_text = hexadecimal("input_hash", description="hash of the inputs")

    @display(description="entries")
    def entries(self, operation: Operation) -> SafeString:
        """List what the operation posted, found by player: entries have no index on their operation."""
        found = LedgerEntry.objects.filter(player_id=operation.player_id, operation_id=operation.pk).order_by("number")
        links = (
            (link_to("wallet_ledgerentry", entry.pk, f"#{entry.number}"), f"{entry.amount} {entry.currency_type}")
            for entry in found
        )
        return format_html_join(SafeString("<br>"), "{} {}", links)


@admin.register(PostingRefusal)
class PostingRefusalAdmin(HugeReadOnlyAdmin):
    list_display = (
        "id",
        "player_link",
        "refused_at",
        "reason_badge",
        "purpose",
        "currency_type",
        "amount_figure",
        "actor",
        "run_link",
    )
    list_filter = (PlayerFilter, ("refused_at", RangeDateTimeFilter))
    search_fields = ("player__player_id__exact",)
    search_help_text = PLAYER_SEARCH_HELP

    player_link = player_link
    run_link = run_link()
    amount_figure = number("amount")
    reason_badge = badge("reason", colours=Colours())


@admin.register(LedgerDigest)
class LedgerDigestAdmin(ReadOnlyAdmin):
    list_display = ("on", "players", "entries", "last_entry_id", "run_link", "created_at")
    list_filter = (("on", RangeDateFilter),)
    date_hierarchy = "on"
    readonly_fields = ("digest_text", "run_link")
    fields = ("on", ("players", "entries", "last_entry_id"), "digest_text", ("run_link", "created_at"))

    run_link = run_link()
    digest_text = hexadecimal("digest")
