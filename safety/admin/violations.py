"""What safety refused, counted by reason; and the page that asks whether a reward would be safe."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Max
from django.db.models.expressions import RawSQL
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from unfold.contrib.filters.admin import BooleanRadioFilter, ChoicesDropdownFilter, DropdownFilter, RangeDateFilter
from unfold.decorators import action, display
from unfold.widgets import (
    UnfoldAdminDecimalFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminSingleDateWidget,
    UnfoldAdminTextInputWidget,
)

from core.admin.base import HugeReadOnlyAdmin
from core.admin.columns import Colours, link_to, number
from core.errors import LoyaltyError
from players.admin.shared import PLAYER_SEARCH_HELP, PlayerFilter, player_link
from players.models import GameCategory
from safety.caps import REWARD_TYPES
from safety.derivation import derivation
from safety.expected_value import ExpectedValue, Reward, calculate_expected_value
from safety.models import SafetyViolation
from safety.profitability import RewardTerms
from safety.violations import VIOLATION_CODES

VIEW = ["safety.view_safetyviolation"]
_DAYS_COUNTED = 30


class CodeFilter(DropdownFilter):
    """One reason; (on, code) has an index."""

    title = "reason"
    parameter_name = "code"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(code, code.replace("_", " ").lower()) for code in VIOLATION_CODES]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        return queryset.filter(code=self.value()) if self.value() else queryset


@admin.register(SafetyViolation)
class SafetyViolationAdmin(HugeReadOnlyAdmin):
    list_display = (
        "player_link",
        "on",
        "code",
        "outcome",
        "money",
        "figure_words",
        "path",
        "rule_link",
        "decision_link",
    )
    list_display_links = ("on", "code")
    list_filter = (
        PlayerFilter,
        CodeFilter,
        ("path", ChoicesDropdownFilter),
        ("is_refused", BooleanRadioFilter),
        ("on", RangeDateFilter),
    )
    search_fields = ("player__player_id__exact",)
    search_help_text = PLAYER_SEARCH_HELP
    list_before_template = "admin/safety/safetyviolation/counts.html"
    actions_list = ("check_reward",)
    readonly_fields = ("rule_link", "decision_link")
    fields = (
        ("player", "on", "at"),
        ("code", "path", "is_refused"),
        ("amount", "rule_link", "decision_link"),
        ("operation_key", "actor"),
        "figures",
    )

    player_link = player_link
    money = number("amount")

    @display(description="outcome", label=Colours(REFUSED="danger", WARNED="warning"))
    def outcome(self, violation: SafetyViolation) -> tuple[str, str]:
        return ("REFUSED", "refused") if violation.is_refused else ("WARNED", "let pass")

    def get_queryset(self, request: HttpRequest) -> Any:
        """Read the id of the rule with the rows: rules live above this floor, only their number is kept here."""
        rule_id = RawSQL("(SELECT r.rule_id FROM reward_rules r WHERE r.number = safety_violations.rule_number)", [])
        return super().get_queryset(request).annotate(rule_id=rule_id)

    @display(description="rule", ordering="rule_number")
    def rule_link(self, violation: SafetyViolation) -> str:
        return link_to("rewards_rewardrule", getattr(violation, "rule_id", None))

    @display(description="figures")
    def figure_words(self, violation: SafetyViolation) -> str:
        if "expected_margin" in violation.figures and not violation.figures.get("missing"):
            return _comparison(violation.figures)
        figures = {name: value for name, value in violation.figures.items() if name != "code" and value != ""}
        return ", ".join(f"{name.replace('_', ' ')} {_shown(value)}" for name, value in figures.items())

    @display(description="decision")
    def decision_link(self, violation: SafetyViolation) -> str:
        return link_to("rewards_rewarddecision", violation.decision_id)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """Show above the rows how many there were by reason."""
        # Counted from the newest business date: nights may be of days long past.
        newest = SafetyViolation.objects.aggregate(on=Max("on"))["on"] or timezone.localdate()
        since = newest - timedelta(days=_DAYS_COUNTED)
        counts = SafetyViolation.objects.filter(on__gt=since).order_by().values("code").annotate(times=Count("pk"))
        context = {
            "violation_days": _DAYS_COUNTED,
            "violations_until": newest,
            "violation_counts": sorted(
                ((row["code"], row["code"].replace("_", " ").lower(), row["times"]) for row in counts),
                key=lambda row: (-row[2], row[0]),
            ),
        }
        return super().changelist_view(request, {**context, **(extra_context or {})})

    @action(description="Would this be safe?", url_path="check", icon="verified_user", permissions=VIEW)
    def check_reward(self, request: HttpRequest) -> HttpResponse:
        """Show what a reward would cost and bring for a player, step by step; nothing is written."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        form = RewardCheckForm(request.GET or None)
        found = _answer(request, form)
        context = {
            **self.admin_site.each_context(request),
            "title": "Would this be safe?",
            "opts": self.opts,
            "form": form,
            "found": found,
            "steps": derivation(found) if found else (),
        }
        return TemplateResponse(request, "admin/safety/safetyviolation/check.html", context)


