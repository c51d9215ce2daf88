"""Rules: written as JSON, checked while one writes, saved only by the service."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse, reverse_lazy
from django.utils import timezone
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RangeDateFilter, RelatedDropdownFilter
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminSelectMultipleWidget

from core.admin.base import HugeReadOnlyAdmin, ReadOnlyAdmin, ReadOnlyInline
from core.admin.columns import Colours, badge, link_to, number
from core.admin.json_editor import JSONEditor, JSONTextField
from core.errors import LoyaltyError
from players.models import Jurisdiction
from rewards.admin.costing import CostPage
from rewards.admin.explaining import VIEW, explanation_url
from rewards.admin.rule_life.filters import ApprovalFilter, with_waiting
from rewards.admin.rule_life.pages import BUTTONS, RuleLifePages
from rewards.admin.testing import RuleTestForm
from rewards.fields import FIELDS
from rewards.models import RewardRule, RewardRuleVersion, RewardType, RuleBudgetDay, RuleStatus
from rewards.preview import test_rule
from rewards.problems import Problem, RuleInvalidError
from rewards.rule_life.editing import change_rule
from rewards.rule_life.reviewing import state_of
from rewards.rule_life.versions import UNAPPROVED_STATUSES, version_of
from rewards.rules import CONTENT_FIELDS, apply_content, validate_rule

_CONDITIONS_HELP = (
    'All keys must hold, for example {"segment": "LOSING", "net_loss_min": 100, '
    '"days_since_last_deposit": {"max": 7}}. Combine with "all", "any" and "not".'
)
_REWARD_HELP = (
    'What is given, for example {"type": "CASHBACK", "formula": "net_loss * 0.10", "max_amount": 500, '
    '"wagering_requirement": 10, "expiry_hours": 48}. Cashback with "withdrawable": true is paid as cash; of '
    'VIP_PERKS, "perk" says what is handed over.'
)

_NEXT_COLOURS = Colours(GUARDRAIL="danger", WAITING="warning", DRAFT="info")


# What decides together with conditions and reward whether a rule can be saved.
_CHECKED_TOGETHER = (
    "conditions", "reward_config", "frequency_period", "frequency_max", "cooldown_days", "jurisdictions", "starts_on",
    "ends_on",
)  # fmt: skip


def _editor(root: str) -> JSONEditor:
    beside = [name for name in _CHECKED_TOGETHER if name != root]
    return JSONEditor(schema=reverse_lazy("rule-schema"), check=reverse_lazy("rule-check"), root=root, beside=beside)


class RuleForm(forms.ModelForm[RewardRule]):
    conditions = JSONTextField(required=False, help_text=_CONDITIONS_HELP, widget=_editor("conditions"))
    jurisdictions = forms.MultipleChoiceField(
        required=False,
        choices=lambda: [(row.code, str(row)) for row in Jurisdiction.objects.all()],
        widget=UnfoldAdminSelectMultipleWidget(),
        help_text="Of those chosen it must break no limit. None chosen: it runs wherever the profiles allow it.",
    )
    reward_config = JSONTextField(label="Reward", help_text=_REWARD_HELP, widget=_editor("reward_config"))

    class Meta:
        model = RewardRule
        fields = ("rule_id", *CONTENT_FIELDS)

    def _get_validation_exclusions(self) -> set[str]:
        """Leave the table's constraints to the service, which says what would be right."""
        excluded: set[str] = super()._get_validation_exclusions()  # type: ignore[misc]
        return excluded | {"ends_on", "frequency_max", "holdout_percent", "max_players", "budget_pacing", "trigger"}

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
        return {name: self.cleaned_data[name] for name in CONTENT_FIELDS}


class VersionInline(ReadOnlyInline):
    model = RewardRuleVersion
    fields = ("version", "saved_by", "saved_at")
    verbose_name_plural = "Versions"
    tab = True

    def get_queryset(self, request: HttpRequest) -> QuerySet[RewardRuleVersion]:
        """Read the names of those who saved together with the versions."""
        return super().get_queryset(request).select_related("saved_by")  # type: ignore[no-any-return]


