"""What is asked of who restricts a player, moves an end, lifts or decides."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.http import HttpRequest
from unfold.widgets import (
    UnfoldAdminSelectWidget,
    UnfoldAdminSplitDateTimeWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from players.models import PlayerRestriction, RestrictionKind
from players.restrictions.imposing import REASON_LENGTH_MAX, SOURCE_LENGTH_MAX, Word
from wallet.admin.acting import ActForm


class WordForm(ActForm):
    """On whose word, why, and what proves it."""

    source = forms.CharField(
        label="On whose word",
        max_length=SOURCE_LENGTH_MAX,
        widget=UnfoldAdminTextInputWidget(),
        help_text="The player by telephone, a register, a regulator, staff.",
    )
    reason = forms.CharField(label="Reason", max_length=REASON_LENGTH_MAX, widget=UnfoldAdminTextInputWidget())
    evidence = forms.CharField(
        label="Evidence",
        required=False,
        max_length=2000,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
        help_text="Where it can be checked: number of the call, letter or case.",
    )
    field_order = ("until", "source", "reason", "evidence", "key")

    def asked(self, request: HttpRequest) -> dict[str, Any]:
        """Return the word with who passes it on."""
        given = self.cleaned_data
        evidence = {"note": given["evidence"]} if given["evidence"] else {}
        word = Word(source=given["source"], reason=given["reason"], evidence=evidence, by=acting_user(request))
        return {"word": word, **({"until": given["until"]} if "until" in self.fields else {})}


class EndForm(WordForm):
    """Until when from now on."""

    until = forms.SplitDateTimeField(
        label="Holds until",
        required=False,
        widget=UnfoldAdminSplitDateTimeWidget(),
        help_text="Empty: until it is lifted.",
    )


class CorrectionForm(WordForm):
    """Whose it should have been, and what shows that."""

    right_restriction_id = forms.IntegerField(
        label="The right player's restriction",
        required=False,
        min_value=1,
        widget=UnfoldAdminTextInputWidget(),
        help_text="Its number, imposed on the player it was meant for. Empty: that person is no player here.",
    )
    evidence = forms.CharField(
        label="Evidence",
        max_length=2000,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
        help_text="What shows that another person was meant, and where it can be checked.",
    )
    field_order = ("right_restriction_id", "source", "reason", "evidence", "key")

    def asked(self, request: HttpRequest) -> dict[str, Any]:
        """Return the word and the restriction that takes its place."""
        return {**super().asked(request), "right_restriction_id": self.cleaned_data["right_restriction_id"]}


class DecisionForm(ActForm):
    """What the second person decides."""

    is_granted = forms.TypedChoiceField(
        label="Decision",
        choices=[("", "Choose"), ("yes", "End the restriction"), ("no", "Refuse, it holds on")],
        coerce=lambda choice: choice == "yes",
        widget=UnfoldAdminSelectWidget(),
    )
    reason = forms.CharField(
        label="Why", max_length=REASON_LENGTH_MAX, widget=UnfoldAdminTextInputWidget(), help_text="Kept in the history."
    )
    field_order = ("is_granted", "reason", "key")

    def asked(self, request: HttpRequest) -> dict[str, Any]:
        """Return the decision with who takes it."""
        given = self.cleaned_data
        return {"is_granted": given["is_granted"], "note": given["reason"], "by": acting_user(request)}


class ImposeForm(forms.ModelForm[PlayerRestriction]):
    """A restriction to impose."""

    kind = forms.ChoiceField(
        label="Restriction",
        choices=[("", "Choose"), *RestrictionKind.choices],
        widget=UnfoldAdminSelectWidget(),
        help_text="A self-exclusion and a cool-off cannot be ended early: make sure of the player.",
    )
    starts_at = forms.SplitDateTimeField(
        label="From", required=False, widget=UnfoldAdminSplitDateTimeWidget(), help_text="Empty: at once."
    )
    ends_at = forms.SplitDateTimeField(
        label="Until",
        required=False,
        widget=UnfoldAdminSplitDateTimeWidget(),
        help_text="Of a self-exclusion its minimum, empty for that of the policy. Of a cool-off its end. Of the others "
        "empty until lifted.",
    )
    reason = forms.CharField(
        label="Reason", max_length=REASON_LENGTH_MAX, widget=UnfoldAdminTextareaWidget(attrs={"rows": 3})
    )
    evidence = forms.CharField(
        label="Evidence",
        required=False,
        max_length=2000,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
        help_text="Where it can be checked: number of the call, letter or case.",
    )

    class Meta:
        model = PlayerRestriction
        fields = ("player", "kind", "starts_at", "ends_at", "source", "external_reference", "reason", "evidence")
        error_messages: ClassVar = {
            "player": {"invalid_choice": "There is no player %(value)s: a player's id is needed."}
        }

    def clean_evidence(self) -> dict[str, str]:
        """Return it as it is stored."""
        note = self.cleaned_data["evidence"]
        return {"note": note} if note else {}


def acting_user(request: HttpRequest) -> Any:
    return request.user
