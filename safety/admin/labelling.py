"""The page on which a signal in shadow is judged, and the sample that leads from one to the next."""

from __future__ import annotations

from typing import Any, cast

from django import forms
from django.contrib import messages
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from unfold.decorators import action
from unfold.widgets import UnfoldAdminRadioSelectWidget, UnfoldAdminTextareaWidget

from core.admin.asking import AskingPages
from safety.admin.evidence import evidence_shown
from safety.detection.catalogue import DEFINITIONS
from safety.detection.labelling import NOTE_LENGTH_MAX, label_signal, next_to_label
from safety.detection.precision import precision_of
from safety.models import AbuseSignal, SignalFinding, SignalLabel

MAY_JUDGE = "safety.change_abusesignal"


class FindingForm(forms.Form):
    """Whether the detector was right about the player."""

    finding = forms.ChoiceField(
        label="Was the detector right?", choices=SignalFinding.choices, widget=UnfoldAdminRadioSelectWidget()
    )
    note = forms.CharField(
        label="Why",
        required=False,
        max_length=NOTE_LENGTH_MAX,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 2}),
        help_text="Optional; it stays with the signal.",
    )


class LabellingPages(AskingPages):
    """For the admin of signals."""

    ask_name = "signal"
    ask_noun = "signal"
    ask_template = "admin/safety/abusesignal/judge.html"

    def ask_answer(self, form: forms.Form) -> Any:
        """Return the finding and the note."""
        return form.cleaned_data

    def ask_success(self, row: AbuseSignal, done: SignalLabel) -> str:
        """Say what is on record and how far the sample is."""
        return f"Signal {row.pk}: {done.get_finding_display().lower()}. {sample_in_words(row.detector)}"

    def ask_context(self, row: AbuseSignal) -> dict[str, Any]:
        """Show what the detector saw, and the way to the next one."""
        definition = DEFINITIONS.get(row.detector)
        return {
            "evidence": evidence_shown(row.metadata),
            "detector": definition,
            "next_url": f"{reverse('admin:safety_detector_sample', args=[row.detector])}?after={row.pk}",
            "labels": list(row.labels.select_related("labelled_by")),
        }

    @action(description="Judge without consequence", url_path="judge", icon="fact_check", permissions=[MAY_JUDGE])
    def judge(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask whether the detector was right, keep it, and go on to the next signal of the sample."""
        if not request.user.has_perm(MAY_JUDGE):
            raise PermissionDenied
        by = cast(User, request.user)
        answer = self.ask(
            request,
            object_id,
            form_class=FindingForm,
            verb="Judge",
            explanation="Nothing follows for the player: the judgement tells how often the detector is right. A false "
            "alarm is not raised again by what is seen here.",
            act=lambda signal, given: label_signal(signal_id=signal.pk, by=by, **given),
        )
        if not isinstance(answer, HttpResponseRedirect):
            return answer
        detector = AbuseSignal.objects.values_list("detector", flat=True).get(pk=object_id)
        return HttpResponseRedirect(reverse("admin:safety_detector_sample", args=[detector]))

    def get_actions_detail(self, request: HttpRequest, object_id: str) -> list[Any]:
        """Offer it for a signal in shadow that nobody has judged in a case."""
        house: Any = self
        signal = house.get_object(request, object_id)
        if signal is None or not signal.is_shadow or not signal.detector or signal.case_id:
            return []
        offered: list[Any] = super().get_actions_detail(request, object_id)  # type: ignore[misc]
        return offered


def lead_to_next(request: HttpRequest, *, detector: str) -> HttpResponse:
    """Lead to the next signal of a detector's sample, or back to the detector where there is none."""
    after = request.GET.get("after", "")
    signal = next_to_label(detector, after=int(after) if after.isdecimal() and len(after) < 19 else None)
    if signal is not None:
        return HttpResponseRedirect(reverse("admin:safety_abusesignal_judge", args=[signal.pk]))
    messages.info(request, f"There is no further signal in shadow to judge. {sample_in_words(detector)}")
    return HttpResponseRedirect(reverse("admin:safety_detector_change", args=[detector]))


def sample_in_words(detector: str) -> str:
    """Say how often the detector is right by now."""
    words = precision_of(detector).in_words()
    return f"{words[:1].upper()}{words[1:]}."
