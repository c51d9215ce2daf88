"""The queue of review cases and the page of each: every step on a page of its own that asks first."""

from __future__ import annotations

import re
from typing import Any, cast

from django import forms
from django.contrib import admin
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.text import Truncator
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RelatedDropdownFilter
from unfold.decorators import action, display

from core.admin.asking import AskingPages
from core.admin.base import ReadOnlyAdmin
from core.admin.columns import NOTHING, Colours, badge, number
from players.admin.shared import PLAYER_SEARCH_HELP, PlayerFilter, player_link
from rewards.admin.reviewing.filters import QueueFilter, RingFilter
from rewards.admin.reviewing.flagging import FlaggingPages
from rewards.admin.reviewing.forms import (
    AppealForm,
    AssignForm,
    ClaimForm,
    DecisionForm,
    LinkForm,
    NoteForm,
    decision_form,
)
from rewards.admin.reviewing.pages import case_page, due_in_words, length_in_words
from rewards.admin.reviewing.rings import RingDecisionForm, RingPages, ring_steps
from rewards.reviewing.deciding import decide_review
from safety.models import UNDECIDED, ReviewCase, ReviewCause, ReviewStatus
from safety.review.appeals import AppealSource, appeal_case, can_be_appealed
from safety.review.working import add_link, add_note, assign_case, claim_case, may_decide, release_case

_MAY_WORK = "safety.change_reviewcase"
_MAY_ASSIGN = "safety.assign_reviewcase"
_MAY_APPEAL = "safety.appeal_reviewcase"
REASON_SHOWN_MAX = 26
# What the columns beside it say already.
_SAID_BESIDE = re.compile(r"^(The abuse score is \d+|Of ring \d+): ")
_STATUS_COLOURS = Colours(OPEN="warning", ASSIGNED="info", APPEALED="danger", DECIDED="success")


def _user(request: HttpRequest) -> User:
    return cast(User, request.user)


