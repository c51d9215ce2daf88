"""Cases by what is to be done about them."""

from __future__ import annotations

from typing import Any

from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from unfold.contrib.filters.admin import DropdownFilter, TextFilter

from safety.models import UNDECIDED, ReviewCase, ReviewStatus

PARAMETER = "queue"
MINE, FREE, OVERDUE, APPEALS, DECIDED, ALL = "mine", "free", "overdue", "appeals", "decided", "all"


class QueueFilter(DropdownFilter):
    """Which part of the queue; without a choice, everything that is undecided."""

    title = "queue"
    parameter_name = PARAMETER
    all_option = ("", "Undecided")

    def lookups(self, request: HttpRequest, model_admin: object) -> list[tuple[str, str]]:
        """Return the choices."""
        return [
            (MINE, "Mine"),
            (FREE, "Nobody's"),
            (OVERDUE, "Overdue"),
            (APPEALS, "Appeals"),
            (DECIDED, "Decided and closed"),
            (ALL, "All"),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[ReviewCase]) -> QuerySet[ReviewCase]:
        """Return the cases chosen."""
        undecided = Q(status__in=UNDECIDED)
        parts = {
            MINE: undecided & Q(assigned_to=request.user.pk),
            FREE: undecided & Q(assigned_to=None),
            OVERDUE: undecided & Q(due_at__lt=timezone.now()),
            APPEALS: Q(status=ReviewStatus.APPEALED),
            DECIDED: ~undecided,
            ALL: Q(),
        }
        return queryset.filter(parts.get(self.value() or "", undecided))


class RingFilter(TextFilter):
    """The cases of one ring."""

    title = "ring"
    parameter_name = "ring"

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Return the cases of the ring with that number; anything else finds nothing."""
        number = self.value()
        if not number:
            return queryset
        is_number = number.isascii() and number.isdigit() and len(number) <= 18
        return queryset.filter(ring_number=int(number)) if is_number else queryset.none()
