"""The page that answers "why?" and "why not?", reached from the rule, the decision and the player."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminSingleDateWidget, UnfoldAdminTextInputWidget

from core.errors import LoyaltyError
from rewards.explaining import Explanation, explain, explain_decision
from rewards.models import RewardDecision, RewardRule, Verdict

_DIGITS_MAX = 18
VIEW = ["rewards.view_rewarddecision"]


class ExplanationForm(forms.Form):
    """One player, one rule, and a business date that may be left out."""

    player_id = forms.CharField(label="Player id", max_length=50, widget=UnfoldAdminTextInputWidget())
    rule_id = forms.ChoiceField(label="Rule", widget=UnfoldAdminSelectWidget())
    at = forms.DateField(
        label="Business date",
        required=False,
        widget=UnfoldAdminSingleDateWidget(),
        help_text="Empty: the newest decision, or today where nothing was decided.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        rules = RewardRule.objects.order_by("rule_id").values_list("rule_id", "name")
        field: Any = self.fields["rule_id"]
        field.choices = [(rule_id, f"{rule_id} – {name}") for rule_id, name in rules]


def explanation_url(**query: Any) -> str:
    """Return the address of the page for a player, a rule, a date or a decision."""
    return f"{reverse('admin:rewards_rewarddecision_explain')}?{urlencode(query)}"


class ExplanationPages:
    """The page itself, its link in the list of decisions, and the button on one of them."""

    @display(description="why?")
    def why_link(self, decision: RewardDecision) -> SafeString:
        return format_html('<a class="house-link" href="{}">Why?</a>', explanation_url(decision=decision.pk))

    @action(description="Why?", url_path="why", icon="help", permissions=VIEW)
    def why(self, _request: HttpRequest, object_id: str) -> HttpResponse:
        """Go to the explanation of this decision."""
        return HttpResponseRedirect(explanation_url(decision=object_id))

    @action(description="Why, or why not?", url_path="explain", icon="help", permissions=VIEW)
    def explain(self, request: HttpRequest) -> HttpResponse:
        """Show why a player got what a rule gave, or why nothing; nothing is written."""
        admin: Any = self
        if not admin.has_view_permission(request):
            raise PermissionDenied
        decision = _decision(request.GET.get("decision", ""))
        form = ExplanationForm(_asked(request, decision), initial=request.GET.dict())
        found = _explanation(request, form, decision)
        context = {
            **admin.admin_site.each_context(request),
            "title": "Why, or why not?",
            "opts": admin.opts,
            "form": form,
            "found": found,
            "decision": decision,
            "verdict": Verdict(found.verdict).label if found and found.verdict else "",
        }
        return TemplateResponse(request, "admin/rewards/rewarddecision/explain.html", context)


def _decision(number: str) -> RewardDecision | None:
    is_number = number.isascii() and number.isdigit() and len(number) <= _DIGITS_MAX
    return RewardDecision.objects.select_related("rule").filter(pk=int(number)).first() if is_number else None


def _asked(request: HttpRequest, decision: RewardDecision | None) -> dict[str, Any] | None:
    """Return what the form is filled with: the decision's names, or the query; None where it is opened afresh."""
    if decision is not None:
        return {"player_id": decision.player_id, "rule_id": decision.rule.pk, "at": decision.last_on}
    query = request.GET.dict()
    return query if query.get("player_id") and query.get("rule_id") else None


def _explanation(request: HttpRequest, form: ExplanationForm, decision: RewardDecision | None) -> Explanation | None:
    try:
        if decision is not None:
            return explain_decision(decision)
        if not form.is_valid():
            return None
        asked = form.cleaned_data
        return explain(player_id=asked["player_id"], rule_id=asked["rule_id"], at=asked["at"])
    except LoyaltyError as error:
        messages.error(request, error.message)
        return None
