"""Rings: who belongs to them, what they share, what they took out; and the devices and addresses of each player."""

from __future__ import annotations

from typing import Any, cast

from django import forms
from django.contrib import admin
from django.contrib.auth.models import User
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RangeDateTimeFilter, RangeNumericFilter
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminTextareaWidget

from core.admin.asking import AskingPages
from core.admin.base import HugeReadOnlyAdmin, ReadOnlyAdmin, ReadOnlyInline
from core.admin.columns import NOTHING, link_to, number
from players.admin.shared import PLAYER_SEARCH_HELP, PlayerFilter, player_link
from safety.models import UNDECIDED, Link, ReviewCase, Ring, RingMember, RingThing
from safety.review.opening import REASON_LENGTH_MAX, open_ring_cases

_MONEY = ("bonus_figure", "converted_figure", "deposited_figure", "withdrawn_figure")


class _Money:
    """The columns of money that rings and members have in common."""

    bonus_figure = number("bonus_value", description="bonuses")
    converted_figure = number("converted", description="converted")
    deposited_figure = number("deposited", description="deposited")
    withdrawn_figure = number("withdrawn", description="withdrawn")


@display(description="ring")
def ring_link(_: Any, row: Any) -> str:
    """Link to the row's ring."""
    return link_to("safety_ring", row.ring_id)


class RingMemberInline(_Money, ReadOnlyInline):
    model = RingMember
    fields = ("player_link", "partners", *_MONEY, "joined_at", "last_seen_at")
    readonly_fields = ("player_link", *_MONEY)
    ordering = ("-bonus_value", "id")
    verbose_name_plural = "Members"
    show_change_link = False
    player_link = player_link


class RingThingInline(ReadOnlyInline):
    model = RingThing
    fields = ("kind", "value", "members_count", "last_seen_at")
    ordering = ("-members_count", "id")
    verbose_name_plural = "Devices and addresses they share"
    show_change_link = False


class _ReviewForm(forms.Form):
    """Why the members are to be looked at."""

    text = forms.CharField(
        label="Why", max_length=REASON_LENGTH_MAX, widget=UnfoldAdminTextareaWidget(attrs={"rows": 3})
    )


