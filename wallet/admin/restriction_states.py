"""Restrictions by where they are in their life: announced, in force, ended, and whether somebody is to decide."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db.models import Case, Exists, F, OuterRef, QuerySet, Value, When
from django.http import HttpRequest
from unfold.contrib.filters.admin import DropdownFilter
from unfold.decorators import display

from core.admin.columns import Colours
from players.models import LiftRequest, PlayerRestriction

ANNOUNCED, IN_FORCE, TO_DECIDE, ENDED = "announced", "in force", "to be decided", "ended"
_COLOURS = Colours({ANNOUNCED: "info", IN_FORCE: "success", TO_DECIDE: "warning"})


def with_state(restrictions: QuerySet[PlayerRestriction], *, at: datetime) -> QuerySet[PlayerRestriction]:
    """Annotate restrictions with their `state` at a time."""
    wished = Exists(LiftRequest.objects.filter(restriction=OuterRef("pk"), decided_at=None))
    state = Case(
        When(ends_at__lte=at, then=Value(ENDED)),
        # Lifted before it began, it ends as it starts.
        When(ends_at=F("starts_at"), then=Value(ENDED)),
        # A wish about one that has ended by itself meanwhile is nobody's to decide any more.
        When(wished, then=Value(TO_DECIDE)),
        When(starts_at__gt=at, then=Value(ANNOUNCED)),
        default=Value(IN_FORCE),
    )
    return restrictions.annotate(state=state)


@display(description="state", label=_COLOURS)
def state_badge(_: Any, restriction: Any) -> tuple[str, str]:
    """Show the annotated state as a coloured label."""
    return restriction.state, restriction.state


class StateFilter(DropdownFilter):
    """Which part of the restrictions."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: object) -> list[tuple[str, str]]:
        """Return the choices."""
        return [(state, state.capitalize()) for state in (IN_FORCE, TO_DECIDE, ANNOUNCED, ENDED)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Return the restrictions chosen."""
        return queryset.filter(state=self.value()) if self.value() else queryset
