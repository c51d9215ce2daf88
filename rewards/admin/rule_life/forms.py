"""What the pages of a rule's life ask for."""

from __future__ import annotations

from typing import Any

from django import forms
from unfold.widgets import (
    UnfoldAdminDecimalFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminSingleDateWidget,
    UnfoldAdminTextareaWidget,
)

from rewards.rule_life.events import REASON_LENGTH_MAX
from wallet.corrections import REASON_LENGTH_MAX as REVOCATION_REASON_LENGTH_MAX


def _reason(*, label: str = "Reason", length_max: int = REASON_LENGTH_MAX, **options: Any) -> forms.CharField:
    widget = UnfoldAdminTextareaWidget(attrs={"rows": 2})
    return forms.CharField(label=label, max_length=length_max, widget=widget, **options)


class SubmitForm(forms.Form):
    """A forecast, and a note to whoever approves."""

    forecast_cost = forms.DecimalField(
        label="Forecast cost per business date",
        required=False,
        max_digits=18,
        decimal_places=2,
        widget=UnfoldAdminDecimalFieldWidget(),
        help_text="Money value it is expected to give per business date. Without one no guardrail stops the rule.",
    )
    note = _reason(label="Note to the approver", required=False)


class ApproveForm(forms.Form):
    """What was looked at: nothing else is approved."""

    version = forms.IntegerField(widget=forms.HiddenInput)
    content_hash = forms.CharField(max_length=64, widget=forms.HiddenInput)


class RejectForm(forms.Form):
    """What was looked at, and why it shall not run."""

    version = forms.IntegerField(widget=forms.HiddenInput)
    reason = _reason(label="Why it shall not run", help_text="Shown to whoever wrote it.")


class ReasonForm(forms.Form):
    """Why a step is taken."""

    reason = _reason(help_text="Kept in the record of the rule.")


class OptionalReasonForm(forms.Form):
    """Why a step is taken, where there is something to say."""

    reason = _reason(required=False, help_text="Kept in the record of the rule.")


class SinceForm(forms.Form):
    """From which date of granting on rewards are taken back."""

    since = forms.DateField(
        label="Granted on or after",
        required=False,
        widget=UnfoldAdminSingleDateWidget(),
        help_text="Business date; empty: all rewards the rule ever gave.",
    )


class RevokeForm(forms.Form):
    """Why rewards are taken back, and what was looked at."""

    since = forms.DateField(required=False, widget=forms.HiddenInput)
    reason = _reason(length_max=REVOCATION_REASON_LENGTH_MAX, help_text="Shown in the players' statements.")
    is_confirmed = forms.BooleanField(label="Take back what is left, from every player counted above")


class CompareForm(forms.Form):
    """Two versions of a rule."""

    before = forms.TypedChoiceField(label="From version", coerce=int, widget=UnfoldAdminSelectWidget())
    after = forms.TypedChoiceField(label="To version", coerce=int, widget=UnfoldAdminSelectWidget())

    def __init__(self, *args: Any, versions: list[tuple[int, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in ("before", "after"):
            self.fields[name].choices = versions  # type: ignore[attr-defined]
