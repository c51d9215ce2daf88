"""Operations, the entries they posted, refused credits and the nightly digests."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.admin.utils import quote, unquote
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RangeDateFilter, RangeDateTimeFilter
from unfold.decorators import action, display

from core.admin.base import HugeReadOnlyAdmin, ReadOnlyAdmin
from core.admin.columns import Colours, badge, hexadecimal, link_to, number, run_link
from core.errors import InvalidInputError
from players.admin.shared import PLAYER_SEARCH_HELP, PlayerFilter, player_link
from wallet.admin.acting import ActForm, act_page
from wallet.corrections import reverse_operation, take_back_remaining
from wallet.holdings import entries_of, movements_of
from wallet.models import LedgerDigest, LedgerEntry, Operation, PostingRefusal
from wallet.previews import preview_correction


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
    readonly_fields = ("entries", "run_link", "reverses_link", "reversed_by", "input_hash_text")
    fields = (
        "key",
        ("kind", "player"),
        ("actor", "run_link"),
        "created_at",
        "entries",
        ("reverses_link", "reversed_by"),
        "input_hash_text",
    )
    actions_detail = ("correct",)

    player_link = player_link
    run_link = run_link()
    input_hash_text = hexadecimal("input_hash", description="hash of the inputs")

    @display(description="entries")
    def entries(self, operation: Operation) -> SafeString:
        """List what the operation posted."""
        links = (
            (link_to("wallet_ledgerentry", entry.pk, f"#{entry.number}"), f"{entry.amount} {entry.currency_type}")
            for entry in entries_of(operation)
        )
        return format_html_join(SafeString("<br>"), "{} {}", links)

    @display(description="reverses")
    def reverses_link(self, operation: Operation) -> SafeString:
        return link_to("wallet_operation", operation.reverses_id)

    @display(description="reversed by")
    def reversed_by(self, operation: Operation) -> SafeString:
        return link_to(
            "wallet_operation", Operation.objects.filter(reverses=operation).values_list("pk", flat=True).first()
        )

    @action(
        description="Reverse or take back",
        url_path="correct",
        icon="undo",
        permissions=["wallet.reverse_operation"],
    )
    def correct(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Undo an operation or take back what is left of it, with a reason; show beforehand what either would do."""
        operation = self.get_object(request, unquote(object_id))
        if operation is None:
            raise Http404
        if not self.has_view_permission(request, operation):
            raise PermissionDenied
        now = timezone.now()

        def act(asked: dict[str, Any]) -> str:
            match request.POST.get("act"):
                case "reverse":
                    reverse_operation(operation_id=operation.pk, at=now, **asked)
                    return f"Operation {operation.pk} was reversed."
                case "take_back":
                    take_back_remaining(operation_id=operation.pk, at=now, **asked)
                    return f"What remained of operation {operation.pk} was taken back."
                case other:
                    raise InvalidInputError(f"act is {other!r}: one of reverse, take_back is needed", act=other)

        return act_page(
            request,
            page=self,
            template="admin/wallet/correct.html",
            form=ActForm(request.POST or None),
            act=act,
            done_url=reverse("admin:wallet_operation_change", args=[object_id]),
            describe=lambda: {
                "title": f"Put operation {operation.pk} right",
                "operation": operation,
                "movements": movements_of(operation),
                "reversal": preview_correction(reverse_operation, operation_id=operation.pk, at=now),
                "taking": preview_correction(take_back_remaining, operation_id=operation.pk, at=now),
            },
        )


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
