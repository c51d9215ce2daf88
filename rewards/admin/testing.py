"""The form that asks whom a rule is to be tested on."""

from __future__ import annotations

from django import forms
from unfold.widgets import UnfoldAdminSingleDateWidget, UnfoldAdminTextInputWidget


class RuleTestForm(forms.Form):
    """One player and one business date."""

    player_id = forms.CharField(label="Player id", max_length=50, widget=UnfoldAdminTextInputWidget())
    on = forms.DateField(label="Business date", widget=UnfoldAdminSingleDateWidget())
