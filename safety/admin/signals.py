"""Signs of abuse, with their evidence."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.text import Truncator
from django.utils.timezone import localtime
from unfold.contrib.filters.admin import (
    BooleanRadioFilter,
    ChoicesDropdownFilter,
    DropdownFilter,
    RangeDateTimeFilter,
    RangeNumericFilter,
)
from unfold.decorators import display

from core.admin.base import HugeReadOnlyAdmin, NumberSearch
from core.admin.columns import NOTHING, Colours, badge, link_to
from players.admin.shared import PLAYER_SEARCH_HELP, PlayerFilter, player_link
from safety.admin.evidence import evidence_shown
from safety.admin.labelling import LabellingPages
from safety.admin.reviews import case_link
from safety.admin.rings import ring_link
from safety.detection.catalogue import DEFINITIONS
from safety.models import AbuseSignal, SignalLabel

# Of the description, as much as a line of the list holds on a small screen; the page shows it whole.
_SEEN_LENGTH = 30


class DetectorFilter(DropdownFilter):
    """The signals of one detector."""

    title = "detector"
    parameter_name = "detector"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Return the detectors there are."""
        return [(code, definition.title) for code, definition in DEFINITIONS.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Return the detector's signals; a code that is none's finds nothing."""
        code = self.value()
        if not code:
            return queryset
        return queryset.filter(detector=code) if code in DEFINITIONS else queryset.none()


@admin.register(AbuseSignal)
class AbuseSignalAdmin(LabellingPages, HugeReadOnlyAdmin):
    actions_detail = ("judge",)
    list_display = (
        "id",
        "player_link",
        "kind",
        "severity",
        "state",
        "case_link",
        "ring_link",
        "detected_at",
        "seen",
    )
    list_filter = (
        PlayerFilter,
        ("is_resolved", BooleanRadioFilter),
        ("outcome", ChoicesDropdownFilter),
        ("is_shadow", BooleanRadioFilter),
        DetectorFilter,
        ("severity", RangeNumericFilter),
        ("detected_at", RangeDateTimeFilter),
    )
    search_fields = ("player__player_id__exact",)
    search_help_text = PLAYER_SEARCH_HELP
    fields = (
        ("player_link", "kind"),
        ("severity", "is_shadow"),
        "ring_link",
        "description",
        "evidence",
        ("first_seen_at", "detected_at"),
        ("last_seen_at", "times_seen"),
        ("is_resolved", "resolved_at"),
        ("case_link", "outcome"),
        ("judged_by", "judged_at"),
        "judgement",
        "labels_shown",
    )
    readonly_fields = ("player_link", "kind", "case_link", "evidence", "ring_link", "labels_shown")

    player_link = player_link
    case_link = case_link
    ring_link = ring_link

    @display(description="signal", ordering="signal_type")
    def kind(self, signal: AbuseSignal) -> str:
        definition = DEFINITIONS.get(signal.detector)
        return definition.title if definition else signal.signal_type.replace("_", " ").capitalize()

    @display(description="state", label=Colours(CONFIRMED="danger", DISMISSED="success", SHADOW="warning"))
    def state(self, signal: AbuseSignal) -> tuple[str, str]:
        """Tell what was found of it, and whether it counts."""
        if signal.outcome:
            return signal.outcome, signal.get_outcome_display()
        if signal.is_resolved:
            return "RESOLVED", "Resolved"
        return ("SHADOW", "In shadow") if signal.is_shadow else ("OPEN", "Open")

    @display(description="what was seen")
    def seen(self, signal: AbuseSignal) -> str:
        shown = Truncator(signal.description).chars(_SEEN_LENGTH)
        return format_html('<span title="{}">{}</span>', signal.description, shown)

    @display(description="judged in shadow")
    def labels_shown(self, signal: AbuseSignal) -> SafeString:
        rows = [
            (
                label.get_finding_display(),
                label.labelled_by.username,
                f"{localtime(label.labelled_at):%Y-%m-%d %H:%M}",
                f": {label.note}" if label.note else "",
            )
            for label in signal.labels.select_related("labelled_by")
        ]
        return format_html_join("", "<div>{} by {}, {}{}</div>", rows) if rows else NOTHING

    @display(description="evidence")
    def evidence(self, signal: AbuseSignal) -> SafeString:
        return evidence_shown(signal.metadata)


@admin.register(SignalLabel)
class SignalLabelAdmin(NumberSearch, HugeReadOnlyAdmin):
    list_display = (
        "id",
        "signal_link",
        "detector",
        "player_link",
        "finding_badge",
        "labelled_by",
        "labelled_at",
        "note",
    )
    list_filter = (("finding", ChoicesDropdownFilter), ("labelled_at", RangeDateTimeFilter))
    list_select_related = ("signal", "labelled_by")
    search_help_text = "Number of the signal"
    number_searched = "signal_id"
    fields = (("signal_link", "finding"), "description", "note", ("labelled_by", "labelled_at"))
    readonly_fields = ("signal_link",)

    finding_badge = badge("finding", colours=Colours(CONFIRMED="danger", FALSE_ALARM="success"))

    @display(description="signal", ordering="signal_id")
    def signal_link(self, label: SignalLabel) -> SafeString:
        return link_to("safety_abusesignal", label.signal_id)

    @display(description="detector")
    def detector(self, label: SignalLabel) -> str:
        definition = DEFINITIONS.get(label.signal.detector)
        return definition.title if definition else label.signal.detector

    @display(description="player")
    def player_link(self, label: SignalLabel) -> SafeString:
        return link_to("players_player", label.signal.player_id)
