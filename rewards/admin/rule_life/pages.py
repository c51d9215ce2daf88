"""The steps of a rule's life as buttons on its page, each with a page that says what it does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.admin.utils import quote, unquote
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from unfold.decorators import action

from core.admin.base import HouseAdmin
from core.background import run_soon
from core.errors import LoyaltyError, NotFoundError
from core.models import Run
from rewards.admin.rule_life.forms import (
    ApproveForm,
    CompareForm,
    OptionalReasonForm,
    ReasonForm,
    RejectForm,
    RevokeForm,
    SinceForm,
    SubmitForm,
)
from rewards.models import RewardRule, RewardRuleVersion, RuleStatus
from rewards.rule_life.approval import approve_rule, reject_rule, submit_rule
from rewards.rule_life.requests import waiting_request
from rewards.rule_life.reviewing import review_of
from rewards.rule_life.revoking import ask_revocation, preview_revocation, revocation_progress
from rewards.rule_life.stopping import archive_rule, pause_rule, resume_rule
from rewards.rule_life.versions import candidate_version, changes_between
from rewards.tasks import run_revocation

STEPS = ("submit", "approve", "pause", "resume", "revoke", "archive", "compare")
BUTTONS = (*STEPS[:4], {"title": "More", "icon": "more_horiz", "items": list(STEPS[4:])})
_PAGES = "admin/rewards/rewardrule/"


class RuleLifePages(HouseAdmin):
    """Buttons and pages of the steps; each calls one service and shows what it refused."""

    @action(description="Submit", url_path="submit", icon="send", permissions=["rewards.change_rewardrule"])
    def submit(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask for the forecast and put the version forward."""
        rule = self.stored_rule(request, object_id)
        form = SubmitForm(request.POST or None)
        if request.method == "POST" and form.is_valid():
            given = {name: value for name, value in form.cleaned_data.items() if value is not None}
            if self._is_done(request, form, lambda: submit_rule(rule_id=rule.pk, by=_user(request), **given)):
                messages.success(request, f"{rule.pk} waits for somebody else's approval.")
                return self._back(rule)
        review = review_of(rule)
        return self._page(request, rule, "submit.html", title=f"Submit {rule.pk}", form=form, review=review)

    @action(
        description="Approve or reject",
        url_path="approve",
        icon="how_to_reg",
        permissions=["rewards.approve_rewardrule"],
    )
    def approve(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Show what would change, the forecast and the warnings; approve or reject it."""
        rule = self.stored_rule(request, object_id)
        waiting = waiting_request(rule.pk)
        seen = {"version": waiting.version, "content_hash": waiting.content_hash} if waiting else {}
        posted = request.POST if request.method == "POST" else None
        is_rejected = posted is not None and "reject" in posted
        approval = ApproveForm(None if is_rejected else posted, initial=seen)
        rejection = RejectForm(posted if is_rejected else None, initial=seen)
        form = rejection if is_rejected else approval
        if posted is not None and form.is_valid():
            decide = reject_rule if is_rejected else approve_rule
            if self._is_done(request, form, lambda: decide(rule_id=rule.pk, by=_user(request), **form.cleaned_data)):
                done = "was sent back" if is_rejected else "was approved"
                messages.success(request, f"Version {form.cleaned_data['version']} of {rule.pk} {done}.")
                return self._back(rule)
        return self._page(
            request,
            rule,
            "approve.html",
            title=f"Approve {rule.pk}",
            form=form,
            approval=approval,
            rejection=rejection,
            review=review_of(rule),
            user_name=request.user.get_username(),
        )

    @action(description="Pause", url_path="pause", icon="pause_circle", permissions=["rewards.pause_rewardrule"])
    def pause(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask for the reason and stop the rule."""
        explanation = "It gives nothing from now on, in a night under way too. No approval is needed, nor to resume it."
        return self._ask(request, object_id, ReasonForm, verb="Pause", explanation=explanation, act=pause_rule)

    @action(description="Resume", url_path="resume", icon="play_circle", permissions=["rewards.pause_rewardrule"])
    def resume(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Let the rule run again."""
        explanation = (
            "It gives again, with the version that was approved. Where its guardrail stopped it, somebody must resume "
            "it who wrote no part of it; on the date it was stopped it would stop again."
        )
        return self._ask(
            request, object_id, OptionalReasonForm, verb="Resume", explanation=explanation, act=resume_rule
        )

    @action(description="Archive", url_path="archive", icon="archive", permissions=["rewards.delete_rewardrule"])
    def archive(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask for a reason and take the rule out of use."""
        explanation = "It never runs again. What it gave and said stays readable; what players hold of it stays theirs."
        return self._ask(
            request, object_id, OptionalReasonForm, verb="Archive", explanation=explanation, act=archive_rule
        )

    @action(description="Revoke rewards", url_path="revoke", icon="undo", permissions=["rewards.revoke_rewardrule"])
    def revoke(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Show what is left of the rule's rewards, and take it back once that is confirmed."""
        rule = self.stored_rule(request, object_id)
        since = SinceForm(request.GET or None)
        chosen = since.cleaned_data["since"] if since.is_bound and since.is_valid() else None
        form = RevokeForm(request.POST if request.method == "POST" else None, initial={"since": chosen})
        if form.is_bound and form.is_valid():
            asked = {name: form.cleaned_data[name] for name in ("since", "reason")}
            run = self._asked_revocation(request, form, rule, **asked)
            if run is not None:
                run_soon(run_revocation, run.pk)
                return HttpResponseRedirect(
                    reverse("admin:rewards_rewardrule_revocation", args=[quote(rule.pk), run.pk])
                )
        if form.is_bound and form.is_valid():
            chosen = form.cleaned_data["since"]
        preview = preview_revocation(rule_id=rule.pk, since=chosen)
        title = f"Revoke rewards of {rule.pk}"
        return self._page(request, rule, "revoke.html", title=title, since=since, form=form, preview=preview)

    def revocation(self, request: HttpRequest, object_id: str, run_id: int) -> HttpResponse:
        """Show how far a revocation is; the page asks for the part that changes until it is done."""
        rule = self.stored_rule(request, object_id)
        if not request.user.has_perm("rewards.revoke_rewardrule"):
            raise PermissionDenied
        try:
            progress = revocation_progress(rule_id=rule.pk, run_id=run_id)
        except NotFoundError:
            raise Http404 from None
        template = "revocation_progress.html" if "progress" in request.GET else "revocation.html"
        return self._page(request, rule, template, title=f"Taking back rewards of {rule.pk}", progress=progress)

    def get_urls(self) -> list[URLPattern]:
        """Add the page of a revocation."""
        view = self.admin_site.admin_view(self.revocation)
        own = path("<path:object_id>/revocations/<int:run_id>/", view, name="rewards_rewardrule_revocation")
        return [own, *super().get_urls()]

    def _asked_revocation(self, request: HttpRequest, form: forms.Form, rule: RewardRule, **asked: Any) -> Run | None:
        try:
            return ask_revocation(rule_id=rule.pk, by=_user(request), at=timezone.now(), **asked)
        except LoyaltyError as error:
            form.add_error(None, error.message)
            return None

    @action(
        description="Compare versions", url_path="compare", icon="difference", permissions=["rewards.view_rewardrule"]
    )
    def compare(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Show what two versions of the rule say differently."""
        rule = self.stored_rule(request, object_id)
        stored = {one.version: one for one in RewardRuleVersion.objects.filter(rule=rule).select_related("saved_by")}
        numbers = sorted(stored, reverse=True)
        newest = {"before": numbers[min(1, len(numbers) - 1)], "after": numbers[0]}
        form = CompareForm(
            request.GET or newest, versions=[(number, _named(stored[number], rule)) for number in numbers]
        )
        changes = None
        if form.is_valid():
            before, after = (stored[form.cleaned_data[name]].content for name in ("before", "after"))
            changes = changes_between(before, after)
        title = f"Versions of {rule.pk}"
        return self._page(request, rule, "compare.html", title=title, form=form, changes=changes)

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        """Offer the steps that the rule's status leads to."""
        rule = RewardRule.objects.filter(pk=unquote(str(object_id))).first()
        barred = set(STEPS) - (_steps_of(rule) if rule else set())
        offered: list[Any] = super().get_actions_detail(request, object_id)
        return [one for one in offered if not any(one.action_name.endswith(f"_{step}") for step in barred)]

    def stored_rule(self, request: HttpRequest, object_id: str) -> RewardRule:
        """Return the rule as it runs. Raises Http404 and PermissionDenied."""
        rule_id = unquote(object_id)
        rule = RewardRule.objects.filter(pk=rule_id).first() if "\x00" not in rule_id else None
        if rule is None:
            raise Http404
        if not self.has_view_permission(request, rule):
            raise PermissionDenied
        return rule

    def _ask(
        self,
        request: HttpRequest,
        object_id: str,
        form_class: type[forms.Form],
        *,
        verb: str,
        explanation: str,
        act: Callable[..., RewardRule],
    ) -> HttpResponse:
        """Show the page that asks for a reason, and take the step."""
        rule = self.stored_rule(request, object_id)
        form = form_class(request.POST if request.method == "POST" else None)
        if form.is_bound and form.is_valid():
            reason = form.cleaned_data["reason"]
            if self._is_done(request, form, lambda: act(rule_id=rule.pk, by=_user(request), reason=reason)):
                rule.refresh_from_db()
                messages.success(request, f"{rule.pk} is {rule.get_status_display().lower()}.")
                return self._back(rule)
        title = f"{verb} {rule.pk}"
        return self._page(request, rule, "ask.html", title=title, form=form, verb=verb, explanation=explanation)

    def _is_done(self, request: HttpRequest, form: forms.Form, act: Callable[[], Any]) -> bool:
        try:
            act()
        except LoyaltyError as error:
            form.add_error(None, error.message)
            return False
        return True

    def _page(
        self, request: HttpRequest, rule: RewardRule, template: str, *, title: str, **context: Any
    ) -> HttpResponse:
        shared = {
            **self.admin_site.each_context(request),
            "title": title,
            "opts": self.opts,
            "rule": rule,
            "rule_url": self._url(rule),
        }
        return TemplateResponse(request, _PAGES + template, {**shared, **context})

    def _url(self, rule: RewardRule) -> str:
        return reverse("admin:rewards_rewardrule_change", args=[quote(rule.pk)])

    def _back(self, rule: RewardRule) -> HttpResponse:
        return HttpResponseRedirect(self._url(rule))


def _user(request: HttpRequest) -> User:
    if not isinstance(request.user, User):
        raise PermissionDenied
    return request.user


def _named(version: RewardRuleVersion, rule: RewardRule) -> str:
    state = {rule.version: ", runs" if rule.is_active else "", rule.pending_version: ", draft"}.get(version.version, "")
    by = version.saved_by.get_username() if version.saved_by else "the house"
    return f"{version.version} – {by}, {version.saved_at:%Y-%m-%d %H:%M}{state}"


def _steps_of(rule: RewardRule) -> set[str]:
    """Return the steps that a rule's status leads to."""
    steps = {"compare", "revoke"}
    if rule.status == RuleStatus.ARCHIVED:
        return steps
    is_waiting = waiting_request(rule.pk) is not None
    if is_waiting:
        steps.add("approve")
    elif candidate_version(rule) is not None:
        steps.add("submit")
    further = {RuleStatus.ACTIVE: "pause", RuleStatus.PAUSED: "resume"}
    return steps | {"archive"} | ({further[RuleStatus(rule.status)]} if rule.status in further else set())
