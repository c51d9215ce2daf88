"""Approvals of VIPs: three checks with evidence, each recorded on a page of its own, and a second person's decision."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RangeDateTimeFilter
from unfold.decorators import action, display
from unfold.widgets import (
    UnfoldAdminDateWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from core.admin.asking import AskingPages
from core.admin.base import HouseAdmin, ReadOnlyAdmin, ReadOnlyInline
from core.admin.columns import Colours, badge
from players.admin.shared import PLAYER_SEARCH_HELP, PlayerFilter, player_link
from players.models import Player
from safety.models import VipApproval, VipCheck, VipCheckKind, VipCheckResult, VipStatus
from safety.vip_approvals import (
    EVIDENCE_LENGTH_MAX,
    NOTE_LENGTH_MAX,
    approval_lacks,
    approve_vip,
    open_vip_approval,
    record_vip_check,
    refuse_vip,
    revoke_vip,
    vip_standing,
)

_MAY_CHECK, _MAY_DECIDE = "safety.add_vipapproval", "safety.change_vipapproval"
_COLOURS = Colours(OPEN="warning", APPROVED="success", REFUSED="danger", REVOKED="danger")
_STEPS = {VipStatus.OPEN: ("_record", "_approve", "_refuse"), VipStatus.APPROVED: ("_revoke",)}


class CheckForm(forms.Form):
    """What a check found; `text` gathers it for the page that asks."""

    kind = forms.ChoiceField(label="Check", choices=VipCheckKind.choices, widget=UnfoldAdminSelectWidget())
    result = forms.ChoiceField(choices=VipCheckResult.choices, widget=UnfoldAdminSelectWidget())
    evidence = forms.CharField(
        max_length=EVIDENCE_LENGTH_MAX,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 4}),
        help_text="What was seen, and where it is kept: for example three months of bank statements, file 2026-117.",
    )

    def clean(self) -> dict[str, Any]:
        """Gather what the service takes."""
        values = super().clean() or {}
        return {**values, "text": dict(values)}


class ApprovalForm(forms.Form):
    """How long an approval holds."""

    valid_until = forms.DateField(
        required=False,
        widget=UnfoldAdminDateWidget(),
        help_text="Last business date; empty: as long as the policy VIP_APPROVAL_DAYS_MAX allows.",
    )
    note = forms.CharField(
        required=False, max_length=NOTE_LENGTH_MAX, widget=UnfoldAdminTextareaWidget(attrs={"rows": 3})
    )

    def clean(self) -> dict[str, Any]:
        """Gather what the service takes."""
        values = super().clean() or {}
        return {**values, "text": dict(values)}


class ReasonForm(forms.Form):
    """Why."""

    text = forms.CharField(
        label="Reason", max_length=NOTE_LENGTH_MAX, widget=UnfoldAdminTextareaWidget(attrs={"rows": 3})
    )


class OpenForm(forms.ModelForm[VipApproval]):
    """Whose checks begin."""

    player = forms.CharField(max_length=50, widget=UnfoldAdminTextInputWidget(), help_text="The player's id.")

    class Meta:
        model = VipApproval
        fields = ("player", "note")

    def clean_player(self) -> Player:
        """Return the player of the id."""
        found = Player.objects.filter(pk=self.cleaned_data["player"].strip()).first()
        if found is None:
            raise forms.ValidationError(f"There is no player {self.cleaned_data['player']!r}.")
        return found


class CheckInline(ReadOnlyInline):
    model = VipCheck
    fields = ("kind", "result", "evidence", "checked_by", "checked_at", "replaced_at")
    verbose_name_plural = "Checks"
    show_change_link = False

    def get_queryset(self, request: HttpRequest) -> Any:
        """Read the names of those who checked together with the checks."""
        return super().get_queryset(request).select_related("checked_by")


@admin.register(VipApproval)
class VipApprovalAdmin(AskingPages, HouseAdmin):
    form = OpenForm
    ask_name = "row"
    ask_noun = "VIP approval"
    ask_template = "admin/core/ask.html"
    actions = None
    inlines = (CheckInline,)
    list_display = ("id", "player_link", "status_badge", "opened_by", "opened_at", "decided_by", "valid_until")
    list_select_related = ("opened_by", "decided_by")
    list_filter = (("status", ChoicesDropdownFilter), PlayerFilter, ("opened_at", RangeDateTimeFilter))
    search_fields = ("player__player_id__exact",)
    search_help_text = PLAYER_SEARCH_HELP
    actions_detail = ("record", "approve", "refuse", "revoke")

    player_link = player_link
    status_badge = badge("status", colours=_COLOURS)

    @display(description="still missing")
    def missing(self, approval: VipApproval) -> str:
        return approval_lacks(approval.player_id, on=timezone.localdate()) or "nothing: it holds"

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Ask whose checks begin, or show how far they are."""
        if obj is None:
            return ((None, {"fields": ("player", "note")}),)
        shown = (("player", "status"), ("opened_by", "opened_at"), ("decided_by", "decided_at"), "valid_until")
        return ((None, {"fields": (*shown, "missing", "note")}),)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """Show what follows from the checks."""
        return ("missing",) if obj else ()

    def get_inlines(self, request: HttpRequest, obj: Any = None) -> Any:
        """Show checks where there can be some."""
        return self.inlines if obj else ()

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Checks and decisions have their own buttons."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """What was checked and decided stays on record."""
        return False

    def save_model(self, request: HttpRequest, obj: VipApproval, form: Any, change: bool) -> None:
        """Begin the checks through the service."""
        opened = open_vip_approval(player_id=obj.player_id, by=request.user, note=obj.note)  # type: ignore[arg-type]
        obj.pk = opened.pk
        obj.refresh_from_db()

    def ask_context(self, row: VipApproval) -> dict[str, Any]:
        """Show the checks so far, and the clause that asks for them."""
        standing = vip_standing(row.player_id, on=timezone.localdate())
        clause = standing.limit.clause if standing.limit else f"{standing.jurisdiction} asks for no approval"
        checks = {
            str(c.get_kind_display()): f"{c.get_result_display()}: {c.evidence}"
            for c in row.checks.filter(replaced_at=None)
        }
        pairs = {
            "Player": row.player_id,
            "Segment": standing.segment,
            "Clause": clause,
            **checks,
            "Still missing": self.missing(row),
        }
        return {"pairs": pairs.items(), "notices": []}

    def ask_success(self, row: VipApproval, done: Any) -> str:
        """Say what is recorded."""
        found = VipApproval.objects.get(pk=row.pk)
        return f"VIP approval of {row.player_id}: {found.get_status_display().lower()}."

    @action(description="Record a check", url_path="record", icon="fact_check", permissions=[_MAY_CHECK])
    def record(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask what a check found."""
        return self.ask(
            request,
            object_id,
            form_class=CheckForm,
            verb="Record",
            explanation="Of a check recorded again the last finding counts; those before stay on record. Your name "
            "stands for it, and you cannot decide about this approval then.",
            act=lambda row, found: record_vip_check(approval_id=row.pk, by=request.user, **found),  # type: ignore[arg-type]
        )

    @action(description="Approve", url_path="approve", icon="how_to_reg", permissions=[_MAY_DECIDE])
    def approve(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Decide as a second person."""
        return self.ask(
            request,
            object_id,
            form_class=ApprovalForm,
            verb="Approve",
            explanation="The player counts as a VIP for rules and perks until the last date. Whoever began the checks "
            "or made one cannot approve.",
            act=lambda row, given: approve_vip(approval_id=row.pk, by=request.user, **given),  # type: ignore[arg-type]
        )

    @action(description="Refuse", url_path="refuse", icon="thumb_down", permissions=[_MAY_DECIDE])
    def refuse(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask why."""
        return self.ask(
            request,
            object_id,
            form_class=ReasonForm,
            verb="Refuse",
            explanation="Nothing for VIPs goes to the player. New checks can be begun.",
            act=lambda row, text: refuse_vip(approval_id=row.pk, by=request.user, note=text),  # type: ignore[arg-type]
        )

    @action(description="Revoke", url_path="revoke", icon="block", permissions=[_MAY_DECIDE])
    def revoke(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask why."""
        return self.ask(
            request,
            object_id,
            form_class=ReasonForm,
            verb="Revoke",
            explanation="The approval ends at once; perks that wait to be handed over are refused then.",
            act=lambda row, text: revoke_vip(approval_id=row.pk, by=request.user, note=text),  # type: ignore[arg-type]
        )

    def get_actions_detail(self, request: HttpRequest, object_id: str) -> list[Any]:
        """Offer what the status leads on to."""
        approval = self.get_object(request, object_id)
        steps = _STEPS.get(VipStatus(approval.status), ()) if approval else ()
        offered: list[Any] = super().get_actions_detail(request, object_id)
        return [one for one in offered if any(one.action_name.endswith(step) for step in steps)]


@admin.register(VipCheck)
class VipCheckAdmin(ReadOnlyAdmin):
    list_display = ("id", "approval_id", "kind", "result", "checked_by", "checked_at", "replaced_at")
    list_select_related = ("checked_by",)
    list_filter = (("kind", ChoicesDropdownFilter), ("result", ChoicesDropdownFilter))
    fields = (("approval", "kind", "result"), "evidence", ("checked_by", "checked_at", "replaced_at"))
