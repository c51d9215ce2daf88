"""What points buy: edited by staff, checked and written by the service."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from unfold.contrib.filters.admin import BooleanRadioFilter, ChoicesDropdownFilter
from unfold.decorators import display
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget

from core.admin.base import HouseAdmin
from core.admin.columns import Colours, figure
from players.models import GameCategory, Tier
from rewards.admin.redemption.columns import amount_shown, gift_shown
from rewards.models import RedemptionOption
from rewards.redemption.options import CONTENT_FIELDS, OptionInvalidError, check_option, save_option
from rewards.redemption.worth import worth_of


class GamesField(forms.MultipleChoiceField):
    """Some game categories; none chosen means all of them."""

    def clean(self, value: Any) -> list[str] | None:
        """Return the codes, or None for all games."""
        return super().clean(value) or None


class OptionForm(forms.ModelForm[RedemptionOption]):
    eligible_games = GamesField(
        required=False,
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
        help_text="Where the bonus may be played; none ticked: all.",
    )

    class Meta:
        model = RedemptionOption
        fields = ("code", *CONTENT_FIELDS)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "eligible_games" in self.fields:
            games = GameCategory.objects.order_by("code").values_list("code", flat=True)
            self.fields["eligible_games"].choices = [(code, code) for code in games]  # type: ignore[attr-defined]

    def _get_validation_exclusions(self) -> set[str]:
        """Leave the table's constraints to the service, which says what would be right."""
        excluded: set[str] = super()._get_validation_exclusions()  # type: ignore[misc]
        return excluded | set(CONTENT_FIELDS)

    def _post_clean(self) -> None:
        """Check the option as the service will, so that each problem stands at its field."""
        super()._post_clean()  # type: ignore[misc]
        if self.errors:
            return
        try:
            check_option(self.instance)
        except OptionInvalidError as error:
            for problem in error.problems:
                suggestion = f" ({problem.suggestion})" if problem.suggestion else ""
                self.add_error(problem.path, f"{problem.message}{suggestion}")


@admin.register(RedemptionOption)
class RedemptionOptionAdmin(HouseAdmin):
    form = OptionForm
    list_display = (
        "code",
        "name",
        "state",
        "costs",
        "gift",
        "ordered_of_stock",
        "limit",
        "from_tier",
        "valid_from",
        "valid_until",
    )
    list_display_links = ("code", "name")
    list_filter = (
        ("is_active", BooleanRadioFilter),
        ("gives", ChoicesDropdownFilter),
        ("cost_currency", ChoicesDropdownFilter),
    )
    search_fields = ("code", "name", "description")
    search_help_text = "Part of the code, the name or the description"
    ordering = ("code",)
    actions = None
    readonly_fields = ("ordered_shown", "worth_shown")
    fieldsets = (
        (None, {"fields": (("code", "name"), "description", "is_active")}),
        ("What it costs", {"fields": (("cost_currency", "cost"),)}),
        ("What it gives", {"fields": (("gives", "amount"), "expiry_hours", "worth_shown")}),
        (
            "Terms of a bonus",
            {"fields": ("wagering_requirement", ("max_bet", "max_conversion"), "eligible_games")},
        ),
        (
            "Who can order it, when, and how often",
            {
                "fields": (
                    "valid_from",
                    "valid_until",
                    ("stock", "ordered_shown"),
                    ("limit_per_player", "minimum_tier"),
                )
            },
        ),
    )

    @display(description="state", label=Colours(active="success"), ordering="is_active")
    def state(self, option: RedemptionOption) -> tuple[str, str]:
        return ("active", "Active") if option.is_active else ("off", "Off")

    @display(description="costs", ordering="cost")
    def costs(self, option: RedemptionOption) -> str:
        return amount_shown(option.cost, option.cost_currency)

    @display(description="gives", ordering="gives")
    def gift(self, option: RedemptionOption) -> str:
        return gift_shown(option)

    @display(description="ordered", ordering="ordered")
    def ordered_of_stock(self, option: RedemptionOption) -> str:
        return f"{option.ordered:,}" if option.stock is None else f"{option.ordered:,} of {option.stock:,}"

    @display(description="per player", ordering="limit_per_player")
    def limit(self, option: RedemptionOption) -> str:
        return figure(option.limit_per_player)

    @display(description="from tier", ordering="minimum_tier_id")
    def from_tier(self, option: RedemptionOption) -> str | None:
        return option.minimum_tier_id

    @display(description="worth")
    def worth_shown(self, option: RedemptionOption) -> str:
        """Say what points and gift are worth, and what of it caps and profit safety count anew."""
        if not option.cost:
            return "-"
        if option.amount is None:
            return "What a benefit costs nobody has said: no cap and no margin counts it."
        worth = worth_of(option)
        said = (
            f"The points are worth {worth.points:,.2f}, it gives {worth.gift:,.2f}, expected to cost {worth.cost:,.2f}."
        )
        if not worth.surplus_value:
            return said
        counted = f"{worth.surplus_value:,.2f} towards the caps and {worth.surplus_cost:,.2f} towards their margin"
        return f"{said} Each order counts {counted}, for it gives more than its points are worth."

    @display(description="ordered so far")
    def ordered_shown(self, option: RedemptionOption) -> str:
        return figure(option.ordered)

    def get_readonly_fields(self, request: HttpRequest, obj: RedemptionOption | None = None) -> tuple[str, ...]:
        """Keep the code: orders and programs name it."""
        return (*self.readonly_fields, "code") if obj else self.readonly_fields

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """List tiers from the lowest up."""
        if db_field.name == "minimum_tier":
            kwargs["queryset"] = Tier.objects.order_by("lp_min")
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def save_model(self, request: HttpRequest, obj: RedemptionOption, form: Any, change: bool) -> None:
        """Write through the service, which leaves the count of orders alone."""
        save_option(obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """An option is taken out of the catalogue by switching it off; its orders name it for good."""
        return False