@admin.register(Ring)
class RingAdmin(AskingPages, _Money, ReadOnlyAdmin):
    ask_name = "row"
    ask_noun = "ring"
    ask_template = "admin/core/ask.html"
    actions_detail = ("review",)
    list_display = (
        "id",
        "members",
        "things",
        "to_decide",
        "extracted_figure",
        "bonus_figure",
        "deposited_figure",
        "withdrawn_figure",
        "found",
        "last_seen",
    )
    list_filter = (
        ("members_count", RangeNumericFilter),
        ("extracted", RangeNumericFilter),
        ("last_seen_at", RangeDateTimeFilter),
    )
    # By key and not by number, whose column would show that it is sorted by.
    ordering = ("-extracted", "-pk")
    search_fields = ("members__player_id__exact",)
    search_help_text = PLAYER_SEARCH_HELP
    inlines = (RingMemberInline, RingThingInline)
    readonly_fields = (*_MONEY, "extracted_figure", "cases")
    fieldsets = (
        (None, {"fields": (("members_count", "things_count"), ("found_at", "last_seen_at"), "cases")}),
        (
            "Money of its members, in the days that the detector looks back",
            {
                "fields": (
                    ("bonus_figure", "converted_figure"),
                    ("deposited_figure", "withdrawn_figure"),
                    "extracted_figure",
                )
            },
        ),
    )
    extracted_figure = number("extracted", description="taken out")
    members = number("members_count", description="members", decimal_places=0)
    things = number("things_count", description="things", decimal_places=0)

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """Count the undecided cases of the page's rings once."""
        changelist = super().get_changelist_instance(request)
        cases = ReviewCase.objects.filter(ring_number__in=[ring.pk for ring in changelist.result_list])
        counts = cases.values_list("ring_number").annotate(
            total=Count("id"), undecided=Count("id", filter=Q(status__in=UNDECIDED))
        )
        found = {number: (total, undecided) for number, total, undecided in counts.order_by()}
        for ring in changelist.result_list:
            ring.cases_total, ring.cases_undecided = found.get(ring.pk, (0, 0))
        return changelist

    @display(description="to decide")
    def to_decide(self, ring: Any) -> str:
        """Lead to the ring's cases, and say how many of them are undecided."""
        if not ring.cases_total:
            return NOTHING
        url = f"{reverse('admin:safety_reviewcase_changelist')}?queue=all&ring={ring.pk}"
        words = f"{ring.cases_undecided} of {ring.cases_total}"
        return format_html('<a class="house-link house-nowrap" href="{}">{}</a>', url, words)

    @display(description="found", ordering="found_at")
    def found(self, ring: Ring) -> str:
        return f"{timezone.localdate(ring.found_at):%Y-%m-%d}"

    @display(description="last seen", ordering="last_seen_at")
    def last_seen(self, ring: Ring) -> str:
        return f"{timezone.localdate(ring.last_seen_at):%Y-%m-%d}"

    @display(description="review cases")
    def cases(self, ring: Ring) -> str:
        """Link to the ring's cases, and say how many are undecided."""
        cases = ReviewCase.objects.filter(ring_number=ring.pk)
        count, undecided = cases.count(), cases.filter(status__in=UNDECIDED).count()
        if not count:
            return NOTHING
        url = f"{reverse('admin:safety_reviewcase_changelist')}?queue=all&ring={ring.pk}"
        return format_html('<a class="house-link" href="{}">{} cases, {} undecided</a>', url, count, undecided)

    @action(description="Have all reviewed", url_path="review", icon="policy", permissions=["safety.add_reviewcase"])
    def review(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Open a case for every member."""

        def act(ring: Ring, text: str) -> int:
            members = RingMember.objects.filter(ring=ring).values_list("player_id", flat=True)
            return open_ring_cases(
                ring_number=ring.pk, reasons=dict.fromkeys(members, text), by=cast(User, request.user)
            )

        return self.ask(
            request,
            object_id,
            form_class=_ReviewForm,
            verb="Have all reviewed of",
            explanation="A case opens for every member; who is under review already keeps that case, which is marked "
            "with the ring. They can then be claimed and decided together.",
            act=act,
        )

    def ask_context(self, row: Ring) -> dict[str, Any]:
        """Show how large the ring is."""
        pairs = {
            "Members": row.members_count,
            "Devices and addresses": row.things_count,
            "Taken out beyond what was paid in": row.extracted,
        }
        return {"pairs": pairs.items()}

    def ask_success(self, row: Ring, done: Any) -> str:
        """Say how many cases are new."""
        return f"Ring {row.pk}: {done} cases opened, {row.members_count - done} members had one."


@admin.register(RingMember)
class RingMemberAdmin(_Money, HugeReadOnlyAdmin):
    list_display = ("id", "ring_link", "player_link", "partners", *_MONEY, "joined_at", "last_seen_at")
    list_filter = (PlayerFilter,)
    search_fields = ("player__player_id__exact",)
    search_help_text = PLAYER_SEARCH_HELP
    ring_link = ring_link
    player_link = player_link


@admin.register(RingThing)
class RingThingAdmin(HugeReadOnlyAdmin):
    list_display = ("id", "ring_link", "kind", "value", "members_count", "last_seen_at")
    list_filter = (("kind", ChoicesDropdownFilter),)
    search_fields = ("value__exact",)
    search_help_text = "Device or IP address, in full"
    ring_link = ring_link


@admin.register(Link)
class LinkAdmin(HugeReadOnlyAdmin):
    list_display = ("id", "player_link", "kind", "value", "first_seen_on", "last_seen_on")
    list_filter = (PlayerFilter, ("kind", ChoicesDropdownFilter))
    search_fields = ("value__exact",)
    search_help_text = "Device or IP address, in full"
    player_link = player_link
