"""Lists in pages: a page that does not exist and a size out of range are refused, not adjusted."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.core.paginator import InvalidPage, Paginator
from django.db.models import QuerySet
from rest_framework import serializers
from rest_framework.exceptions import NotFound
from rest_framework.request import Request

from core.api.serializers import RequestSerializer

PAGE_SIZE = 100
PAGE_SIZE_MAX = 500


class PageQuery(RequestSerializer):
    """The query parameters of every list."""

    page = serializers.IntegerField(min_value=1, max_value=10**9, default=1)
    page_size = serializers.IntegerField(min_value=1, max_value=PAGE_SIZE_MAX, default=PAGE_SIZE)


class PageSerializer(serializers.Serializer[Any]):
    """One page of a list."""

    count = serializers.IntegerField(help_text="Rows on all pages.")
    next = serializers.URLField(allow_null=True, help_text="Address of the next page.")
    previous = serializers.URLField(allow_null=True, help_text="Address of the page before.")


def page_of(
    rows: QuerySet[Any], *, query: dict[str, Any], request: Request, serializer: type[serializers.BaseSerializer[Any]]
) -> dict[str, Any]:
    """Return one page as PageSerializer describes it, with `results`. Raises NotFound beyond the last page."""
    paginator = Paginator(rows, query["page_size"])
    try:
        page = paginator.page(query["page"])
    except InvalidPage:
        raise NotFound(f"There is no page {query['page']}: the last one is {paginator.num_pages}.") from None
    return {
        "count": paginator.count,
        "next": _address(request, page.next_page_number()) if page.has_next() else None,
        "previous": _address(request, page.previous_page_number()) if page.has_previous() else None,
        "results": serializer(list(page), many=True).data,
    }


def _address(request: Request, number: int) -> str:
    parameters = {**request.query_params.dict(), "page": str(number)}
    return request.build_absolute_uri(f"{request.path}?{urlencode(parameters)}")
