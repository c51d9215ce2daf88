"""Profiles of jurisdictions: proposed as JSON, accepted by a second person who sees which rules break them, and the
page of all active rules that break one.
"""

from __future__ import annotations

import json
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RangeDateTimeFilter
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from core.admin.asking import AskingPages
from core.admin.base import HouseAdmin
from core.admin.columns import Colours, badge
from core.admin.json_editor import JSONEditor, JSONTextField
from rewards.jurisdictions.compliance import Accepted, accept_jurisdiction, breaking_rules, weakened_profiles
from safety.jurisdictions.changing import REASON_LENGTH_MAX, propose_profile, refuse_profile
from safety.jurisdictions.problems import ProfileInvalidError, check_profile
from safety.models import JurisdictionProfile, ProfileStatus

_MAY_DECIDE = "safety.change_jurisdictionprofile"
_STEPS: dict[str, tuple[str, ...]] = {
    ProfileStatus.PROPOSED: ("_accept", "_refuse"),
    ProfileStatus.IN_FORCE: ("_propose",),
}
_COLOURS = Colours(PROPOSED="warning", IN_FORCE="success", REPLACED="info", REFUSED="danger")


class ProfileForm(forms.ModelForm[JurisdictionProfile]):
    """A version to propose; opened from a version in force it begins with what that says."""

    code = forms.CharField(
        max_length=10, widget=UnfoldAdminTextInputWidget(), help_text="Such as GB; a new code is a new jurisdiction."
    )
    content = JSONTextField(
        widget=JSONEditor(),
        help_text="Name, countries (ISO 3166 codes of two letters), note, and limits with clause, clause_says, "
        "source_url, valid_from, is_our_reading and reading.",
    )
    reason = forms.CharField(
        max_length=REASON_LENGTH_MAX,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
        help_text="What changed in the law or in our reading of it.",
    )

    class Meta:
        model = JurisdictionProfile
        fields = ("code", "content", "reason")

    def clean(self) -> dict[str, Any]:
        """Say everything that is wrong with the profile at its field."""
        values = super().clean() or {}
        if "code" in values and "content" in values:
            try:
                check_profile(code=values["code"], content=values["content"])
            except ProfileInvalidError as error:
                for problem in error.details["problems"]:
                    field = "code" if problem["path"] == "code" else "content"
                    self.add_error(field, f"{problem['path']}: {problem['message']} ({problem['suggestion']})")
        return values


class NoteForm(forms.Form):
    """Words that may go with it."""

    text = forms.CharField(
        label="Note", required=False, max_length=REASON_LENGTH_MAX, widget=UnfoldAdminTextareaWidget(attrs={"rows": 3})
    )


class RefusalForm(forms.Form):
    """Why it is refused."""

    text = forms.CharField(
        label="Reason", max_length=REASON_LENGTH_MAX, widget=UnfoldAdminTextareaWidget(attrs={"rows": 3})
    )