@admin.register(ReviewCase)
class ReviewCaseAdmin(AskingPages, FlaggingPages, RingPages, ReadOnlyAdmin):
    ask_name = "case"
    ask_noun = "case"
    ask_template = "admin/safety/reviewcase/ask.html"
    change_form_before_template = "admin/safety/reviewcase/case.html"
    list_display = (
        "id",
        "player_link",
        "cause_of_case",
        "status_badge",
        "score",
        "stake",
        "age",
        "due",
        "assigned_to",
        "why",
    )
    list_select_related = ("assigned_to",)
    list_filter = (
        QueueFilter,
        PlayerFilter,
        ("cause", ChoicesDropdownFilter),
        ("outcome", ChoicesDropdownFilter),
        ("assigned_to", RelatedDropdownFilter),
        RingFilter,
    )
    search_fields = ("player__player_id__exact",)
    search_help_text = PLAYER_SEARCH_HELP
    # By key and not by number, whose column would show that it is sorted by.
    ordering = ("-priority", "due_at", "pk")
    actions_list = ("flag",)
    actions_detail = ("claim", "decide", "claim_ring", "decide_ring", "note", "link", "assign", "release", "appeal")
    fieldsets = (("Case", {"fields": (("cause", "opened_by", "opened_at"), ("due_at", "appeals", "closed_at"))}),)

    player_link = player_link
    status_badge = badge("status", colours=_STATUS_COLOURS)
    stake = number("money_at_stake", description="at stake")
    score = number("abuse_score", description="score")

    @display(description="cause", ordering="cause")
    def cause_of_case(self, case: ReviewCase) -> str:
        if case.cause == ReviewCause.RING:
            return f"Ring {case.ring_number}"
        return case.get_cause_display() + (f", ring {case.ring_number}" if case.ring_number else "")

    @display(description="reason")
    def why(self, case: ReviewCase) -> str:
        """Return the beginning of a long reason, all of it on pointing at it: rows stay one line high."""
        shown = Truncator(_SAID_BESIDE.sub("", case.reason)).chars(REASON_SHOWN_MAX)
        return format_html('<span title="{}">{}</span>', case.reason, shown)

    @display(description="age", ordering="opened_at")
    def age(self, case: ReviewCase) -> str:
        return length_in_words(timezone.now() - case.opened_at)

    @display(description="due", ordering="due_at")
    def due(self, case: ReviewCase) -> str:
        if case.status not in UNDECIDED:
            return NOTHING
        now = timezone.now()
        style = "house-bad house-nowrap" if case.due_at < now else "house-nowrap"
        return format_html('<span class="{}">{}</span>', style, due_in_words(case.due_at, now=now))

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show the page with evidence, rewards and history."""
        case = self.get_object(request, object_id)
        shown = {"page": case_page(case)} if case else {}
        context = {**(extra_context or {}), **shown}
        return cast(HttpResponse, super().change_view(request, object_id, form_url, context))

    def ask_answer(self, form: forms.Form) -> Any:
        """Return the answer of a decision, or everything that a form of several fields holds."""
        if isinstance(form, (DecisionForm, RingDecisionForm)):
            return form.answer
        return form.cleaned_data["text"] if len(form.fields) == 1 else form.cleaned_data

    def ask_success(self, row: Any, done: Any) -> str:
        """Return how many cases a step of a ring has changed, or how the one case stands."""
        if not isinstance(done, list):
            return super().ask_success(row, done)
        decided = sum(case.status == ReviewStatus.DECIDED for case in done)
        ring = f"Ring {row.ring_number}: "
        return ring + (f"{decided} cases decided." if decided else f"{len(done)} cases are yours.")

    def ask_context(self, row: Any) -> dict[str, Any]:
        """Show the evidence beside the question."""
        return {"page": case_page(row)}

    @action(description="Claim", url_path="claim", icon="back_hand", permissions=[_MAY_WORK])
    def claim(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Take the case."""

        def act(case: ReviewCase, text: str) -> ReviewCase:
            claimed = claim_case(case_id=case.pk, by=_user(request))
            if text:
                add_note(case_id=case.pk, text=text, by=_user(request))
            return claimed

        return self.ask(
            request,
            object_id,
            form_class=ClaimForm,
            verb="Claim",
            explanation="The case is yours: nobody else decides it until you give it back.",
            act=act,
        )

    @action(description="Decide", url_path="decide", icon="gavel", permissions=[_MAY_WORK])
    def decide(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Judge the signals and settle what waits."""
        case = self.get_object(request, object_id)
        return self.ask(
            request,
            object_id,
            form_class=decision_form(case) if case else DecisionForm,
            verb="Decide",
            explanation="Dismissed signals leave the score at once; confirmed ones go on counting and fade with time. "
            "Rewards that wait are refused where everything is confirmed, and otherwise sent on their ordinary way: "
            "restrictions, score, profitability, caps and budgets are asked again. An appeal is decided by "
            "somebody else.",
            act=lambda row, answer: decide_review(case_id=row.pk, by=_user(request), **answer),
        )

    @action(description="Note", url_path="note", icon="edit_note", permissions=[_MAY_WORK])
    def note(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Write something down."""
        return self.ask(
            request,
            object_id,
            form_class=NoteForm,
            verb="Add a note to",
            explanation="What was found or done.",
            act=lambda case, text: add_note(case_id=case.pk, text=text, by=_user(request)).case,
        )

    @action(description="Link", url_path="link", icon="add_link", permissions=[_MAY_WORK])
    def link(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Add an address to the evidence."""
        return self.ask(
            request,
            object_id,
            form_class=LinkForm,
            verb="Add a link to",
            explanation="A ticket, a document, a page of another system.",
            act=lambda case, given: add_link(case_id=case.pk, by=_user(request), **given).case,
        )

    @action(description="Assign", url_path="assign", icon="person_add", permissions=[_MAY_ASSIGN])
    def assign(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Hand it to somebody."""
        return self.ask(
            request,
            object_id,
            form_class=AssignForm,
            verb="Assign",
            explanation="Who is to work on the case, whoever has it now.",
            act=lambda case, user: assign_case(case_id=case.pk, to=user, by=_user(request)),
        )

    @action(description="Give back", url_path="release", icon="undo", permissions=[_MAY_WORK])
    def release(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Put it back into the queue."""

        def act(case: ReviewCase, text: str) -> ReviewCase:
            released = release_case(case_id=case.pk, by=_user(request))
            if text:
                add_note(case_id=case.pk, text=text, by=_user(request))
            return released

        return self.ask(
            request,
            object_id,
            form_class=ClaimForm,
            verb="Give back",
            explanation="The case is nobody's again, for anybody to claim.",
            act=act,
        )

    @action(description="Appeal", url_path="appeal", icon="balance", permissions=[_MAY_APPEAL])
    def appeal(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """File an appeal."""
        return self.ask(
            request,
            object_id,
            form_class=AppealForm,
            verb="Appeal",
            explanation="Somebody who did not decide the case before decides it again. An appeal makes nothing worse.",
            act=lambda case, given: appeal_case(
                case_id=case.pk, text=given["text"], source=AppealSource(given["source"]), by=_user(request)
            ),
        )

    def get_actions_detail(self, request: HttpRequest, object_id: str) -> list[Any]:
        """Offer what the case's status and whoever has it lead on to."""
        case = self.get_object(request, object_id)
        steps = _steps(case, _user(request)) if case else set()
        offered: list[Any] = super().get_actions_detail(request, object_id)
        return [one for one in offered if any(one.action_name.endswith(f"_{step}") for step in steps)]


def _steps(case: ReviewCase, user: User) -> set[str]:
    if case.status in UNDECIDED:
        steps = {"note", "link", "assign"} | ring_steps(case, user)
        if case.assigned_to is None or not may_decide(case.assigned_to):
            return steps | {"claim"}
        is_mine = case.assigned_to_id == user.pk
        may_release = is_mine or user.has_perm(_MAY_ASSIGN)
        return steps | ({"decide"} if is_mine else set()) | ({"release"} if may_release else set())
    return {"note", "appeal"} if can_be_appealed(case, at=timezone.now()) else {"note"}
