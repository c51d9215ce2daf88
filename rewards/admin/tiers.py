"""Tiers: staff give the threshold, the ends follow, and see what a change would do before they save it.

The page stands here and not with the players: what a change does depends on points and rewards.
"""

from __future__ import annotations

import json
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from unfold.contrib.filters.admin import RangeDateFilter
from unfold.decorators import action, display
from unfold.views import ChangeList
from unfold.widgets import UnfoldAdminIntegerFieldWidget

from core.admin.base import HouseAdmin, HugeReadOnlyAdmin
from core.admin.columns import Colours, figure, number
from core.admin.json_editor import JSONTextField
from core.errors import InvalidInputError, RefusedError
from players.admin.shared import PLAYER_SEARCH_HELP, PlayerFilter, player_link
from players.models import Tier
from players.tiers import NUMERIC_BENEFITS, check_tier, current_tiers, save_tier
from rewards.models import PointsEarnedDay, RewardRule
from rewards.tier_preview import TierPreview, preview_tier
from rewards.triggers import TIER_REACHED

_BENEFITS_HELP = (
    f"Formulas may use {', '.join(NUMERIC_BENEFITS)}, which must be numbers; what else is written here is for people."
)


class TierForm(forms.ModelForm[Tier]):
    benefits = JSONTextField(required=False, help_text=_BENEFITS_HELP)

    class Meta:
        model = Tier
        fields = ("tier_level", "lp_min", "benefits")
        labels = {"tier_level": "Level", "lp_min": "From points"}

    def clean(self) -> dict[str, Any]:
        """Refuse gaps, overlaps and what else is required of tiers at the field that would make them."""
        values = super().clean() or {}
        if self.errors:
            return values
        try:
            check_tier(
                tier_id=self.instance.pk,
                tier_level=values.get("tier_level", self.instance.tier_level),
                lp_min=values["lp_min"],
                benefits=values["benefits"],
            )
        except (InvalidInputError, RefusedError) as error:
            self.add_error(error.details["field"].partition(".")[0], error.message)
        return values


class TierPreviewForm(forms.Form):
    """What a tier could say."""

    lp_min = forms.IntegerField(label="From points", widget=UnfoldAdminIntegerFieldWidget())
    benefits = JSONTextField(required=False, help_text=_BENEFITS_HELP)


class HeldRanges(ChangeList):
    """The list with the ranges that hold, whoever set them."""

    def get_results(self, request: HttpRequest) -> None:
        """Put the held ranges in place of the stored ones."""
        super().get_results(request)
        held = {tier.pk: tier for tier in current_tiers()}
        tiers: list[Tier] = list(self.result_list)  # type: ignore[has-type]
        for tier in tiers:
            tier.lp_min, tier.lp_max = held[tier.pk].lp_min, held[tier.pk].lp_max
        self.result_list = tiers


