"""Players in the admin. The page of one player reads every floor of the house, so it stands on the top one."""

from __future__ import annotations

from datetime import date
from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from unfold.contrib.filters.admin import (
    BooleanRadioFilter,
    ChoicesDropdownFilter,
    DropdownFilter,
    RangeDateTimeFilter,
    RangeNumericFilter,
)
from unfold.decorators import display

from core.admin.base import HouseAdmin
from core.admin.columns import Colours, badge, figure
from core.admin.counting import EstimatingPaginator
from core.errors import InvalidInputError
from players.admin.shared import SEGMENT_COLOURS
from players.models import Player, Tier
from players.profile_editing import PROFILE_COLUMNS, checked_profile
from players.searching import search_players
from reporting.admin.statements import StatementPages
from reporting.player_page import ROWS_MAX, player_page
from wallet.identity import edit_profile

STATE_COLOURS = Colours(Blocked="danger", Removed="warning", Active="success")


class TierFilter(DropdownFilter):
    """The tiers there are; looking for all values among the players would read them all."""

    title = "tier"
    parameter_name = "tier"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        levels = Tier.objects.order_by("lp_min").values_list("tier_level", flat=True)
        return [(level, level.title()) for level in levels]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Player]) -> QuerySet[Player]:
        level = self.value()
        return queryset if not level or "\x00" in level else queryset.filter(tier=level)


class PlayerForm(forms.ModelForm[Player]):
    """The profile columns; the service checks and writes them."""

    class Meta:
        model = Player
        fields = PROFILE_COLUMNS

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "tags" in self.fields:
            self.fields["tags"].help_text = "Separated by commas."

    def clean(self) -> dict[str, Any]:
        """Let the service's checks speak at their field."""
        values = super().clean() or {}
        try:
            return values | checked_profile(changes=values, today=timezone.localdate())
        except InvalidInputError as error:
            self.add_error(error.details["field"], error.message)
            return values


@admin.register(Player)
class PlayerAdmin(StatementPages, HouseAdmin):
    form = PlayerForm
    paginator = EstimatingPaginator
    change_form_template = "admin/players/player/change_form.html"
    list_display = (
        "player_id",
        "name",
        "email",
        "segment_badge",
        "tier",
        "risk_figure",
        "ggr",
        "country",
        "state",
        "last_activity_on",
    )
    list_display_links = ("player_id", "name")
    list_select_related = ("metrics",)
    list_filter = (
        ("segment", ChoicesDropdownFilter),
        TierFilter,
        ("is_active", BooleanRadioFilter),
        ("is_blocked", BooleanRadioFilter),
        ("risk_score", RangeNumericFilter),
        ("last_activity_at", RangeDateTimeFilter),
    )
    search_fields = ("player_id",)
    search_help_text = "Start of the player id, the e-mail address, or part of the name"
    ordering = ("player_id",)
    actions = None
    fieldsets = (
        ("Profile", {"fields": (("name", "email"), ("country", "language"), ("gender", "age"))}),
        ("Programme", {"fields": ("tags", ("kyc_completed_at", "registered_on"), "is_active")}),
    )

    segment_badge = badge("segment", colours=SEGMENT_COLOURS)

    @display(description="risk score", ordering="risk_score")
    def risk_figure(self, player: Player) -> str:
        return figure(player.risk_score)

    @display(description="GGR", ordering="metrics__house_edge_contribution")
    def ggr(self, player: Player) -> str:
        return figure(player.metrics.house_edge_contribution if hasattr(player, "metrics") else None)

    @display(
        description="state", ordering="is_active", label=Colours(Blocked="danger", Removed="warning", Active="success")
    )
    def state(self, player: Player) -> str:
        if not player.is_active:
            return "Removed"
        return "Blocked" if player.is_blocked else "Active"

    @display(description="last activity", ordering="last_activity_at")
    def last_activity_on(self, player: Player) -> date | None:
        return timezone.localdate(player.last_activity_at) if player.last_activity_at else None

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Players come from files and from the activity feed."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """A player is taken out of use by the mark Active; the ledger names players for good."""
        return False

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Player], search_term: str
    ) -> tuple[QuerySet[Player], bool]:
        """Find players as everywhere in the house."""
        term = search_term.strip()
        return (search_players(queryset, term) if term else queryset), False

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        """Show the player's page around the form."""
        player = self.get_object(request, unquote(object_id or ""))
        context = {**(extra_context or {}), "rows_max": ROWS_MAX}
        if player is not None and self.has_view_permission(request, player):
            context["page"] = player_page(player)
        return super().changeform_view(request, object_id, form_url, context)

    def save_model(self, request: HttpRequest, obj: Player, form: Any, change: bool) -> None:
        """Write what was changed through the service."""
        changes = {name: form.cleaned_data[name] for name in form.changed_data}
        edit_profile(
            player_id=obj.pk,
            changes=changes,
            today=timezone.localdate(),
            by=request.user,  # type: ignore[arg-type]  # the admin lets nobody else in
        )
