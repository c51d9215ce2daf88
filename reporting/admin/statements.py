"""A player's statement in the admin: on the screen, as .csv, and as a page to print."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from itertools import islice
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.contrib import messages
from django.contrib.admin.utils import quote, unquote
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from unfold.widgets import UnfoldAdminSelectWidget

from core.errors import LoyaltyError
from core.strict_json import is_storable
from players.models import Player
from players.policies import OPERATOR_CURRENCY
from reporting.admin.periods import PeriodForm
from reporting.csv_files import csv_response
from reporting.periods import end_of_day, named_periods, start_of_day
from reporting.policies import OPERATOR_NAME
from wallet.models import CurrencyType, LedgerEntry
from wallet.statements import Statement, iterate_entries, statement_of

VIEW_PERMISSION = "wallet.view_ledgerentry"
EXPORT_PERMISSION = "reporting.export_ledger"
PRINTED_ENTRIES_MAX = 5_000
_BEFORE_MAX = 10**15
_HEADINGS = ("line", "number", "time", "type", "currency", "amount", "balance", "description", "reference", "by")


class StatementForm(PeriodForm):
    """Which period, which currency, and which page."""

    currency = forms.ChoiceField(
        required=False,
        choices=[("", "All currencies"), *CurrencyType.choices],
        widget=UnfoldAdminSelectWidget(),
    )
    before = forms.IntegerField(required=False, min_value=1, max_value=_BEFORE_MAX, widget=forms.HiddenInput())

    def statement(self, player_id: str) -> Statement:
        """Return the statement asked for. Raises the errors of `statement_of`."""
        given = self.cleaned_data
        return statement_of(
            player_id=player_id,
            since=start_of_day(given["since"]) if given["since"] else None,
            until=end_of_day(given["until"]) if given["until"] else None,
            currency=given["currency"] or None,
            before_number=given["before"],
        )

    def address(self, **changes: Any) -> str:
        """Return the query string of this form with some fields changed."""
        given = {name: self.cleaned_data.get(name) for name in ("since", "until", "currency", "before")} | changes
        return urlencode({name: str(value) for name, value in given.items() if value})


class StatementPages:
    """The statement's pages, for the admin of players."""

    admin_site: Any
    opts: Any

    def get_urls(self) -> list[URLPattern]:
        """Add the statement, its .csv and its printable page to each player."""
        pages = (("", self.statement_view), ("csv/", self.csv_view), ("print/", self.print_view))
        own = [
            path(
                f"<path:object_id>/statement/{ending}",
                self.admin_site.admin_view(view),
                name="_".join(["players_player_statement", *filter(None, [ending.rstrip("/")])]),
            )
            for ending, view in pages
        ]
        return [*own, *super().get_urls()]  # type: ignore[misc]  # mixed into an admin, which has them

    def statement_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Show one page of the statement."""
        player = self._player(request, object_id)
        form = StatementForm(request.GET)
        statement = self._statement(request, form, player)
        context = {
            **self.admin_site.each_context(request),
            "title": f"Statement of {player.pk}",
            "opts": self.opts,
            "player": player,
            "form": form,
            "statement": statement,
            "periods": _period_links(form) if form.is_valid() else [],
            "address": form.address(before=None) if form.is_valid() else "",
            "next_address": form.address(before=statement.next_before) if statement else "",
            "can_export": request.user.has_perm(EXPORT_PERMISSION),
            "page_url": _page(player, "statement"),
            "csv_url": _page(player, "statement_csv"),
            "print_url": _page(player, "statement_print"),
        }
        return TemplateResponse(request, "admin/players/player/statement.html", context)

    def csv_view(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        """Send opening balances, all entries of the period and closing balances."""
        player = self._player(request, object_id, EXPORT_PERMISSION)
        form = StatementForm(request.GET)
        statement = self._statement(request, form, player)
        if statement is None:
            return HttpResponseRedirect(f"{_page(player, 'statement')}?{request.GET.urlencode()}")
        self._record(request, player, form, "exported as .csv")
        return csv_response(statement_rows(statement), file_name=_file_name(form, player))

    def print_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Show the whole period as a page for paper."""
        player = self._player(request, object_id, EXPORT_PERMISSION)
        form = StatementForm(request.GET)
        statement = self._statement(request, form, player)
        if statement is None:
            return HttpResponseRedirect(f"{_page(player, 'statement')}?{request.GET.urlencode()}")
        entries = list(islice(iterate_entries(statement), PRINTED_ENTRIES_MAX + 1))
        if len(entries) > PRINTED_ENTRIES_MAX:
            messages.error(
                request,
                f"The period has more than {PRINTED_ENTRIES_MAX:,} entries: print a shorter one, or take the .csv.",
            )
            return HttpResponseRedirect(f"{_page(player, 'statement')}?{form.address(before=None)}")
        self._record(request, player, form, "printed")
        context = {
            "player": player,
            "statement": statement,
            "entries": entries,
            "since": form.cleaned_data["since"],
            "until": form.cleaned_data["until"],
            "operator": OPERATOR_NAME.value(),
            "operator_currency": OPERATOR_CURRENCY.value(),
            "now": timezone.now(),
        }
        return TemplateResponse(request, "admin/players/player/statement_print.html", context)

    def _player(self, request: HttpRequest, object_id: str, *permissions: str) -> Player:
        if not request.user.has_perms((VIEW_PERMISSION, "players.view_player", *permissions)):
            raise PermissionDenied
        player_id = unquote(object_id)
        player = Player.objects.filter(pk=player_id).first() if is_storable(player_id) else None
        if player is None:
            raise Http404
        return player

    def _statement(self, request: HttpRequest, form: StatementForm, player: Player) -> Statement | None:
        """Return the statement, or None where it cannot be drawn; then the page says why."""
        if not form.is_valid():
            return None
        try:
            return form.statement(player.pk)
        except LoyaltyError as error:
            messages.error(request, error.message)
            return None

    def _record(self, request: HttpRequest, player: Player, form: StatementForm, what: str) -> None:
        """Keep who took a player's statement out of the house."""
        period = form.address(before=None) or "everything"
        self.log_change(request, player, f"Statement {what}: {period}")  # type: ignore[attr-defined]


