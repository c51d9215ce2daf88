"""Caps of groups, what became of them, and what taking back freed of the shared ones."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from unfold.contrib.filters.admin import BooleanRadioFilter, ChoicesDropdownFilter, RangeDateFilter
from unfold.decorators import display
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from core.admin.base import HouseAdmin, HugeReadOnlyAdmin, ReadOnlyAdmin, ReadOnlyInline
from core.admin.columns import number
from core.errors import LoyaltyError
from players.models import Tier
from safety.assumptions import REASON_LENGTH_MAX
from safety.cap_editing import check_cap, save_cap
from safety.caps import CAPS
from safety.models import PoolRelease, RewardCap, RewardCapChange

_PLACE = ("kind", "segment", "tier", "window")


class RewardCapForm(forms.ModelForm[RewardCap]):
    tier = forms.ChoiceField(required=False, widget=UnfoldAdminSelectWidget())
    reason = forms.CharField(
        max_length=REASON_LENGTH_MAX, widget=UnfoldAdminTextInputWidget(), help_text="Why; kept in its history."
    )

    class Meta:
        model = RewardCap
        fields = (*_PLACE, "value", "is_active")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field: Any = self.fields.get("tier")
        if field is not None:
            levels = Tier.objects.order_by("lp_min").values_list("tier_level", flat=True)
            field.choices = [("", "---------"), *((level, level) for level in levels)]

    def _get_validation_exclusions(self) -> set[str]:
        """Leave the table's constraints to the service, which says what would be right."""
        excluded: set[str] = super()._get_validation_exclusions()  # type: ignore[misc]
        return excluded | {*_PLACE, "value"}

    def _post_clean(self) -> None:
        """Refuse what can be no cap at the field that brings it about, and a second cap of the same place."""
        super()._post_clean()  # type: ignore[misc]
        if self.errors:
            return
        asked = {name: getattr(self.instance, name) for name in _PLACE}
        try:
            check_cap(**asked, value=self.instance.value)
        except LoyaltyError as error:
            field = error.details["field"]
            self.add_error(field if field in self.fields else None, error.message)
            return
        is_new = not RewardCap.objects.filter(pk=self.instance.pk).exists()
        if is_new and RewardCap.objects.filter(**asked).exists():
            self.add_error("window", "there is this cap already: change it in the list, so that its history goes on")


class RewardCapChangeInline(ReadOnlyInline):
    model = RewardCapChange
    fields = ("changed_at", "changed_by", "value_before", "value_after", "was_active", "is_active", "reason")

    def get_queryset(self, request: HttpRequest) -> Any:
        """Read who changed it with the rows."""
        return super().get_queryset(request).select_related("changed_by")


@admin.register(RewardCap)
class RewardCapAdmin(HouseAdmin):
    form = RewardCapForm
    list_display = ("scope", "window", "money", "is_active")
    list_display_links = ("scope", "window")
    list_filter = (("kind", ChoicesDropdownFilter), ("is_active", BooleanRadioFilter))
    list_before_template = "admin/safety/rewardcap/for_everybody.html"
    fieldsets = (
        (
            None,
            {
                "fields": (("kind", "window"), ("segment", "tier"), ("value", "is_active"), "reason"),
                "description": "Each player of a segment or tier, or all of them together; together and of neither: "
                "everybody. Of several caps the tightest counts. 0 stops rewards at once; to have no cap, switch it "
                "off.",
            },
        ),
    )
    inlines = (RewardCapChangeInline,)
    actions = None

    money = number("value", description="money value")

    @display(description="whom it holds for", ordering="kind")
    def scope(self, cap: RewardCap) -> str:
        return cap.scope_words

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """Show above the rows what holds for every player: those caps are policies."""
        caps = [(window, policy.name, policy.value()) for window, policy in CAPS.items()]
        return super().changelist_view(request, {"caps_of_players": caps, **(extra_context or {})})

    def get_inlines(self, request: HttpRequest, obj: RewardCap | None) -> Any:
        """Show a history where there is one."""
        return self.inlines if obj else ()

    def get_readonly_fields(self, request: HttpRequest, obj: RewardCap | None = None) -> tuple[str, ...]:
        """Keep whom it holds for: another group would be another cap."""
        return _PLACE if obj else ()

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Switch it off instead: its history stays."""
        return False

    def save_model(self, request: HttpRequest, obj: RewardCap, form: Any, change: bool) -> None:
        """Write through the service."""
        saved = save_cap(
            **{name: getattr(obj, name) for name in _PLACE},
            value=obj.value,
            is_active=obj.is_active,
            reason=form.cleaned_data["reason"],
            changed_by=request.user,  # type: ignore[arg-type]  # the admin lets nobody else in
        )
        obj.pk = saved.pk


@admin.register(RewardCapChange)
class RewardCapChangeAdmin(ReadOnlyAdmin):
    list_display = ("id", "cap", "changed_at", "changed_by", "before", "after", "is_active", "reason")
    list_select_related = ("cap", "changed_by")
    list_filter = (("changed_at", RangeDateFilter),)

    before = number("value_before", description="before")
    after = number("value_after", description="after")


@admin.register(PoolRelease)
class PoolReleaseAdmin(HugeReadOnlyAdmin):
    list_display = ("id", "segment", "tier", "on", "money")
    list_filter = (("on", RangeDateFilter),)

    money = number("value", description="money value")
