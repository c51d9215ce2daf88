"""Restrictions of players: impose one, move its end, lift it alone or with a second person."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RangeDateTimeFilter
from unfold.dataclasses import UnfoldAction
from unfold.decorators import action, display

from core.admin.base import HouseAdmin, HugeReadOnlyAdmin, ReadOnlyInline
from core.admin.columns import Colours, badge, link_to
from core.admin.counting import EstimatingPaginator
from players.admin.shared import PLAYER_SEARCH_HELP, PlayerFilter, player_link
from players.models import LiftRequest, PlayerRestriction, RestrictionChange, RestrictionKind
from players.restrictions.imposing import Word
from players.restrictions.terms import END_TERMS
from wallet.admin.acting import ActForm, act_page
from wallet.admin.restriction_forms import CorrectionForm, DecisionForm, EndForm, ImposeForm, WordForm, acting_user
from wallet.admin.restriction_states import StateFilter, state_badge, with_state
from wallet.restricting import (
    ask_to_correct,
    ask_to_lift,
    decide_lift,
    lift_restriction,
    move_restriction_end,
    restrict_player,
)

KIND_COLOURS = Colours(SELF_EXCLUDED="danger", RG_HARM="danger", BLOCKED="danger", COOL_OFF="warning")
_TEMPLATE = "admin/wallet/restriction.html"
_ONE_LIFTS = "It ends at once. What it refused meanwhile is not made up for."
_TWO_LIFT = (
    "Two people lift this one: you ask, somebody else decides. Before its minimum is over nobody can, and a "
    "self-exclusion is lifted only at the player's own explicit wish."
)
_CORRECTS = (
    "Only for one that was entered for the wrong player, never for a player who changed their mind. Impose it on the "
    "player it was meant for first; a second person then decides, and it ends at once. Bonuses that were cancelled "
    "stay cancelled: credit them again by hand where that is owed."
)


class RestrictionChangeInline(ReadOnlyInline):
    model = RestrictionChange
    fields = ("changed_at", "act", "actor", "source", "reason", "ends_at_before", "ends_at_after")
    verbose_name_plural = "History"
    ordering = ("-pk",)
    per_page = 25


class LiftRequestInline(ReadOnlyInline):
    model = LiftRequest
    fk_name = "restriction"
    fields = (
        "asked_at", "is_correction", "asked_by", "source", "reason", "earliest_at", "is_granted", "decided_by", "note",
    )  # fmt: skip
    verbose_name_plural = "Wishes to lift or to correct"
    ordering = ("-pk",)
    per_page = 25

    def get_queryset(self, request: HttpRequest) -> QuerySet[LiftRequest]:
        """Bring the people along."""
        wishes: QuerySet[LiftRequest] = super().get_queryset(request)
        return wishes.select_related("asked_by", "decided_by")


@admin.register(PlayerRestriction)
class PlayerRestrictionAdmin(HouseAdmin):
    list_display = (
        "id",
        "player_link",
        "kind_badge",
        "state_badge",
        "starts_at",
        "ends_at",
        "minimum_until",
        "source",
        "created_by",
    )
    list_display_links = ("id", "starts_at")
    list_filter = (StateFilter, PlayerFilter, ("kind", ChoicesDropdownFilter), ("starts_at", RangeDateTimeFilter))
    list_select_related = ("created_by",)
    search_fields = ("player__player_id__exact",)
    search_help_text = PLAYER_SEARCH_HELP
    paginator = EstimatingPaginator
    ordering = ("-pk",)
    sortable_by: tuple[str, ...] = ()
    actions = None
    raw_id_fields = ("player",)
    inlines = (LiftRequestInline, RestrictionChangeInline)
    actions_detail = ("move_end", "lift", "correct", "decide")
    add_fieldsets = (
        (None, {"fields": ("player", "kind", "starts_at", "ends_at")}),
        ("On whose word", {"fields": (("source", "external_reference"), "reason", "evidence")}),
    )
    fieldsets = (
        (None, {"fields": (("id", "player", "kind"), ("starts_at", "ends_at", "minimum_until"), "applied_at")}),
        (
            "On whose word",
            {"fields": (("source", "external_reference"), "reason", "evidence", ("created_by", "created_at"))},
        ),
    )

    player_link = player_link
    kind_badge = badge("kind", colours=KIND_COLOURS, description="restriction")

    state_badge = state_badge

    def get_queryset(self, request: HttpRequest) -> QuerySet[PlayerRestriction]:
        """Bring along where each is in its life."""
        return with_state(super().get_queryset(request), at=timezone.now())

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Ask for what is said; the rest follows."""
        return self.fieldsets if obj else self.add_fieldsets

    def get_inlines(self, request: HttpRequest, obj: Any) -> Any:
        """One that is being imposed has no history."""
        return self.inlines if obj else ()

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """What was said when it was imposed stays; its end has pages of its own."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """It is lifted, not deleted."""
        return False

    def get_form(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> Any:
        """Ask in a form that chooses nothing by itself: some of these cannot be taken back."""
        return super().get_form(request, obj, **({} if obj else {"form": ImposeForm}), **kwargs)

    def save_model(self, request: HttpRequest, obj: PlayerRestriction, form: Any, change: bool) -> None:
        """Impose it through the service, bonuses included."""
        given = form.cleaned_data
        saved = restrict_player(
            player_id=given["player"].pk,
            kind=given["kind"],
            starts_at=given["starts_at"],
            until=given["ends_at"],
            external_reference=given["external_reference"],
            word=Word(
                source=given["source"], reason=given["reason"], evidence=given["evidence"], by=acting_user(request)
            ),
        )
        obj.pk = saved.pk
        obj.refresh_from_db()

    def get_actions_detail(self, request: HttpRequest, object_id: int) -> list[UnfoldAction]:
        """Offer what can be done with the restriction as it stands."""
        restriction = self.get_object(request, unquote(str(object_id)))
        offered: list[UnfoldAction] = super().get_actions_detail(request, object_id)
        if restriction is None or _has_ended(restriction):
            return []
        is_asked = LiftRequest.objects.filter(restriction=restriction, decided_at=None).exists()
        left_out = ["lift", "correct"] if is_asked else ["decide"]
        if not END_TERMS[RestrictionKind(restriction.kind)].is_fixed:
            left_out.append("correct")
        return [one for one in offered if not one.action_name.endswith(tuple(left_out))]

    @action(
        description="Move the end", url_path="move-end", icon="event", permissions=["players.change_playerrestriction"]
    )
    def move_end(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Let it hold until another time."""

        def act(restriction: PlayerRestriction, asked: dict[str, Any]) -> str:
            moved = move_restriction_end(restriction_id=restriction.pk, **asked)
            ends_at = timezone.localtime(moved.ends_at).strftime("%Y-%m-%d %H:%M") if moved.ends_at else "it is lifted"
            return f"Restriction {restriction.pk} holds until {ends_at}."

        return self._ask(
            request,
            object_id,
            form=EndForm(request.POST or None),
            act=act,
            verb="Move the end",
            explanation="Any restriction may hold for longer. A self-exclusion or a cool-off never ends sooner.",
        )

    @action(description="Lift", url_path="lift", icon="lock_open", permissions=["players.lift_playerrestriction"])
    def lift(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Lift it, or ask for that where it takes two people."""

        def act(restriction: PlayerRestriction, asked: dict[str, Any]) -> str:
            if END_TERMS[RestrictionKind(restriction.kind)].needs_two:
                wish = ask_to_lift(restriction_id=restriction.pk, **asked)
                earliest = timezone.localtime(wish.earliest_at).strftime("%Y-%m-%d %H:%M")
                return f"Restriction {restriction.pk} waits for a second person, who may lift it from {earliest} on."
            lift_restriction(restriction_id=restriction.pk, **asked)
            return f"Restriction {restriction.pk} was lifted."

        restriction = self._open_row(request, object_id)
        needs_two = END_TERMS[RestrictionKind(restriction.kind)].needs_two
        return self._ask(
            request,
            object_id,
            form=WordForm(request.POST or None),
            act=act,
            verb="Ask to lift" if needs_two else "Lift",
            explanation=_TWO_LIFT if needs_two else _ONE_LIFTS,
        )

    @action(
        description="Entered for the wrong player",
        url_path="correct",
        icon="person_off",
        permissions=["players.change_playerrestriction"],
    )
    def correct(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask a second person to end one that another player was meant by."""

        def act(restriction: PlayerRestriction, asked: dict[str, Any]) -> str:
            ask_to_correct(restriction_id=restriction.pk, **asked)
            return f"Restriction {restriction.pk} waits for a second person, who decides on the correction."

        return self._ask(
            request,
            object_id,
            form=CorrectionForm(request.POST or None),
            act=act,
            verb="Ask for a correction",
            explanation=_CORRECTS,
        )

    @action(description="Decide", url_path="decide", icon="how_to_reg", permissions=["players.change_liftrequest"])
    def decide(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Grant or refuse, as the second person."""

        def act(restriction: PlayerRestriction, asked: dict[str, Any]) -> str:
            decide_lift(restriction_id=restriction.pk, **asked)
            return f"Restriction {restriction.pk} " + ("has ended." if asked["is_granted"] else "holds on.")

        return self._ask(
            request,
            object_id,
            form=DecisionForm(request.POST or None),
            act=act,
            verb="Decide",
            explanation="Who asked cannot decide. Check the evidence before you end it.",
        )

    def _open_row(self, request: HttpRequest, object_id: str) -> PlayerRestriction:
        restriction: PlayerRestriction | None = self.get_object(request, unquote(object_id))
        if restriction is None:
            raise Http404
        if not self.has_view_permission(request, restriction):
            raise PermissionDenied
        return restriction

    def _ask(
        self, request: HttpRequest, object_id: str, *, form: ActForm, act: Any, verb: str, explanation: str
    ) -> HttpResponse:
        restriction = self._open_row(request, object_id)
        return act_page(
            request,
            page=self,
            template=_TEMPLATE,
            form=form,
            act=lambda asked: act(restriction, asked),
            done_url=reverse("admin:players_playerrestriction_change", args=[restriction.pk]),
            describe=lambda: {
                "title": f"{verb}: restriction {restriction.pk}",
                "verb": verb,
                "explanation": explanation,
                "restriction": restriction,
                "wish": LiftRequest.objects.filter(restriction=restriction, decided_at=None)
                .select_related("asked_by", "right_restriction")
                .first(),
            },
        )


def _has_ended(restriction: PlayerRestriction) -> bool:
    return restriction.ends_at is not None and restriction.ends_at <= timezone.now()


@admin.register(LiftRequest)
class LiftRequestAdmin(HugeReadOnlyAdmin):
    list_display = (
        "restriction_link",
        "kind",
        "player",
        "is_correction",
        "source",
        "asked_by",
        "asked_at",
        "earliest_at",
        "is_granted",
        "decided_by",
    )
    list_display_links = ("asked_at",)
    list_filter = (("asked_at", RangeDateTimeFilter), "is_granted", "is_correction")
    list_select_related = ("restriction", "asked_by", "decided_by")

    @display(description="restriction")
    def restriction_link(self, wish: LiftRequest) -> SafeString:
        return link_to("players_playerrestriction", wish.restriction_id)

    @display(description="kind")
    def kind(self, wish: LiftRequest) -> str:
        return str(wish.restriction.get_kind_display())

    @display(description="player")
    def player(self, wish: LiftRequest) -> SafeString:
        return link_to("players_player", wish.restriction.player_id)


@admin.register(RestrictionChange)
class RestrictionChangeAdmin(HugeReadOnlyAdmin):
    list_display = ("restriction_link", "player", "act", "actor", "source", "reason", "changed_at")
    list_display_links = ("changed_at",)
    list_filter = (("act", ChoicesDropdownFilter), ("changed_at", RangeDateTimeFilter))
    list_select_related = ("restriction",)
    search_fields = ("restriction__player__player_id__exact",)
    search_help_text = PLAYER_SEARCH_HELP

    @display(description="restriction")
    def restriction_link(self, change: RestrictionChange) -> SafeString:
        return link_to("players_playerrestriction", change.restriction_id)

    @display(description="player")
    def player(self, change: RestrictionChange) -> SafeString:
        return link_to("players_player", change.restriction.player_id)