@admin.register(RewardRule)
class RewardRuleAdmin(CostPage, RuleLifePages):
    form = RuleForm
    list_display = (
        "rule_id",
        "name",
        "status_badge",
        "next_step",
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
    list_filter = (
        ("status", ChoicesDropdownFilter),
        ApprovalFilter,
        ("frequency_period", ChoicesDropdownFilter),
        "is_live",
    )
    search_fields = ("rule_id", "name", "description")
    search_help_text = "Part of the id, the name or the description"
    ordering = ("-priority", "rule_id")
    actions = None
    actions_detail = ("what_would_it_cost", "test_on_player", "explain_for_player", *BUTTONS)
    inlines = (VersionInline,)
    change_form_before_template = "admin/rewards/rewardrule/state.html"
    change_form_after_template = "admin/rewards/rewardrule/fields.html"
    fieldsets = (
        (None, {"fields": (("rule_id", "name"), "description", "priority")}),
        ("When it is decided", {"fields": (("is_live", "trigger"),)}),
        ("Who gets it", {"fields": ("conditions",)}),
        ("What is given", {"fields": ("reward_config",)}),
        (
            "When and how often",
            {
                "fields": (
                    ("starts_on", "ends_on"),
                    ("frequency_period", "frequency_max"),
                    ("cooldown_days", "exclusive_group"),
                )
            },
        ),
        ("Up to what", {"fields": (("daily_budget", "total_budget"), ("budget_pacing", "max_players"))}),
        ("Where it runs", {"fields": ("jurisdictions",)}),
        ("Control group", {"fields": ("holdout_percent",)}),
    )

    status_badge = badge("status")

    @display(description="next step", label=_NEXT_COLOURS)
    def next_step(self, rule: Any) -> tuple[str, str] | None:
        version = rule.version if rule.status in UNAPPROVED_STATUSES else rule.pending_version
        if rule.is_stopped_by_guardrail and rule.status == RuleStatus.PAUSED:
            return ("GUARDRAIL", "stopped by its guardrail")
        if rule.is_waiting:
            return ("WAITING", f"version {version} waits for approval")
        return ("DRAFT", f"version {version} to be submitted") if version else None

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

    def get_queryset(self, request: HttpRequest) -> QuerySet[RewardRule]:
        """Tell of each rule whether it waits for an approval."""
        return with_waiting(super().get_queryset(request))

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> RewardRule | None:
        """Return the rule as the form shows it: with the draft beside it, where there is one."""
        rule: RewardRule | None = super().get_object(request, object_id, from_field)
        if rule is not None and rule.pending_version is not None:
            apply_content(rule, version_of(rule.pk, rule.pending_version).content)
        return rule

    def has_change_permission(self, request: HttpRequest, obj: RewardRule | None = None) -> bool:
        """An archived rule is only looked at."""
        is_archived = obj is not None and obj.status == RuleStatus.ARCHIVED
        return not is_archived and super().has_change_permission(request, obj)

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
        """Show where the rule stands above the form, and the fields that conditions and formulas may name below."""
        rule = RewardRule.objects.filter(pk=unquote(object_id)).first() if object_id else None
        context = {**(extra_context or {}), "rule_fields": FIELDS.values(), "state": rule and state_of(rule)}
        return super().changeform_view(request, object_id, form_url, context)

    def save_model(self, request: HttpRequest, obj: RewardRule, form: Any, change: bool) -> None:
        """Write through the service, which keeps the version and decides what needs an approval."""
        saved = change_rule(rule_id=obj.pk, content=form.content(), by=request.user)  # type: ignore[arg-type]
        obj.number, obj.version = saved.number, saved.version
        if saved.pending_version is not None:
            messages.info(
                request,
                f"Version {saved.pending_version} is a draft beside version {saved.version}, which goes on. Submit it "
                "for approval.",
            )

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """A rule is taken out of use by the status Archived; what it gave names it for good."""
        return False

    @action(description="Test on a player", url_path="test", icon="science", permissions=["rewards.view_rewardrule"])
    def test_on_player(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Show what the rule would do for one player on one date; nothing is written."""
        self.stored_rule(request, object_id)
        rule = self.get_object(request, unquote(object_id))
        if rule is None:
            raise Http404
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

    @action(description="Why, or why not?", url_path="explain", icon="help", permissions=VIEW)
    def explain_for_player(self, _request: HttpRequest, object_id: str) -> HttpResponse:
        """Go to the page that asks for the player."""
        return HttpResponseRedirect(explanation_url(rule_id=unquote(object_id)))

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
