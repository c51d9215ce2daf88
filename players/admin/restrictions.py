"""What each kind of restriction does, and what must be known of a player before a credit."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.decorators import display
from unfold.widgets import UnfoldAdminIntegerFieldWidget

from core.admin.base import HouseAdmin, ReadOnlyAdmin
from core.admin.columns import Colours, badge
from players.models import CreditPurpose, CreditRequirement, RestrictionEffect, RestrictionEffectKind, RestrictionKind

AGE_MAX = 150


def _matrix() -> dict[str, Any]:
    """Return the kinds, and of each purpose what each of them does: effect and words."""
    effects = {(one.kind, one.purpose): one for one in RestrictionEffect.objects.all()}
    words = dict(RestrictionEffectKind.choices)
    rows = []
    for purpose in CreditPurpose:
        found = [effects.get((kind, purpose)) for kind in RestrictionKind]
        rows.append((purpose.label, [(one.effect, words[one.effect]) if one else ("", "allowed") for one in found]))
    return {"matrix_kinds": [kind.label for kind in RestrictionKind], "matrix_rows": rows}


@admin.register(RestrictionEffect)
class RestrictionEffectAdmin(ReadOnlyAdmin):
    list_display = ("kind", "purpose", "effect_badge")
    list_display_links = None
    list_filter = (("kind", ChoicesDropdownFilter), ("effect", ChoicesDropdownFilter))
    list_per_page = 100
    list_before_template = "admin/players/restrictioneffect/matrix.html"

    effect_badge = badge("effect", colours=Colours(REFUSE="danger", MARK="warning"), description="effect")

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """Show the rows as the matrix they are."""
        return super().changelist_view(request, {**_matrix(), **(extra_context or {})})


class CreditRequirementForm(forms.ModelForm[CreditRequirement]):
    """What must be known of a player."""

    minimum_age = forms.IntegerField(
        required=False,
        min_value=0,
        max_value=AGE_MAX,
        widget=UnfoldAdminIntegerFieldWidget(),
        help_text="In years. Empty: any age.",
    )


@admin.register(CreditRequirement)
class CreditRequirementAdmin(HouseAdmin):
    form = CreditRequirementForm
    list_display = ("purpose_words", "minimum_age", "allows_unknown_age", "needs_kyc", "changed_by", "changed_at")
    list_display_links = ("purpose_words",)
    list_select_related = ("changed_by",)
    fields = (("purpose", "minimum_age"), ("allows_unknown_age", "needs_kyc"), ("changed_by", "changed_at"))
    readonly_fields = ("purpose", "changed_by", "changed_at")
    actions = None

    @display(description="before")
    def purpose_words(self, requirement: CreditRequirement) -> str:
        return str(requirement)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Every purpose that may ask for something has its row."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """A row that asks nothing allows everything."""
        return False

    def save_model(self, request: HttpRequest, obj: CreditRequirement, form: Any, change: bool) -> None:
        """Keep who changed it; the log of changes by staff has the rest."""
        obj.changed_by = request.user  # type: ignore[assignment]  # the admin lets nobody else in
        obj.changed_at = timezone.now()
        obj.save(update_fields=["minimum_age", "allows_unknown_age", "needs_kyc", "changed_by", "changed_at"])
