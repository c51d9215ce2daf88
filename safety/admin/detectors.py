"""Detectors: what each finds, how often it is right, and its thresholds, which risk staff change with a reason."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import RangeDateTimeFilter, RelatedDropdownFilter
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminTextareaWidget, UnfoldBooleanSwitchWidget

from core.admin.base import HouseAdmin, ReadOnlyAdmin, ReadOnlyInline
from core.admin.columns import NOTHING, Colours, badge
from core.admin.json_editor import JSONTextField
from core.errors import LoyaltyError
from safety.admin.detector_previews import preview_page, proposed_settings
from safety.admin.evidence import evidence_shown
from safety.admin.labelling import MAY_JUDGE, lead_to_next
from safety.detection.catalogue import DEFINITIONS, definition_of, thresholds_of
from safety.detection.changing import (
    REASON_LENGTH_MAX,
    DetectorSettings,
    change_detector,
    check_settings,
    is_switched_on,
)
from safety.detection.precision import Precision, precision_of, precisions, share_in_words
from safety.detection.thresholds import as_json
from safety.models import Detector, DetectorChange

_COLOURS = Colours(ACTIVE="success", SHADOW="warning")
_MAY_VIEW = "safety.view_detector"


class DetectorForm(forms.ModelForm[Detector]):
    thresholds = JSONTextField(required=False, help_text="What each means stands below. Empty: as shipped.")
    reason = forms.CharField(
        max_length=REASON_LENGTH_MAX,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 2}),
        help_text="Why; kept with the change.",
    )
    confirmed = forms.BooleanField(
        required=False,
        widget=UnfoldBooleanSwitchWidget(),
        label="Switch it on in sight of these figures",
        help_text="Needed where its signals begin to count.",
    )

    class Meta:
        model = Detector
        fields = ("mode", "severity", "thresholds")

    # What the page was asked to propose, by the link of a preview.
    proposed: ClassVar[dict[str, Any]] = {}

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        if self.instance.pk and "thresholds" in self.fields:
            self.initial["thresholds"] = as_json(thresholds_of(self.instance))
            self.initial.update(self.proposed)
            self._mode_before = str(self.instance.mode)

    def settings(self) -> DetectorSettings:
        """Return what is to hold."""
        values = self.cleaned_data
        return DetectorSettings(mode=values["mode"], severity=values["severity"], thresholds=values["thresholds"])

    def clean(self) -> dict[str, Any]:
        """Refuse thresholds that cannot be, and switching on unseen."""
        values = super().clean() or {}
        if self.errors:
            return values
        try:
            check_settings(code=self.instance.pk, settings=self.settings())
        except LoyaltyError as error:
            field = error.details.get("field", "thresholds")
            self.add_error(field if field in self.fields else None, error.message)
        if is_switched_on(before=self._mode_before, after=values["mode"]) and not values["confirmed"]:
            figures = precision_of(self.instance.pk)
            self.add_error(
                "confirmed",
                f"Its signals would count from now on; {figures.in_words()}. {figures.caution()} "
                "Confirm that they are to.".replace("  ", " "),
            )
        return values


class DetectorChangeInline(ReadOnlyInline):
    model = DetectorChange
    fields = ("changed_at", "changed_by", "reason", "difference")
    readonly_fields = ("difference",)
    verbose_name_plural = "Changes"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Read who changed what with the changes."""
        changes: QuerySet[Any] = super().get_queryset(request)
        return changes.select_related("changed_by")

    @display(description="difference")
    def difference(self, change: DetectorChange) -> str:
        return difference_of(change)


