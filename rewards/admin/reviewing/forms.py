"""What the steps of a review case ask for."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth.models import Permission, User
from django.db.models import Q, QuerySet
from unfold.widgets import (
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminRadioSelectWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from safety.models import AbuseSignal, CaseOutcome, ReviewCase, ReviewOutcome
from safety.review.appeals import AppealSource
from safety.review.deciding import REASON_LENGTH_MAX, SEVERITIES, signals_to_judge
from safety.review.working import LINK_LENGTH_MAX, NOTE_LENGTH_MAX

_SIGNAL = "signal_"


def _text(label: str, *, length_max: int, help_text: str = "", is_needed: bool = True) -> forms.CharField:
    return forms.CharField(
        label=label,
        max_length=length_max,
        required=is_needed,
        help_text=help_text,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
    )


class ClaimForm(forms.Form):
    """A first note may go with it."""

    text = _text("Note", length_max=NOTE_LENGTH_MAX, is_needed=False, help_text="Optional; it stays with the case.")


class NoteForm(forms.Form):
    """What was found or done."""

    text = _text("Note", length_max=NOTE_LENGTH_MAX, help_text="It stays with the case and cannot be changed.")


class LinkForm(forms.Form):
    """An address and what it shows."""

    url = forms.CharField(label="Address", max_length=LINK_LENGTH_MAX, widget=UnfoldAdminTextInputWidget())
    text = _text("What it shows", length_max=LINK_LENGTH_MAX)


class AssignForm(forms.Form):
    """Who is to work on it."""

    text = forms.ModelChoiceField(label="Assigned to", queryset=User.objects.none(), widget=UnfoldAdminSelectWidget())

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["text"].queryset = reviewers()  # type: ignore[attr-defined]


def reviewers() -> QuerySet[User]:
    """Return the users who may decide cases."""
    may_decide = Permission.objects.filter(codename="change_reviewcase", content_type__app_label="safety")
    by_role, by_name = Q(groups__permissions__in=may_decide), Q(user_permissions__in=may_decide)
    found = User.objects.filter(by_role | by_name | Q(is_superuser=True), is_active=True)
    return found.distinct().order_by("username")


class AppealForm(forms.Form):
    """Who objects, in which words."""

    source = forms.ChoiceField(
        label="Who objects",
        choices=[(AppealSource.PLAYER.value, "The player"), (AppealSource.STAFF.value, "Staff, for the player")],
        widget=UnfoldAdminSelectWidget(),
    )
    text = _text("In their words", length_max=NOTE_LENGTH_MAX)


class DecisionForm(forms.Form):
    """What each signal is found to be, and why; the outcome of the case follows from them."""

    text = _text("Reason", length_max=REASON_LENGTH_MAX, help_text="Kept with every signal, and read on appeal.")

    @property
    def answer(self) -> dict[str, Any]:
        """Return what the decision takes."""
        signals = {
            int(name.removeprefix(_SIGNAL)): found
            for name, found in self.cleaned_data.items()
            if name.startswith(_SIGNAL)
        }
        found = set(signals.values())
        outcome = CaseOutcome.PARTIAL.value if len(found) > 1 else next(iter(found), self.cleaned_data.get("outcome"))
        severity = self.cleaned_data.get("severity") if outcome == CaseOutcome.CONFIRMED else None
        return {
            "outcome": outcome,
            "reason": self.cleaned_data["text"],
            "signals": signals,
            "finding_severity": severity,
        }


def decision_form(case: ReviewCase) -> type[DecisionForm]:
    """Return the form for the signals of a case as they are now; of one without any, for what a person found."""
    signals = signals_to_judge(case)
    fields: dict[str, forms.Field] = {f"{_SIGNAL}{signal.pk}": _judgement(signal) for signal in signals}
    if not signals:
        fields["outcome"] = forms.ChoiceField(
            label="What was found", choices=ReviewOutcome.choices, widget=UnfoldAdminRadioSelectWidget()
        )
    if not signals and not case.appeals:
        fields["severity"] = forms.IntegerField(
            label="How severe",
            required=False,
            min_value=SEVERITIES.start,
            max_value=SEVERITIES.stop - 1,
            widget=UnfoldAdminIntegerFieldWidget(),
            help_text="1 (weak) to 10 (certain), where it is confirmed: the finding then counts in the score.",
        )
    fields["field_order"] = [name for name in fields if name != "text"]  # type: ignore[assignment]  # an attribute
    return type("CaseDecisionForm", (DecisionForm,), fields)


def _judgement(signal: AbuseSignal) -> forms.ChoiceField:
    name = signal.signal_type.replace("_", " ").capitalize()
    return forms.ChoiceField(
        label=f"{name}, severity {signal.severity}",
        choices=ReviewOutcome.choices,
        widget=UnfoldAdminRadioSelectWidget(),
        help_text=signal.description,
    )