@admin.register(JurisdictionProfile)
class JurisdictionProfileAdmin(AskingPages, HouseAdmin):
    form = ProfileForm
    ask_name = "row"
    ask_noun = "profile"
    ask_template = "admin/core/ask.html"
    actions = None
    list_display = ("code", "version", "status_badge", "name", "limits", "reason", "proposed_by", "decided_by")
    list_display_links = ("code", "version")
    list_select_related = ("proposed_by", "decided_by")
    list_filter = (("status", ChoicesDropdownFilter), ("proposed_at", RangeDateTimeFilter))
    search_fields = ("code",)
    search_help_text = "Part of a code"
    actions_list = ("compliance",)
    actions_detail = ("propose", "accept", "refuse")
    change_form_after_template = "admin/safety/jurisdictionprofile/limits.html"

    status_badge = badge("status", colours=_COLOURS)

    @display(description="name")
    def name(self, profile: JurisdictionProfile) -> str:
        return str(profile.content.get("name", ""))

    @display(description="limits")
    def limits(self, profile: JurisdictionProfile) -> int:
        return len(profile.content.get("limits", []))

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Ask for a version, or show one."""
        if obj is None:
            return ((None, {"fields": ("code", "content", "reason")}),)
        who = (("proposed_by", "proposed_at"), ("decided_by", "decided_at"), "decision_note")
        return ((None, {"fields": (("code", "version", "status"), "reason", *who)}),)

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """Begin with what holds of the jurisdiction named in the address."""
        code = str(request.GET.get("code", "GB"))[:10]
        held = JurisdictionProfile.objects.filter(code=code, status=ProfileStatus.IN_FORCE).first()
        return {"code": code, "content": held.content if held else {}}

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """A version stays as it was proposed; a second person accepts or refuses it."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """What held stays on record."""
        return False

    def save_model(self, request: HttpRequest, obj: JurisdictionProfile, form: Any, change: bool) -> None:
        """Propose through the service."""
        saved = propose_profile(
            code=obj.code,
            content=obj.content,
            reason=obj.reason,
            by=request.user,  # type: ignore[arg-type]  # the admin lets nobody else in
        )
        obj.pk = saved.pk
        obj.refresh_from_db()

    def ask_context(self, row: JurisdictionProfile) -> dict[str, Any]:
        """Show what changes, and which active rules break what holds now."""
        breaking = breaking_rules(code=row.code)
        notices = [f"{one.rule.pk} breaks what holds now: {one.broken[0].message}" for one in breaking if one.is_named]
        return {"pairs": _changes(row).items(), "notices": notices}

    def ask_success(self, row: JurisdictionProfile, done: Any) -> str:
        """Say what holds, and which rules break it."""
        if not isinstance(done, Accepted):
            return f"{row} is refused."
        named = [one.rule.pk for one in done.breaking if one.is_named]
        skipping = [one.rule.pk for one in done.breaking if not one.is_named]
        parts = [f"{row} holds now."]
        parts += [f"Paused: {', '.join(done.paused)}."] if done.paused else []
        parts += [f"Break what they name: {', '.join(named)}."] if named else []
        parts += [f"Skip its players: {', '.join(skipping)}."] if skipping else []
        return " ".join(parts)

    @action(description="Accept as the second person", url_path="accept", icon="how_to_reg", permissions=[_MAY_DECIDE])
    def accept(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Let the version hold."""
        return self.ask(
            request,
            object_id,
            form_class=NoteForm,
            verb="Accept",
            explanation="It holds at once, for rules that run, for credits by hand and for the ledger. Active rules "
            "are looked at again.",
            act=lambda row, text: accept_jurisdiction(profile_id=row.pk, by=request.user, note=text),  # type: ignore[arg-type]
        )

    @action(description="Refuse", url_path="refuse", icon="thumb_down", permissions=[_MAY_DECIDE])
    def refuse(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask why."""
        return self.ask(
            request,
            object_id,
            form_class=RefusalForm,
            verb="Refuse",
            explanation="What holds now goes on.",
            act=lambda row, text: refuse_profile(profile_id=row.pk, by=request.user, note=text),  # type: ignore[arg-type]
        )

    @action(description="Which rules break a profile?", url_path="compliance", icon="policy")
    def compliance(self, request: HttpRequest) -> HttpResponse:
        """List the active rules that break a profile, with the clauses."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        for warning in weakened_profiles():
            messages.warning(request, warning)
        breaking = breaking_rules()
        context = {
            **self.admin_site.each_context(request),
            "title": "Rules and jurisdictions",
            "opts": self.opts,
            "named": [one for one in breaking if one.is_named],
            "skipping": [one for one in breaking if not one.is_named],
        }
        return TemplateResponse(request, "admin/safety/jurisdictionprofile/compliance.html", context)

    @action(
        description="Propose a change", url_path="propose", icon="edit", permissions=["safety.add_jurisdictionprofile"]
    )
    def propose(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Lead to the form, filled with what holds of this jurisdiction."""
        profile = self.get_object(request, object_id)
        if profile is None:
            raise Http404
        address = reverse("admin:safety_jurisdictionprofile_add", query={"code": profile.code})
        return HttpResponseRedirect(address)

    def get_actions_detail(self, request: HttpRequest, object_id: str) -> list[Any]:
        """Offer decisions about what waits for one, and a change of what holds."""
        profile = self.get_object(request, object_id)
        status = profile.status if profile is not None else ""
        steps = _STEPS.get(status, ())
        offered: list[Any] = super().get_actions_detail(request, object_id)
        return [one for one in offered if any(one.action_name.endswith(step) for step in steps)]


def _changes(profile: JurisdictionProfile) -> dict[str, str]:
    """Return what the version says otherwise than the one in force, before → after."""
    held = JurisdictionProfile.objects.filter(code=profile.code, status=ProfileStatus.IN_FORCE).first()
    before, after = _said(held.content if held else {}), _said(profile.content)
    changed = {name: (before.get(name, "–"), after.get(name, "–")) for name in {**before, **after}}
    told = {name: f"{old} → {new}" for name, (old, new) in changed.items() if old != new}
    return {"Version": str(profile), "Why": profile.reason, **(told or {"Changes": "none"})}


def _said(content: dict[str, Any]) -> dict[str, str]:
    plain = {name: json.dumps(value, ensure_ascii=False) for name, value in content.items() if name != "limits"}
    for limit in content.get("limits", []):
        name = f"{limit.get('kind')} from {limit.get('valid_from')}"
        own = {key: value for key, value in limit.items() if key not in ("kind", "valid_from")}
        plain[name] = ", ".join(f"{key} {value}" for key, value in sorted(own.items()))
    return plain
