"""The policies' pages: every value with its source, and a form that keeps to the policy's type."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from django import forms
from django.apps import apps
from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget, UnfoldBooleanSwitchWidget

from core import environment
from core.admin.base import HouseAdmin
from core.errors import InvalidInputError
from core.models import PolicyValue
from core.policies import POLICIES, Policy, PolicySource, clear_policy, save_policy


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyRow:
    """One line of the list: a policy, what holds and what would hold without a saved value."""

    policy: Policy[Any]
    source: PolicySource
    value: str
    given: object
    fallback: str
    default: str
    saved: PolicyValue | None

    @property
    def colour(self) -> str:
        """Return the label's colour: saved values stand out."""
        return {"saved": "primary", "environment": "info"}.get(self.source, "")


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyGroup:
    """The policies of one app."""

    title: str
    rows: list[PolicyRow]


def policy_groups() -> list[PolicyGroup]:
    """Return every declared policy by app, with one query for all saved values."""
    saved = {value.name: value for value in PolicyValue.objects.select_related("saved_by")}
    groups = []
    for config in apps.get_app_configs():
        rows = [policy_row(policy, saved.get(policy.name)) for policy in _declared_in(config.name)]
        if rows:
            groups.append(PolicyGroup(title=str(config.verbose_name), rows=rows))
    return groups[::-1]  # from the ground floor up: players first


def _declared_in(app_name: str) -> list[Policy[Any]]:
    if find_spec(f"{app_name}.policies") is None:
        return []
    declared = vars(import_module(f"{app_name}.policies")).values()
    return [value for value in declared if isinstance(value, Policy) and value.name in POLICIES]


def policy_row(policy: Policy[Any], saved: PolicyValue | None) -> PolicyRow:
    """Describe one policy."""
    fallback = policy.environment_value()
    value = policy.parse(saved.value) if saved else fallback
    given = PolicySource.ENVIRONMENT if environment.is_set(policy.name) else PolicySource.DEFAULT
    return PolicyRow(
        policy=policy,
        source=PolicySource.SAVED if saved else given,
        value=shown(value),
        given=value if isinstance(value, bool) else typed(value),
        fallback=shown(fallback),
        default=shown(policy.default),
        saved=saved,
    )


def shown(value: object) -> str:
    """Return a policy's value as people read it."""
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        return typed(value)
    return f"{value:,f}" if isinstance(value, Decimal) else f"{value:,}"


def typed(value: object) -> str:
    """Return a policy's value as people type it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:f}" if isinstance(value, Decimal) else str(value)


class PolicyForm(forms.Form):
    """One value, checked by the policy itself."""

    value = forms.CharField()

    def __init__(self, *args: Any, policy: Policy[Any], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.policy = policy
        self.fields["value"] = _field(policy)
        self.fields["value"].label = policy.name

    def clean_value(self) -> str:
        """Return the text that will be stored."""
        given = typed(self.cleaned_data["value"])
        try:
            self.policy.parse(given)
        except InvalidInputError as error:
            raise forms.ValidationError(error.message, code=error.code) from None
        return given


def _field(policy: Policy[Any]) -> forms.Field:
    """Return a switch, a list of choices or a box to type in, as the policy's type wants."""
    if isinstance(policy.default, bool):
        return forms.BooleanField(required=False, widget=UnfoldBooleanSwitchWidget())
    if policy.choices:
        choices = [(choice, choice) for choice in policy.choices]
        return forms.CharField(widget=UnfoldAdminSelectWidget(choices=choices))
    is_number = isinstance(policy.default, int | Decimal)
    return forms.CharField(widget=UnfoldAdminTextInputWidget(attrs={"inputmode": "decimal"} if is_number else None))


@admin.register(PolicyValue)
class PolicyValueAdmin(HouseAdmin):
    """Policies are declared in code, so the list shows those rather than the few rows that staff saved."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Show every policy."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        context = {
            **self.admin_site.each_context(request),
            "title": "Policies",
            "opts": self.opts,
            "groups": policy_groups(),
            "can_change": self.has_change_permission(request),
            **(extra_context or {}),
        }
        return TemplateResponse(request, "admin/core/policyvalue/list.html", context)

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Show one policy; save or forget staff's value."""
        policy = POLICIES.get(unquote(object_id or ""))
        if policy is None:
            raise Http404
        if not self.has_view_or_change_permission(request):
            raise PermissionDenied
        row = policy_row(policy, PolicyValue.objects.select_related("saved_by").filter(name=policy.name).first())
        form = PolicyForm(
            request.POST if request.method == "POST" else None, policy=policy, initial={"value": row.given}
        )
        if request.method == "POST" and (done := self._answer_post(request, policy, form)):
            return done
        context = {
            **self.admin_site.each_context(request),
            "title": policy.name,
            "opts": self.opts,
            "row": row,
            "form": form,
            "can_change": self.has_change_permission(request),
            **(extra_context or {}),
        }
        return TemplateResponse(request, "admin/core/policyvalue/change.html", context)

    def _answer_post(self, request: HttpRequest, policy: Policy[Any], form: PolicyForm) -> HttpResponse | None:
        if not self.has_change_permission(request):
            raise PermissionDenied
        if "forget" in request.POST:
            clear_policy(name=policy.name)
            self._record(request, policy, "Saved value forgotten")
        elif form.is_valid():
            save_policy(name=policy.name, value=form.cleaned_data["value"], saved_by=request.user)  # type: ignore[arg-type]  # the admin lets nobody else in
            self._record(request, policy, f"Saved as {form.cleaned_data['value']}")
        else:
            return None
        return HttpResponseRedirect(reverse("admin:core_policyvalue_changelist"))

    def _record(self, request: HttpRequest, policy: Policy[Any], change: str) -> None:
        self.log_change(request, PolicyValue(name=policy.name), change)
        messages.success(request, f"{policy.name}: {change[0].lower()}{change[1:]}.")
