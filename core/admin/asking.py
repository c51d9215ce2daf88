"""A page that asks for what a step of a row needs, and does the step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse

from core.errors import LoyaltyError


class AskingPages:
    """For the admin of rows that only services write; a form's one field is called `text`, unless `ask_answer` differs.

    The template finds the row under `ask_name` and its page under `<ask_name>_url`.
    """

    ask_name: str
    ask_noun: str
    ask_template: str
    admin_site: Any
    opts: Any

    def ask_context(self, row: Any) -> dict[str, Any]:
        """Return what else the page shows of a row."""
        return {}

    def ask_success(self, row: Any, done: Any) -> str:
        """Return what is said once the step is done."""
        return f"{self.ask_noun.capitalize()} {row.pk}: {done.get_status_display().lower()}."

    def ask_answer(self, form: forms.Form) -> Any:
        """Return what a valid form says, as the step takes it."""
        return form.cleaned_data["text"]

    def ask(
        self,
        request: HttpRequest,
        object_id: str,
        *,
        form_class: type[forms.Form],
        verb: str,
        explanation: str,
        act: Callable[[Any, Any], Any],
    ) -> HttpResponse:
        """Show the page, or do the step and go back to the row; a refusal of the service stands in the form."""
        row = self.get_object(request, object_id)  # type: ignore[attr-defined]  # mixed into an admin, which has it
        if row is None:
            raise Http404
        if not self.has_view_permission(request, row):  # type: ignore[attr-defined]
            raise PermissionDenied
        row_url = reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_change", args=[row.pk])
        form = form_class(request.POST if request.method == "POST" else None)
        if form.is_valid() and self._is_done(request, form, row, act):
            return HttpResponseRedirect(row_url)
        context = {
            **self.admin_site.each_context(request),
            "title": f"{verb} {self.ask_noun} {row.pk}",
            "opts": self.opts,
            "form": form,
            "verb": verb,
            "explanation": explanation,
            self.ask_name: row,
            f"{self.ask_name}_url": row_url,
            **self.ask_context(row),
        }
        return TemplateResponse(request, self.ask_template, context)

    def _is_done(self, request: HttpRequest, form: forms.Form, row: Any, act: Callable[[Any, Any], Any]) -> bool:
        try:
            done = act(row, self.ask_answer(form))
        except LoyaltyError as error:
            form.add_error(None, error.message)
            return False
        messages.success(request, self.ask_success(row, done))
        return True
