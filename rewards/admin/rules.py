"""Rules: written as JSON, checked while one writes, saved only by the service."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RangeDateFilter, RelatedDropdownFilter
from unfold.decorators import action, display

from core.admin.base import HouseAdmin, HugeReadOnlyAdmin, ReadOnlyAdmin, ReadOnlyInline
from core.admin.columns import badge, link_to, number
from core.admin.json_editor import JSONTextField
from core.errors import LoyaltyError
from rewards.admin.testing import RuleTestForm
from rewards.fields import FIELDS
from rewards.models import RewardRule, RewardRuleVersion, RewardType, RuleBudgetDay
from rewards.preview import test_rule
from rewards.problems import Problem, RuleInvalidError
from rewards.rules import CONTENT_FIELDS, save_rule, validate_rule

_CONDITIONS_HELP = (
    'All keys must hold, for example {"segment": "LOSING", "net_loss_min": 100, '
    '"days_since_last_deposit": {"max": 7}}. Combine with "all", "any" and "not".'
)
_REWARD_HELP = (
    'What is given, for example {"type": "CASHBACK", "formula": "net_loss * 0.10", "max_amount": 500, '
    '"wagering_requirement": 10, "expiry_hours": 48}.'
)


class RuleForm(forms.ModelForm[RewardRule]):
    conditions = JSONTextField(required=False, help_text=_CONDITIONS_HELP)
    reward_config = JSONTextField(label="Reward", help_text=_REWARD_HELP)

    class Meta:
        model = RewardRule
        fields = ("rule_id", "status", *CONTENT_FIELDS)

    def _get_validation_exclusions(self) -> set[str]:
        """Leave the table's constraints to the service, which says what would be right."""
        excluded: set[str] = super()._get_validation_exclusions()  # type: ignore[misc]
        return excluded | {"ends_on", "frequency_max", "holdout_percent", "trigger"}

    def _post_clean(self) -> None:
        """Check the rule as the service will, so that each problem stands at its field."""
        super()._post_clean()  # type: ignore[misc]
        if self.errors:
            return
        try:
            validate_rule(self.instance)
        except RuleInvalidError as error:
            for problem in error.problems:
                self.add_error(self._field_of(problem), str(problem))

    def _field_of(self, problem: Problem) -> str | None:
        name = problem.path.partition(".")[0].partition("[")[0]
        return name if name in self.fields else None

    def content(self) -> dict[str, Any]:
        """Return what the service takes."""
        return {name: self.cleaned_data[name] for name in ("status", *CONTENT_FIELDS)}


class VersionInline(ReadOnlyInline):
    model = RewardRuleVersion
    fields = ("version", "saved_by", "saved_at")
    verbose_name_plural = "Versions"
    tab = True

    def get_queryset(self, request: HttpRequest) -> QuerySet[RewardRuleVersion]:
        """Read the names of those who saved together with the versions."""
        return super().get_queryset(request).select_related("saved_by")  # type: ignore[no-any-return]


