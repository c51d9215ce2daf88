"""The page that shows whom a detector would find and hit with other settings."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from unfold.widgets import UnfoldAdminIntegerFieldWidget

from core.admin.json_editor import JSONTextField
from core.errors import LoyaltyError
from core.strict_json import JSONRefusedError, as_stored, read_json
from safety.detection.catalogue import definition_of, thresholds_of
from safety.detection.preview import Bands, DetectorPreview, preview_detector
from safety.detection.thresholds import as_json
from safety.models import Detector


class PreviewForm(forms.Form):
    """The settings to try."""

    severity = forms.IntegerField(min_value=1, max_value=10, widget=UnfoldAdminIntegerFieldWidget())
    thresholds = JSONTextField(required=False, help_text="Those left out are as shipped.")


def preview_page(house: Any, request: HttpRequest, *, detector: Detector | None) -> HttpResponse:
    """Ask for settings, run the detector with them, and show what it would find."""
    if detector is None:
        raise Http404
    if not house.has_view_permission(request, detector):
        raise PermissionDenied
    held = {"severity": detector.severity, "thresholds": as_json(thresholds_of(detector))}
    form = PreviewForm(request.POST if request.method == "POST" else None, initial=held)
    found = _found(form, code=detector.pk) if form.is_valid() else None
    url = reverse("admin:safety_detector_change", args=[detector.pk])
    context = {
        **house.admin_site.each_context(request),
        "title": "Preview",
        "opts": house.opts,
        "form": form,
        "detector": definition_of(detector.pk),
        "detector_url": url,
        "may_change": house.has_change_permission(request, detector),
        "found": found,
        "bands": _bands(found.before, found.after) if found else [],
        "take_url": f"{url}?{urlencode(_as_proposal(form))}" if found else "",
    }
    return TemplateResponse(request, "admin/safety/detector/preview.html", context)


def proposed_settings(request: HttpRequest) -> dict[str, Any]:
    """Return the settings that a link proposes; what cannot be read is left out, and checked when it is saved."""
    proposed: dict[str, Any] = {}
    if request.GET.get("severity", "").isdecimal():
        proposed["severity"] = request.GET["severity"]
    if "thresholds" in request.GET:
        try:
            proposed["thresholds"] = as_stored(read_json(request.GET["thresholds"]), path="thresholds")
        except JSONRefusedError:
            return proposed
    return proposed


def _as_proposal(form: PreviewForm) -> dict[str, str]:
    values = form.cleaned_data
    return {"severity": str(values["severity"]), "thresholds": json.dumps(values["thresholds"])}


def _found(form: PreviewForm, *, code: str) -> DetectorPreview | None:
    """Return what would be found, or None where the form then says why nothing is."""
    values = form.cleaned_data
    try:
        return preview_detector(code=code, severity=values["severity"], thresholds=values["thresholds"])
    except LoyaltyError as error:
        field = error.details.get("field", "thresholds")
        form.add_error(field if field in form.fields else None, error.message)
        return None


def _bands(before: Bands, after: Bands) -> list[tuple[str, int, int]]:
    return [
        ("nothing follows from the score", before.untouched, after.untouched),
        ("rewards reduced", before.reduced, after.reduced),
        ("requirements raised", before.raised, after.raised),
        ("no rewards, reviewed", before.reviewed, after.reviewed),
    ]
