"""What other systems are told, and whether they have been."""

from __future__ import annotations

from django.contrib import admin
from unfold.contrib.filters.admin import RangeDateFilter
from unfold.decorators import display

from core.admin.base import HugeReadOnlyAdmin
from core.models import OutboxEvent


@admin.register(OutboxEvent)
class OutboxEventAdmin(HugeReadOnlyAdmin):
    list_display = ("id", "topic", "key", "created_at", "is_delivered", "delivered_at", "attempts")
    list_display_links = ("id", "key")
    list_filter = (
        ("delivered_at", admin.EmptyFieldListFilter),
        ("created_at", RangeDateFilter),
    )
    search_fields = ("key__exact",)
    search_help_text = "Key of the event, in full"

    @display(description="delivered", boolean=True)
    def is_delivered(self, event: OutboxEvent) -> bool:
        return event.delivered_at is not None
