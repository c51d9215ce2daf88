"""VIP perks in the admin: a queue of what waits for approval or to be handed over, each step on a page of its own."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RangeDateTimeFilter, RelatedDropdownFilter
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextareaWidget

from core.admin.asking import AskingPages
from core.admin.base import HugeReadOnlyAdmin
from core.admin.columns import Colours, badge, link_to, run_link
from players.admin.shared import PLAYER_SEARCH_HELP, PlayerFilter, player_link
from rewards.models import PerkStatus, PerkTask
from rewards.perks import NOTE_LENGTH_MAX, approve_perk, assign_perk, complete_perk, refuse_perk

_MAY_CHANGE = "rewards.change_perktask"
_COLOURS = Colours(WAITING_APPROVAL="warning", OPEN="info", DONE="success", REFUSED="danger")
_STEPS = {
    PerkStatus.WAITING_APPROVAL: ("_approve", "_refuse", "_assign"),
    PerkStatus.OPEN: ("_complete", "_refuse", "_assign"),
}


class NoteForm(forms.Form):
    """How a perk was handed over."""

    text = forms.CharField(
        label="How it was handed over",
        max_length=NOTE_LENGTH_MAX,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
        help_text="For example the number of a voucher, or who was told when.",
    )


class ReasonForm(forms.Form):
    """Why a perk is refused."""

    text = forms.CharField(
        label="Reason", max_length=NOTE_LENGTH_MAX, widget=UnfoldAdminTextareaWidget(attrs={"rows": 3})
    )


class ApprovalForm(forms.Form):
    """Words that may go with an approval."""

    text = forms.CharField(
        label="Note",
        required=False,
        max_length=NOTE_LENGTH_MAX,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
        help_text="For whoever hands it over.",
    )


class AssignForm(forms.Form):
    """Who is to hand it over."""

    text = forms.ModelChoiceField(
        label="Assigned to",
        required=False,
        queryset=User.objects.filter(is_staff=True, is_active=True).order_by("username"),
        empty_label="Nobody",
        widget=UnfoldAdminSelectWidget(),
    )


@admin.register(PerkTask)
class PerkTaskAdmin(AskingPages, HugeReadOnlyAdmin):
    ask_name = "task"
    ask_noun = "perk"
    ask_template = "admin/rewards/perktask/ask.html"
    list_display = (
        "id",
        "player_link",
        "perk",
        "rule_link",
        "status_badge",
        "assigned_to",
        "created_at",
        "approved_by",
        "closed_by",
        "closed_at",
    )
    list_select_related = ("assigned_to",)
    list_filter = (
        ("status", ChoicesDropdownFilter),
        PlayerFilter,
        ("rule", RelatedDropdownFilter),
        ("created_at", RangeDateTimeFilter),
    )
    search_fields = ("player__player_id__exact",)
    search_help_text = PLAYER_SEARCH_HELP
    actions_detail = ("approve", "complete", "refuse", "assign")
    readonly_fields = ("rule_link", "decision_link", "run_link")
    fieldsets = (
        (None, {"fields": (("player", "rule_link"), ("perk", "amount"), ("status", "assigned_to"))}),
        ("Approval", {"fields": (("approved_by", "approved_at"), "approval_note")}),
        ("End", {"fields": (("closed_by", "closed_at"), "note")}),
        ("Where it comes from", {"fields": (("decision_link", "run_link", "created_at"),)}),
    )

    player_link = player_link
    run_link = run_link()
    status_badge = badge("status", colours=_COLOURS)

    @display(description="rule")
    def rule_link(self, task: PerkTask) -> str:
        return link_to("rewards_rewardrule", task.rule_id)

    @display(description="decision")
    def decision_link(self, task: PerkTask) -> str:
        return link_to("rewards_rewarddecision", task.decision_id)

    @action(description="Approve", url_path="approve", icon="thumb_up", permissions=[_MAY_CHANGE])
    def approve(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Record the approval."""
        return self.ask(
            request,
            object_id,
            form_class=ApprovalForm,
            verb="Approve",
            explanation="The perk may then be handed over. Your name stands for it.",
            act=lambda task, text: approve_perk(task_id=task.pk, note=text, actor=request.user.get_username()),
        )

    @action(description="Handed over", url_path="complete", icon="task_alt", permissions=[_MAY_CHANGE])
    def complete(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask how it was handed over and mark it so."""
        return self.ask(
            request,
            object_id,
            form_class=NoteForm,
            verb="Hand over",
            explanation="The player has it. It is then a reward given.",
            act=lambda task, text: complete_perk(task_id=task.pk, note=text, actor=request.user.get_username()),
        )

    @action(description="Refuse", url_path="refuse", icon="thumb_down", permissions=[_MAY_CHANGE])
    def refuse(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask why it is refused."""
        return self.ask(
            request,
            object_id,
            form_class=ReasonForm,
            verb="Refuse",
            explanation="The player does not get it. It counts for the rule's frequency and places all the same.",
            act=lambda task, text: refuse_perk(task_id=task.pk, note=text, actor=request.user.get_username()),
        )

    @action(description="Assign", url_path="assign", icon="person_add", permissions=[_MAY_CHANGE])
    def assign(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask who is to hand it over."""
        return self.ask(
            request,
            object_id,
            form_class=AssignForm,
            verb="Assign",
            explanation="Who is to hand the perk over.",
            act=lambda task, user: assign_perk(task_id=task.pk, assigned_to=user),
        )

    def get_actions_detail(self, request: HttpRequest, object_id: str) -> list[Any]:
        """Offer what the task's status leads on to."""
        task = self.get_object(request, object_id)
        steps = _STEPS.get(PerkStatus(task.status), ()) if task else ()
        offered: list[Any] = super().get_actions_detail(request, object_id)
        return [one for one in offered if any(one.action_name.endswith(step) for step in steps)]
