"""What every list and form of the admin has in common."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.admin import ShowFacets
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponseRedirect
from unfold.admin import ModelAdmin, TabularInline

from core.admin.checks import HouseAdminChecks
from core.admin.counting import EstimatingPaginator
from core.errors import LoyaltyError

_DIGITS_MAX = 18


class HouseAdmin(ModelAdmin):
    """Lists that stay quick: one count at most, no facets, fifty rows a page."""

    list_per_page = 50
    list_max_show_all = 200
    show_full_result_count = False
    show_facets = ShowFacets.NEVER
    list_fullwidth = True
    list_filter_submit = True
    list_filter_sheet = False
    warn_unsaved_form = True
    checks_class = HouseAdminChecks

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        """Show a refusal of the service that the form could not foresee; nothing was written then."""
        try:
            return super().changeform_view(request, object_id, form_url, extra_context)
        except LoyaltyError as error:
            messages.error(request, error.message)
            return HttpResponseRedirect(request.get_full_path())


class ReadOnlyPermissions:
    """Nobody adds, changes or deletes here, superusers included; who may look is the role's matter."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class ReadOnlyAdmin(ReadOnlyPermissions, HouseAdmin):
    """Rows that only services write: ledger, decisions, histories, runs."""

    actions = None
    warn_unsaved_form = False


class HugeReadOnlyAdmin(ReadOnlyAdmin):
    """Tables of millions of rows: page counts are estimated, the newest rows come first by key, no other order."""

    paginator = EstimatingPaginator
    ordering: tuple[str, ...] = ("-pk",)
    sortable_by: tuple[str, ...] = ()


class NumberSearch:
    """A search box that takes one whole number and uses its index; Django would cast the column to text."""

    search_fields = ("pk",)
    number_searched = "pk"

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Return the rows with that number; anything else finds nothing."""
        term = search_term.strip()
        if not term:
            return queryset, False
        is_number = term.isascii() and term.isdigit() and len(term) <= _DIGITS_MAX
        return (queryset.filter(**{self.number_searched: int(term)}) if is_number else queryset.none()), False


class ReadOnlyInline(ReadOnlyPermissions, TabularInline):
    """Rows shown below the one they belong to."""

    extra = 0
    hide_title = True
    show_change_link = True
