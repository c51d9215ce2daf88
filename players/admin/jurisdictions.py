"""Jurisdictions in force with their clauses, the ways to write a country, and staff's choices for single players."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RangeDateTimeFilter, RelatedDropdownFilter
from unfold.decorators import display
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from core.admin.base import HouseAdmin, ReadOnlyAdmin
from core.admin.columns import badge, number
from players.admin.shared import PLAYER_SEARCH_HELP, PlayerFilter, player_link
from players.jurisdictions import REASON_LENGTH_MAX, set_jurisdiction
from players.models import CountryName, Jurisdiction, JurisdictionLimit, Player, PlayerJurisdictionChange


@admin.register(Jurisdiction)
class JurisdictionAdmin(ReadOnlyAdmin):
    list_display = ("code", "name", "version", "claimed", "takes_unknown_countries", "changed_at")
    list_display_links = ("code", "name")
    change_form_after_template = "admin/players/jurisdiction/limits.html"
    fieldsets = ((None, {"fields": (("code", "name"), ("version", "changed_at"), "claimed", "note")}),)
    readonly_fields = ("claimed",)

    @display(description="countries")
    def claimed(self, jurisdiction: Jurisdiction) -> str:
        named = ", ".join(jurisdiction.countries) or "every country that no other profile claims"
        return named + (", and unknown ones" if jurisdiction.takes_unknown_countries else "")


@admin.register(JurisdictionLimit)
class JurisdictionLimitAdmin(ReadOnlyAdmin):
    list_display = ("jurisdiction_id", "kind_words", "value_figure", "unit", "severity_badge", "valid_from", "clause",
                    "is_our_reading")  # fmt: skip
    list_display_links = ("kind_words",)
    list_filter = (("jurisdiction", RelatedDropdownFilter), ("kind", ChoicesDropdownFilter), "is_our_reading")
    fields = (
        ("jurisdiction", "kind"),
        ("value", "unit", "names"),
        ("severity", "valid_from"),
        "clause",
        "clause_says",
        "source_url",
        ("is_our_reading", "reading"),
    )

    value_figure = number("value", description="value")
    severity_badge = badge("severity")

    @display(description="limit", ordering="kind")
    def kind_words(self, limit: JurisdictionLimit) -> str:
        return str(limit.get_kind_display())


@admin.register(CountryName)
class CountryNameAdmin(ReadOnlyAdmin):
    list_display = ("name", "code")
    search_fields = ("name", "code")
    search_help_text = "Part of a name, or a code of two letters"


class ChoiceForm(forms.ModelForm[PlayerJurisdictionChange]):
    """Whom to put under which jurisdiction, and why."""

    player = forms.CharField(max_length=50, widget=UnfoldAdminTextInputWidget(), help_text="The player's id.")
    jurisdiction_after = forms.ModelChoiceField(
        label="Jurisdiction",
        required=False,
        queryset=Jurisdiction.objects.all(),
        empty_label="By country",
        widget=UnfoldAdminSelectWidget(),
    )
    reason = forms.CharField(max_length=REASON_LENGTH_MAX, widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}))

    class Meta:
        model = PlayerJurisdictionChange
        fields = ("player", "jurisdiction_after", "reason")

    def clean_player(self) -> Player:
        """Return the player of the id."""
        found = Player.objects.filter(pk=self.cleaned_data["player"].strip()).first()
        if found is None:
            raise forms.ValidationError(f"There is no player {self.cleaned_data['player']!r}.")
        return found

    def clean_jurisdiction_after(self) -> str:
        """Return the code, empty where the country decides."""
        chosen = self.cleaned_data["jurisdiction_after"]
        return chosen.code if chosen else ""


@admin.register(PlayerJurisdictionChange)
class PlayerJurisdictionChangeAdmin(HouseAdmin):
    form = ChoiceForm
    actions = None
    list_display = ("id", "player_link", "before", "after", "reason", "changed_by", "changed_at")
    list_select_related = ("changed_by",)
    list_filter = (PlayerFilter, ("changed_at", RangeDateTimeFilter))
    search_fields = ("player__player_id__exact",)
    search_help_text = PLAYER_SEARCH_HELP

    player_link = player_link

    @display(description="before")
    def before(self, change: PlayerJurisdictionChange) -> str:
        return change.jurisdiction_before or "by country"

    @display(description="after")
    def after(self, change: PlayerJurisdictionChange) -> str:
        return change.jurisdiction_after or "by country"

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """What was chosen stays on record; another choice is a new row."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """What was chosen stays on record."""
        return False

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Ask for a choice, or show one."""
        if obj is None:
            return ((None, {"fields": ("player", "jurisdiction_after", "reason")}),)
        return ((None, {"fields": (("player", "changed_by", "changed_at"), ("before", "after"), "reason")}),)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """Show a choice in words."""
        return ("before", "after", "changed_by", "changed_at") if obj else ()

    def save_model(self, request: HttpRequest, obj: PlayerJurisdictionChange, form: Any, change: bool) -> None:
        """Write through the service, which takes the player's lock."""
        code = obj.jurisdiction_after or None
        saved = set_jurisdiction(
            player_id=obj.player_id,
            code=code,
            reason=obj.reason,
            by=request.user,  # type: ignore[arg-type]  # the admin lets nobody else in
        )
        obj.pk = saved.pk
        obj.refresh_from_db()
