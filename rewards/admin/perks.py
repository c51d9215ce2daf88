"""VIP perks in the admin: a queue of what waits for approval or to be handed over, each step on a page of its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RangeDateTimeFilter, RelatedDropdownFilter
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextareaWidget

from core.admin.base import HugeReadOnlyAdmin
from core.admin.columns import Colours, badge, link_to, run_link
from core.errors import LoyaltyError
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
class PerkTaskAdmin(HugeReadOnlyAdmin):
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
        return self._ask(
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
        return self._ask(
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
        return self._ask(
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
        return self._ask(
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

    def _ask(
        self,
        request: HttpRequest,
        object_id: str,
        *,
        form_class: type[forms.Form],
        verb: str,
        explanation: str,
        act: Callable[[PerkTask, Any], PerkTask],
    ) -> HttpResponse:
        """Show the page that asks for what the step needs, and do the step."""
        task = self.get_object(request, object_id)
        if task is None:
            raise Http404
        if not self.has_view_permission(request, task):
            raise PermissionDenied
        task_url = reverse("admin:rewards_perktask_change", args=[task.pk])
        form = form_class(request.POST if request.method == "POST" else None)
        if form.is_valid() and self._is_done(request, form, task, act):
            return HttpResponseRedirect(task_url)
        context = {
            **self.admin_site.each_context(request),
            "title": f"{verb} perk {task.pk}",
            "opts": self.opts,
            "task": task,
            "form": form,
            "verb": verb,
            "explanation": explanation,
            "task_url": task_url,
        }
        return TemplateResponse(request, "admin/rewards/perktask/ask.html", context)

    def _is_done(
        self, request: HttpRequest, form: forms.Form, task: PerkTask, act: Callable[[PerkTask, Any], PerkTask]
    ) -> bool:
        try:
            done = act(task, form.cleaned_data["text"])
        except LoyaltyError as error:
            form.add_error(None, error.message)
            return False
        messages.success(request, f"Perk {task.pk}: {done.get_status_display().lower()}.")
        return True