@admin.register(RewardRule)
class RewardRuleAdmin(HouseAdmin):
    form = RuleForm
    list_display = (
        "rule_id",
        "name",
        "status_badge",
        "priority",
        "gives",
        "frequency",
        "dates",
        "waits_for",
        "holdout",
        "version",
        "updated_at",
    )
    list_display_links = ("rule_id", "name")
    list_filter = (("status", ChoicesDropdownFilter), ("frequency_period", ChoicesDropdownFilter), "is_live")
    search_fields = ("rule_id", "name", "description")
    search_help_text = "Part of the id, the name or the description"
    ordering = ("-priority", "rule_id")
    actions = None
    actions_detail = ("test_on_player",)
    inlines = (VersionInline,)
    change_form_after_template = "admin/rewards/rewardrule/fields.html"
    fieldsets = (
        (None, {"fields": (("rule_id", "name"), "description", ("status", "priority"))}),
        ("When it is decided", {"fields": (("is_live", "trigger"),)}),
        ("Who gets it", {"fields": ("conditions",)}),
        ("What is given", {"fields": ("reward_config",)}),
        (
            "How often and up to what",
            {
                "fields": (
                    ("starts_on", "ends_on"),
                    ("frequency_period", "frequency_max"),
                    ("cooldown_days", "exclusive_group"),
                    ("daily_budget", "total_budget"),
                    "holdout_percent",
                )
            },
        ),
    )

    status_badge = badge("status")

    @display(description="gives")
    def gives(self, rule: RewardRule) -> str:
        code = rule.reward_config.get("type", "")
        return str(RewardType(code).label) if code in RewardType.values else str(code)

    @display(description="how often", ordering="frequency_period")
    def frequency(self, rule: RewardRule) -> str:
        if rule.frequency_period == "ONCE":
            return "once"
        return f"{rule.frequency_max} × {rule.get_frequency_period_display().lower()}"

    @display(description="runs", ordering="starts_on")
    def dates(self, rule: RewardRule) -> str:
        start = f"from {rule.starts_on}" if rule.starts_on else ""
        end = f"until {rule.ends_on}" if rule.ends_on else ""
        return f"{start} {end}".strip() or "always"

    @display(description="decided", ordering="trigger")
    def waits_for(self, rule: RewardRule) -> str:
        return f"on {rule.trigger}" if rule.is_live else "by night"

    @display(description="held out", ordering="holdout_percent")
    def holdout(self, rule: RewardRule) -> str:
        return f"{rule.holdout_percent.normalize():f} %" if rule.holdout_percent else "–"

    def get_readonly_fields(self, request: HttpRequest, obj: RewardRule | None = None) -> Sequence[str]:
        """Keep the id: decisions and rewards name it."""
        return ("rule_id",) if obj else ()

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        """Show the fields that conditions and formulas may name below the form."""
        context = {**(extra_context or {}), "rule_fields": FIELDS.values()}
        return super().changeform_view(request, object_id, form_url, context)

    def save_model(self, request: HttpRequest, obj: RewardRule, form: Any, change: bool) -> None:
        """Write through the service, which keeps the version."""
        saved = save_rule(rule_id=obj.pk, content=form.content(), saved_by=request.user)  # type: ignore[arg-type]
        obj.number, obj.version = saved.number, saved.version

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """A rule is taken out of use by the status Archived; what it gave names it for good."""
        return False

    @action(description="Test on a player", url_path="test", icon="science", permissions=["rewards.view_rewardrule"])
    def test_on_player(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Show what the rule would do for one player on one date; nothing is written."""
        rule = self.get_object(request, unquote(object_id))
        if rule is None:
            raise Http404
        if not self.has_view_permission(request, rule):
            raise PermissionDenied
        form = RuleTestForm(request.GET or None, initial={"on": timezone.localdate()})
        context = {
            **self.admin_site.each_context(request),
            "title": f"Test {rule.pk}",
            "opts": self.opts,
            "rule": rule,
            "form": form,
            "result": self._test_result(request, rule, form) if request.GET else None,
            "rule_url": reverse("admin:rewards_rewardrule_change", args=[object_id]),
        }
        return TemplateResponse(request, "admin/rewards/rewardrule/test.html", context)

    def _test_result(self, request: HttpRequest, rule: RewardRule, form: RuleTestForm) -> Any:
        if not form.is_valid():
            return None
        try:
            return test_rule(rule=rule, player_id=form.cleaned_data["player_id"], on=form.cleaned_data["on"])
        except LoyaltyError as error:
            messages.error(request, error.message)
            return None


@admin.register(RewardRuleVersion)
class RewardRuleVersionAdmin(ReadOnlyAdmin):
    list_display = ("rule_link", "version", "saved_by", "saved_at")
    list_display_links = ("version",)
    list_select_related = ("saved_by",)
    list_filter = (("rule", RelatedDropdownFilter), ("saved_at", RangeDateFilter))
    ordering = ("-saved_at", "-pk")
    fields = (("rule", "version"), ("saved_by", "saved_at"), "content")

    @display(description="rule", ordering="rule_id")
    def rule_link(self, version: RewardRuleVersion) -> SafeString:
        return link_to("rewards_rewardrule", version.rule_id)


@admin.register(RuleBudgetDay)
class RuleBudgetDayAdmin(HugeReadOnlyAdmin):
    list_display = ("id", "rule_link", "on", "value", "given_count")
    list_filter = (("rule", RelatedDropdownFilter), ("on", RangeDateFilter))

    value = number("given_value", description="money value given")

    @display(description="rule", ordering="rule_id")
    def rule_link(self, day: RuleBudgetDay) -> SafeString:
        return link_to("rewards_rewardrule", day.rule_id)
