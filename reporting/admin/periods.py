"""The form fields of a period of business days."""

from __future__ import annotations

from datetime import date
from typing import Any

from django import forms
from django.core.validators import MaxValueValidator, MinValueValidator
from unfold.widgets import UnfoldAdminSingleDateWidget

from reporting.periods import FIRST_ON, LAST_ON


def day_field(label: str) -> forms.DateField:
    """Return a field for one business day, which may be left out."""
    validators = [
        MinValueValidator(FIRST_ON, message=f"A date from {FIRST_ON} on is needed."),
        MaxValueValidator(LAST_ON, message=f"A date until {LAST_ON} is needed."),
    ]
    return forms.DateField(label=label, required=False, widget=UnfoldAdminSingleDateWidget(), validators=validators)


class PeriodForm(forms.Form):
    """First and last business day, both included."""

    since = day_field("From")
    until = day_field("To")

    def clean(self) -> dict[str, Any]:
        """Refuse a period that ends before it begins."""
        values = super().clean() or {}
        since: date | None = values.get("since")
        until: date | None = values.get("until")
        if since and until and since > until:
            self.add_error("until", f"The period ends before it begins; {since} or later is needed.")
        return values