@admin.register(Tier)
class TierAdmin(HouseAdmin):
    form = TierForm
    list_display = ("tier_level", "from_points", "to_points", "held_by", "benefits_shown")
    ordering = ("lp_min",)
    sortable_by = ()
    actions = None
    actions_detail = ("preview_change", "add_welcome")
    fieldsets = ((None, {"fields": ("tier_level", "lp_min", "to_points", "benefits")}),)
    readonly_fields = ("to_points",)

    @display(description="from points")
    def from_points(self, tier: Tier) -> str:
        return figure(tier.lp_min)

    @display(description="to points")
    def to_points(self, tier: Tier) -> str:
        return figure(tier.lp_max)

    @display(description="benefits")
    def benefits_shown(self, tier: Tier) -> str:
        """Show the benefits as words."""
        shown = (
            f"{name.replace('_', ' ')} {', '.join(map(str, value)) if isinstance(value, list) else value}"
            for name, value in tier.benefits.items()
        )
        return " · ".join(shown) or "–"

    @display(description="threshold held by", label=Colours(staff="primary", environment="info"))
    def held_by(self, tier: Tier) -> str:
        return "staff" if tier.is_saved_by_staff else "environment"

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return HeldRanges

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Tier | None:
        """Return the tier with the range that holds."""
        stored = super().get_object(request, object_id, from_field)
        return next((tier for tier in current_tiers() if stored and tier.pk == stored.pk), None)

    def get_readonly_fields(self, request: HttpRequest, obj: Tier | None = None) -> tuple[str, ...]:
        """Keep the level's name: players carry it."""
        return ("to_points", "tier_level") if obj else ("to_points",)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Players and rules name levels, so none disappears."""
        return False

    def save_model(self, request: HttpRequest, obj: Tier, form: Any, change: bool) -> None:
        """Write through the service, which moves the neighbours' ends."""
        saved = save_tier(
            tier_id=obj.pk, tier_level=obj.tier_level, lp_min=obj.lp_min, benefits=form.cleaned_data["benefits"]
        )
        obj.pk = saved.pk

    @action(description="Preview a change", url_path="preview", icon="preview", permissions=["players.view_tier"])
    def preview_change(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Show what another threshold or other benefits would do; only the button that says so saves them."""
        tier = self._tier(request, object_id)
        may_save = self.has_change_permission(request, tier)
        form = TierPreviewForm(request.POST or None, initial={"lp_min": tier.lp_min, "benefits": tier.benefits})
        preview = self._preview(tier, form) if request.method == "POST" else None
        if preview and "save" in request.POST:
            return self._save_previewed(request, tier, form)
        context = {
            **self.admin_site.each_context(request),
            "title": f"Preview {tier.tier_level}",
            "opts": self.opts,
            "tier": tier,
            "form": form,
            "preview": preview,
            "may_save": may_save,
            "tier_url": reverse("admin:players_tier_change", args=[object_id]),
        }
        return TemplateResponse(request, "admin/players/tier/preview.html", context)

    def _tier(self, request: HttpRequest, object_id: str) -> Tier:
        tier = self.get_object(request, unquote(object_id))
        if tier is None:
            raise Http404
        if not self.has_view_permission(request, tier):
            raise PermissionDenied
        return tier

    def _preview(self, tier: Tier, form: TierPreviewForm) -> TierPreview | None:
        if not form.is_valid():
            return None
        try:
            return preview_tier(
                tier_id=tier.pk, tier_level=tier.tier_level, on=timezone.localdate(), **form.cleaned_data
            )
        except (InvalidInputError, RefusedError) as error:
            form.add_error(error.details["field"].partition(".")[0], error.message)
            return None

    def _save_previewed(self, request: HttpRequest, tier: Tier, form: TierPreviewForm) -> HttpResponse:
        if not self.has_change_permission(request, tier):
            raise PermissionDenied
        saved = save_tier(tier_id=tier.pk, tier_level=tier.tier_level, **form.cleaned_data)
        self.log_change(request, saved, "Changed after a preview.")
        messages.success(request, f"{saved.tier_level} starts at {saved.lp_min} points from the next ranking on.")
        return HttpResponseRedirect(reverse("admin:players_tier_changelist"))

    @action(description="Welcome reward", url_path="welcome", icon="redeem", permissions=["rewards.view_rewardrule"])
    def add_welcome(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Lead to the rule that welcomes into the tier, or to the form of a new one with all but the reward filled in.

        It is a rule like any other, so that approval, budgets, holdout, caps and explanations hold for it.
        """
        tier = self._tier(request, object_id)
        rule_id = f"WELCOME_{tier.tier_level}"
        if RewardRule.objects.filter(pk=rule_id).exists():
            return HttpResponseRedirect(reverse("admin:rewards_rewardrule_change", args=[rule_id]))
        if not request.user.has_perm("rewards.add_rewardrule"):
            messages.info(request, f"{tier.tier_level} has no welcome reward.")
            return HttpResponseRedirect(reverse("admin:players_tier_change", args=[object_id]))
        given = {
            "rule_id": rule_id,
            "name": f"Welcome to {tier.tier_level.title()}",
            "is_live": "1",
            "trigger": TIER_REACHED,
            "conditions": json.dumps({"tier": tier.tier_level}),
            "reward_config": json.dumps({"type": "BONUS_BALANCE"}),
        }
        return HttpResponseRedirect(f"{reverse('admin:rewards_rewardrule_add')}?{urlencode(given)}")


@admin.register(PointsEarnedDay)
class PointsEarnedDayAdmin(HugeReadOnlyAdmin):
    list_display = ("id", "player_link", "on", "earned")
    list_filter = (PlayerFilter, ("on", RangeDateFilter))
    search_fields = ("player__player_id__exact",)
    search_help_text = PLAYER_SEARCH_HELP

    player_link = player_link
    earned = number("lp_earned", description="points ever earned")
