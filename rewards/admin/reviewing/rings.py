"""Pages on which the cases of a ring are claimed together, and decided with one look and one reason."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from django import forms
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from unfold.decorators import action
from unfold.widgets import (
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminRadioSelectWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
)

from rewards.admin.reviewing.pages import ShownSignal, shown_signal
from rewards.reviewing.rings import decide_ring
from safety.models import AbuseSignal, ReviewCase, ReviewOutcome, ReviewStatus
from safety.review.deciding import REASON_LENGTH_MAX, SEVERITIES
from safety.review.rings import claim_ring, ring_cases

MAY_WORK = "safety.change_reviewcase"
_CASE = "case_"
_LEFT, _AS_ALL = "LEFT", ""


class RingDecisionForm(forms.Form):
    """What the members of a ring are found to be, and why; any of them may be judged apart or left for later."""

    outcome = forms.ChoiceField(
        label="What was found of all of them",
        choices=ReviewOutcome.choices,
        widget=UnfoldAdminRadioSelectWidget(),
        help_text="All signals of each case; who is chosen apart in the table above is found to be that instead.",
    )
    severity = forms.IntegerField(
        label="How severe",
        required=False,
        min_value=SEVERITIES.start,
        max_value=SEVERITIES.stop - 1,
        widget=UnfoldAdminIntegerFieldWidget(),
        help_text="1 (weak) to 10 (certain), for confirmed cases without a signal: the finding becomes one.",
    )
    text = forms.CharField(
        label="Reason",
        max_length=REASON_LENGTH_MAX,
        help_text="Kept with every case and signal, and read on appeal.",
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
    )
    seen = forms.CharField(required=False, widget=forms.HiddenInput())

    @property
    def answer(self) -> dict[str, Any]:
        """Return what the decision takes."""
        given = self.cleaned_data
        chosen = {
            int(name.removeprefix(_CASE)): found or given["outcome"]
            for name, found in given.items()
            if name.startswith(_CASE)
        }
        return {
            "outcomes": {number: found for number, found in chosen.items() if found != _LEFT},
            "reason": given["text"],
            "seen": [int(number) for number in given["seen"].split(",") if number.isdecimal()],
            "finding_severity": given.get("severity"),
        }

    @property
    def members(self) -> list[tuple[ReviewCase, list[ShownSignal], Any]]:
        """Return each case with its signals and the field that judges it apart."""
        cases: Sequence[ReviewCase] = getattr(self, "cases", ())
        signals: dict[int, list[ShownSignal]] = getattr(self, "signals", {})
        return [(case, signals.get(case.pk, []), self[f"{_CASE}{case.pk}"]) for case in cases]

    @property
    def said_of_ring(self) -> set[str]:
        """Return what the signals of the ring say, which is the same for all of its members."""
        signals: dict[int, list[ShownSignal]] = getattr(self, "signals", {})
        return {one.signal.description for found in signals.values() for one in found if one.signal.ring_id}


def ring_decision_form(ring_number: int, *, user: User) -> type[RingDecisionForm]:
    """Return the form for the cases of a ring that a user has claimed."""
    cases = [case for case in ring_cases(ring_number) if case.assigned_to == user]
    found = list(AbuseSignal.objects.filter(case__in=cases).order_by("-severity", "id"))
    signals: dict[int, list[ShownSignal]] = {}
    for signal in found:
        signals.setdefault(signal.case_id or 0, []).append(shown_signal(signal))
    seen = ",".join(str(signal.pk) for signal in found)
    fields: dict[str, Any] = {f"{_CASE}{case.pk}": _apart(case) for case in cases}
    fields["seen"] = forms.CharField(required=False, initial=seen, widget=forms.HiddenInput())
    if len(signals) == len(cases):
        # Every case has something to judge: nothing else needs a severity.
        fields["severity"] = None
    return type("RingForm", (RingDecisionForm,), {**fields, "cases": cases, "signals": signals})


def _apart(case: ReviewCase) -> forms.ChoiceField:
    return forms.ChoiceField(
        label=f"Case {case.pk} of {case.player_id}",
        choices=[(_AS_ALL, "as all"), *ReviewOutcome.choices, (_LEFT, "left for later")],
        required=False,
        widget=UnfoldAdminSelectWidget(attrs={"aria-label": f"Case {case.pk} of {case.player_id}"}),
    )


class RingPages:
    """For the admin of cases."""

    @action(description="Claim ring", url_path="claim-ring", icon="groups", permissions=[MAY_WORK])
    def claim_ring(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Take every free case of the case's ring."""
        house: Any = self
        user = cast(User, request.user)
        return cast(
            HttpResponse,
            house.ask(
                request,
                object_id,
                form_class=forms.Form,
                verb="Claim the ring of",
                explanation="Every case of the ring that nobody has, or somebody who left, is yours; what others have "
                "they keep.",
                act=lambda case, _: claim_ring(ring_number=case.ring_number or 0, by=user),
            ),
        )

    @action(description="Decide ring", url_path="decide-ring", icon="gavel", permissions=[MAY_WORK])
    def decide_ring(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Decide the cases of the ring that the user has, at once."""
        house: Any = self
        user, case = cast(User, request.user), house.get_object(request, object_id)
        ring_number = (case.ring_number if case else None) or 0
        return cast(
            HttpResponse,
            house.ask(
                request,
                object_id,
                form_class=ring_decision_form(ring_number, user=user),
                verb="Decide the ring of",
                explanation="Each case is decided by itself, with this reason: its signals, the player's score and "
                "block, and the rewards that wait follow as if it were decided alone. All are decided, or none.",
                act=lambda _, answer: decide_ring(ring_number=ring_number, by=user, **answer),
            ),
        )


def ring_steps(case: ReviewCase, user: User) -> set[str]:
    """Return what can be done about the ring of a case: there are others to claim, or several to decide."""
    if not case.ring_number or case.status not in (ReviewStatus.OPEN, ReviewStatus.ASSIGNED):
        return set()
    owners = [one.assigned_to_id for one in ring_cases(case.ring_number)]
    steps = {"claim_ring"} if len(owners) > 1 and None in owners else set()
    return steps | ({"decide_ring"} if owners.count(user.pk) > 1 else set())
