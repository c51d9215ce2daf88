"""Game categories and what play earns on them: rows of players, but only this floor knows what points are worth."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.safestring import SafeString
from unfold.decorators import action, display
from unfold.views import ChangeList
from unfold.widgets import UnfoldAdminTextInputWidget

from core.admin.base import HouseAdmin
from core.admin.columns import NOTHING, Colours, figure, number
from core.errors import InvalidInputError, RefusedError
from players.models import GameCategory
from safety.assumptions import REASON_LENGTH_MAX
from safety.earn_rates import EarnRate, check_game_category, point_value, rate_of, save_game_category
from safety.models import EarnRateAcceptance

_STANDING = Colours(within="success", accepted="warning", above="danger")
_STANDING_WORDS = {"within": "within the edge", "accepted": "accepted by two", "above": "above the edge"}


class GameCategoryForm(forms.ModelForm[GameCategory]):
    reason = forms.CharField(
        required=False,
        max_length=REASON_LENGTH_MAX,
        widget=UnfoldAdminTextInputWidget(),
        help_text="Why the house edge changes; kept with its version.",
    )

    class Meta:
        model = GameCategory
        fields = ("code", "name", "product", "house_edge_rate", "contribution_weight", "lp_per_unit_staked")
        labels = {"house_edge_rate": "House edge", "lp_per_unit_staked": "Points per unit staked"}

    def _get_validation_exclusions(self) -> set[str]:
        """Leave the table's constraints to the service, which says what would be right."""
        excluded: set[str] = super()._get_validation_exclusions()  # type: ignore[misc]
        return excluded | {"house_edge_rate", "contribution_weight", "lp_per_unit_staked"}

    def _post_clean(self) -> None:
        """Check what play would earn, so that a refusal stands at the field that brings it about."""
        super()._post_clean()  # type: ignore[misc]
        if self.errors:
            return
        try:
            check_game_category(self.instance)
        except (InvalidInputError, RefusedError) as error:
            self.add_error(error.details["field"], error.message)
        is_changed = bool(self.initial) and "house_edge_rate" in self.changed_data
        if is_changed and not self.cleaned_data["reason"]:
            self.add_error("reason", "a reason is needed where the house edge changes: it stays with the version")


class WithEarnRates(ChangeList):
    """The list with the figures of each category, read once for all of them."""

    def get_results(self, request: HttpRequest) -> None:
        """Put the figures on the rows."""
        super().get_results(request)
        point = point_value()
        accepted = set(
            EarnRateAcceptance.objects.filter(accepted_at__isnull=False, ended_at=None).values_list(
                "category", flat=True
            )
        )
        for category in self.result_list:
            category.earn_rate = rate_of(category, point=point)
            category.is_accepted = category.code in accepted


def _figures(category: GameCategory) -> EarnRate:
    """Return the figures; only the list has read them before."""
    known: EarnRate | None = getattr(category, "earn_rate", None)
    return known or rate_of(category, point=point_value())


@admin.register(GameCategory)
class GameCategoryAdmin(HouseAdmin):
    form = GameCategoryForm
    list_display = ("code", "name", "product", "standing", "edge", "points_per_unit", "worth", "highest_rate", "weight")
    list_display_links = ("code", "name")
    search_fields = ("code", "name")
    actions_detail = ("propose_rate",)
    fieldsets = (
        (None, {"fields": (("code", "name"), ("product", "contribution_weight"))}),
        (
            "What the house keeps and what play earns",
            {
                "fields": (("house_edge_rate", "lp_per_unit_staked"), ("worth", "highest_rate"), "reason"),
                "description": "Worth at most: points per unit × the highest tier's multiplier × the value of a point. "
                "More than the house edge is refused, unless two people accept the rate.",
            },
        ),
    )

    edge = number("house_edge_rate", description="house edge", decimal_places=6)
    weight = number("contribution_weight", description="weight", decimal_places=4)
    points_per_unit = number("lp_per_unit_staked", description="points per unit", decimal_places=6)

    @display(description="worth at most")
    def worth(self, category: GameCategory) -> SafeString:
        """Money per unit staked, to compare with the edge."""
        return _rate(_figures(category).worth) if category.code else NOTHING

    @display(description="highest rate")
    def highest_rate(self, category: GameCategory) -> SafeString:
        return _rate(_figures(category).points_per_unit_max) if category.code else NOTHING

    @display(description="standing", label=_STANDING)
    def standing(self, category: GameCategory) -> tuple[str, str]:
        """Say whether points are worth more than the house keeps, and whether that was accepted."""
        is_above = _figures(category).loss > 0
        name = ("accepted" if getattr(category, "is_accepted", False) else "above") if is_above else "within"
        return name, _STANDING_WORDS[name]

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return WithEarnRates

    def get_readonly_fields(self, request: HttpRequest, obj: GameCategory | None = None) -> tuple[str, ...]:
        """Keep the code: play, bonuses and rules name it."""
        return ("worth", "highest_rate", "code") if obj else ("worth", "highest_rate")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Play, bonuses and rules name categories, so none disappears."""
        return False

    def save_model(self, request: HttpRequest, obj: GameCategory, form: Any, change: bool) -> None:
        """Write through the service, which looks again at what play earns."""
        save_game_category(
            obj,
            changed_by=request.user,  # type: ignore[arg-type]  # the admin lets nobody else in
            reason=form.cleaned_data["reason"],
        )

    @action(
        description="Propose a rate above the edge",
        url_path="propose",
        icon="group_add",
        permissions=["safety.add_earnrateacceptance"],
    )
    def propose_rate(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Lead to the form of a proposal for this category."""
        address = reverse("admin:safety_earnrateacceptance_add", query={"category": unquote(object_id)})
        return HttpResponseRedirect(address)


def _rate(value: Any) -> SafeString:
    return figure(value, decimal_places=6)