@admin.register(Detector)
class DetectorAdmin(HouseAdmin):
    form = DetectorForm
    list_display = (
        "title",
        "mode_badge",
        "severity",
        "open_signals",
        "confirmed",
        "precision_shown",
        "last_run_at",
    )
    actions = None
    actions_detail = ("sample", "preview")
    inlines = (DetectorChangeInline,)
    readonly_fields = (
        "title",
        "looks_for",
        "false_positives",
        "figures_shown",
        "meanings",
        "last_found",
        "last_run_at",
    )
    fieldsets = (
        (None, {"fields": ("title", "looks_for", "false_positives")}),
        ("What it found, and what people found of it", {"fields": ("figures_shown", "last_run_at", "last_found")}),
        ("Settings", {"fields": (("mode", "severity"), "thresholds", "meanings", "confirmed", "reason")}),
    )
    mode_badge = badge("mode", colours=_COLOURS)

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """Ask for everybody's precision once."""
        changelist = super().get_changelist_instance(request)
        found = precisions()
        for row in changelist.result_list:
            row.precision = found.get(row.pk, Precision())
        return changelist

    @display(description="detector", ordering="code")
    def title(self, row: Detector) -> str:
        return definition_of(row.pk).title

    @display(description="looks for")
    def looks_for(self, row: Detector) -> str:
        return definition_of(row.pk).looks_for

    @display(description="wrong about")
    def false_positives(self, row: Detector) -> str:
        return definition_of(row.pk).false_positives

    @display(description="open signals")
    def open_signals(self, row: Any) -> SafeString:
        """Lead to the open signals; those in shadow are told apart."""
        url = f"{reverse('admin:safety_abusesignal_changelist')}?detector={row.pk}&is_resolved__exact=0"
        found = row.precision
        shadow = f", {found.shadow:,} of them in shadow" if found.shadow else ""
        words = f"{found.open:,} in shadow" if 0 < found.open == found.shadow else f"{found.open:,}{shadow}"
        return format_html('<a class="house-link" href="{}">{}</a>', url, words)

    @display(description="confirmed")
    def confirmed(self, row: Any) -> str:
        return f"{row.precision.confirmed:,} of {row.precision.judged:,}"

    @display(description="precision (95 %)")
    def precision_shown(self, row: Any) -> str:
        bounds = row.precision.interval
        if bounds is None:
            return NOTHING
        return f"{share_in_words(row.precision.rate)} ({100 * bounds[0]:.0f}–{100 * bounds[1]:.0f} %)"

    @display(description="precision")
    def figures_shown(self, row: Detector) -> SafeString:
        """Say how often it is right, and warn where that is not known well enough."""
        found = precision_of(row.pk)
        words = format_html(
            "<p>{} signals, {} open, {} of them in shadow; {}.</p>",
            *(f"{number:,}" for number in (found.signals, found.open, found.shadow)),
            found.in_words(),
        )
        caution = found.caution()
        if not caution:
            return words
        return format_html('{}<p class="house-notice house-notice-bad" role="status">{}</p>', words, caution)

    @display(description="what the thresholds mean")
    def meanings(self, row: Detector) -> SafeString:
        rows = ((threshold.name, threshold.help) for threshold in definition_of(row.pk).thresholds)
        return format_html('<dl class="house-pairs">{}</dl>', format_html_join("", "<dt>{}</dt><dd>{}</dd>", rows))

    @display(description="the last whole run")
    def last_found(self, row: Detector) -> SafeString:
        told = dict(row.last_run)
        left_out = told.pop("left out", [])
        return evidence_shown({"figures": told, "left_out": left_out} if told else {})

    @action(description="Judge a sample", url_path="sample", icon="fact_check", permissions=[MAY_JUDGE])
    def sample(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Lead to the next signal in shadow that nobody has judged."""
        if not request.user.has_perm(MAY_JUDGE):
            raise PermissionDenied
        if object_id not in DEFINITIONS:
            raise Http404
        return lead_to_next(request, detector=object_id)

    @action(description="Preview settings", url_path="preview", icon="preview", permissions=[_MAY_VIEW])
    def preview(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Show whom the detector would find and hit with other settings."""
        return preview_page(self, request, detector=self.get_object(request, object_id))

    def get_form(self, request: HttpRequest, obj: Any = None, **options: Any) -> Any:
        """Propose the settings that a preview's link brings along."""
        form = super().get_form(request, obj, **options)
        form.proposed = proposed_settings(request)
        return form

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Detectors come with the code."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """One that is not wanted is switched off."""
        return False

    def save_model(self, request: HttpRequest, obj: Detector, form: Any, change: bool) -> None:
        """Write through the service, which keeps who changed what and why."""
        change_detector(
            code=obj.pk,
            settings=form.settings(),
            reason=form.cleaned_data["reason"],
            changed_by=request.user,  # type: ignore[arg-type]  # the admin lets nobody else in
            is_confirmed=form.cleaned_data["confirmed"],
        )


@admin.register(DetectorChange)
class DetectorChangeAdmin(ReadOnlyAdmin):
    list_display = ("id", "detector_id", "changed_at", "changed_by", "reason", "difference")
    list_filter = (("detector", RelatedDropdownFilter), ("changed_at", RangeDateTimeFilter))
    list_select_related = ("changed_by",)
    readonly_fields = ("difference",)

    @display(description="difference")
    def difference(self, change: DetectorChange) -> str:
        return difference_of(change)


def difference_of(change: DetectorChange) -> str:
    """Say what a change changed: each setting and threshold before and after."""
    before, after = _flat(change.before), _flat(change.after)
    names = [name for name in after if before.get(name) != after[name]]
    names += [name for name in before if name not in after]
    return "; ".join(f"{name}: {before.get(name)} → {after.get(name)}" for name in names)


def _flat(settings: dict[str, Any]) -> dict[str, Any]:
    return {**{name: value for name, value in settings.items() if name != "thresholds"}, **settings["thresholds"]}
