"""List columns that several models share."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.contrib.admin.utils import quote
from django.urls import reverse
from django.utils.formats import number_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.decorators import display

NOTHING = SafeString("–")


class Colours(dict[str, str]):
    """Label colours by value; a value without one is grey."""

    def __missing__(self, value: str) -> str:
        return ""


# By meaning: what went well, what waits, what somebody must look at.
STATUS_COLOURS = Colours(
    SUCCEEDED="success",
    ACTIVE="success",
    APPROVED="success",
    COMPLETED="success",
    RUNNING="info",
    PENDING="info",
    PENDING_APPROVAL="warning",
    PENDING_REVIEW="warning",
    REDUCED="warning",
    DUPLICATE="warning",
    PAUSED="warning",
    FAILED="danger",
    REJECTED="danger",
    LOST="danger",
)


def badge(name: str, *, colours: Colours = STATUS_COLOURS, description: str = "") -> Any:
    """Return a column that shows the field's value as a coloured label."""

    @display(description=description or name.replace("_", " "), ordering=name, label=colours)
    def column(_: Any, row: Any) -> tuple[str, str]:
        shown = getattr(row, f"get_{name}_display", None)
        return getattr(row, name), shown() if shown else getattr(row, name)

    return column


def number(name: str, *, description: str = "", decimal_places: int = 2) -> Any:
    """Return a column that shows a figure with separated thousands, to the right."""

    @display(description=description or name.replace("_", " "), ordering=name)
    def column(_: Any, row: Any) -> SafeString:
        return figure(getattr(row, name), decimal_places=decimal_places)

    return column


def figure(value: Decimal | int | None, *, decimal_places: int = 2) -> SafeString:
    """Show a figure as lists do; an unknown one as a dash."""
    if value is None:
        return format_html('<span class="house-number">{}</span>', NOTHING)
    places = 0 if isinstance(value, int) else decimal_places
    return format_html('<span class="house-number">{}</span>', number_format(value, places, force_grouping=True))


def link_to(model: str, key: Any, text: str = "") -> SafeString:
    """Link to the admin page of one row, for example `link_to("core_run", 7)`; a missing key shows a dash."""
    if key is None:
        return NOTHING
    url = reverse(f"admin:{model}_change", args=[quote(str(key))])
    return format_html('<a class="house-link" href="{}">{}</a>', url, text or key)


def run_link(name: str = "run_id") -> Any:
    """Return a column that links to the run whose number the field holds."""

    @display(description="run", ordering=name)
    def column(_: Any, row: Any) -> SafeString:
        return link_to("core_run", getattr(row, name))

    return column


def hexadecimal(name: str, *, description: str = "") -> Any:
    """Return a read-only field that shows bytes, such as a hash, as hexadecimal text."""

    @display(description=description or name.replace("_", " "))
    def column(_: Any, row: Any) -> str:
        value = getattr(row, name)
        return bytes(value).hex() if value else NOTHING

    return column