def _comparison(figures: dict[str, Any]) -> str:
    """Say that cost and margin do not fit, with what was granted before where something was."""
    cost, before, margin = (figures.get(name, 0) for name in ("expected_cost", "granted_before", "expected_margin"))
    granted = f" + {_shown(before)} granted before" if float(before) else ""
    return f"cost {_shown(cost)}{granted} ≥ margin {_shown(margin)}"


def _shown(value: Any) -> str:
    """Show a stored figure: JSON keeps no cents of a whole amount."""
    return f"{value:.2f}" if isinstance(value, float) else str(value)


class RewardCheckForm(forms.Form):
    """A player and a reward with its terms."""

    player_id = forms.CharField(label="Player id", max_length=50, widget=UnfoldAdminTextInputWidget())
    reward_type = forms.ChoiceField(
        label="Type",
        choices=[(name, name.replace("_", " ").capitalize()) for name in REWARD_TYPES],
        widget=UnfoldAdminSelectWidget(),
    )
    amount = forms.DecimalField(
        max_digits=12, decimal_places=2, min_value=Decimal("0.01"), widget=UnfoldAdminDecimalFieldWidget()
    )
    wagering_requirement = forms.DecimalField(
        label="Wagering requirement",
        required=False,
        max_digits=6,
        decimal_places=2,
        min_value=0,
        widget=UnfoldAdminDecimalFieldWidget(),
        help_text="A multiple of the amount; empty: none.",
    )
    max_conversion = forms.DecimalField(
        label="Conversion at most",
        required=False,
        max_digits=12,
        decimal_places=2,
        min_value=0,
        widget=UnfoldAdminDecimalFieldWidget(),
        help_text="The most of it that can become real money; empty: all.",
    )
    eligible_games = forms.CharField(
        label="Eligible games",
        required=False,
        max_length=400,
        widget=UnfoldAdminTextInputWidget(),
        help_text="Game categories with commas between; empty: all.",
    )
    on = forms.DateField(
        label="Business date", required=False, widget=UnfoldAdminSingleDateWidget(), help_text="Empty: today."
    )

    def clean_eligible_games(self) -> tuple[str, ...] | None:
        """Read the categories; an unknown one is said here."""
        games = tuple(game.strip() for game in self.cleaned_data["eligible_games"].split(",") if game.strip())
        known = set(GameCategory.objects.values_list("code", flat=True))
        unknown = [game for game in games if game not in known]
        if unknown:
            raise forms.ValidationError(
                f"there is no game category {unknown[0]!r}; there are {', '.join(sorted(known))}"
            )
        return games or None

    def reward(self) -> Reward:
        """Return what is asked about."""
        asked = self.cleaned_data
        terms = RewardTerms(
            reward_type=asked["reward_type"],
            wagering_requirement=asked["wagering_requirement"] or Decimal(0),
            eligible_games=asked["eligible_games"],
            max_conversion=asked["max_conversion"],
        )
        return Reward(amount=asked["amount"], terms=terms)


def _answer(request: HttpRequest, form: RewardCheckForm) -> ExpectedValue | None:
    if not form.is_valid():
        return None
    try:
        return calculate_expected_value(
            player_id=form.cleaned_data["player_id"], reward=form.reward(), on=form.cleaned_data["on"]
        )
    except LoyaltyError as error:
        messages.error(request, error.message)
        return None