def statement_rows(statement: Statement) -> Iterator[tuple[object, ...]]:
    """Yield the lines of the .csv: a heading, opening balances, entries from the oldest on, closing balances."""
    yield _HEADINGS
    for balance in statement.balances:
        yield ("OPENING", "", statement.since or "", "", balance.currency, "", balance.opening, "", "", "")
    for entry in iterate_entries(statement):
        yield _entry_row(entry)
    for balance in statement.balances:
        yield ("CLOSING", "", statement.until or "", "", balance.currency, "", balance.closing, "", "", "")


def _entry_row(entry: LedgerEntry) -> tuple[object, ...]:
    return (
        "ENTRY",
        entry.number,
        timezone.localtime(entry.created_at),
        entry.transaction_type,
        entry.currency_type,
        entry.amount,
        entry.balance_after,
        entry.description,
        entry.reference_id,
        entry.actor,
    )


def _period_links(form: StatementForm) -> list[dict[str, Any]]:
    chosen = (form.cleaned_data["since"], form.cleaned_data["until"])
    return [
        {
            "title": title,
            "address": form.address(since=since, until=until, before=None),
            "is_chosen": chosen == (since, until),
        }
        for title, since, until in named_periods(timezone.localdate())
    ]


def _page(player: Player, name: str) -> str:
    return reverse(f"admin:players_player_{name}", args=[quote(player.pk)])


def _file_name(form: StatementForm, player: Player) -> str:
    given: list[date | str | None] = [form.cleaned_data[name] for name in ("since", "until", "currency")]
    words = ["statement", player.pk, *(str(word) for word in given if word)]
    return re.sub(r"[^A-Za-z0-9-]+", "_", "-".join(words)) + ".csv"
