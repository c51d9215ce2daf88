"""A signal's evidence as a person reads it: figures, what they rest on, and the thresholds that held."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from core.admin.columns import NOTHING, link_to

_ROWS_MAX = 20
_LINES_MAX = 5


def evidence_shown(evidence: dict[str, Any]) -> SafeString:
    """Show figures and thresholds as pairs and every list as a table, with links to what they name."""
    if not evidence:
        return NOTHING
    parts = [(_title(name), _shown(value)) for name, value in _in_order(evidence)]
    return format_html_join("", '<p class="house-title">{}</p>{}', parts)


def _in_order(evidence: dict[str, Any]) -> list[tuple[str, Any]]:
    """Return figures first, thresholds last."""
    places = {"figures": 0, "thresholds": 2}
    return sorted(evidence.items(), key=lambda member: (places.get(member[0], 1), member[0]))


def _shown(value: Any) -> SafeString:
    if isinstance(value, dict):
        return _pairs(value)
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return _table(value)
    return format_html("<p>{}</p>", _text(value))


def _pairs(figures: dict[str, Any]) -> SafeString:
    rows = ((_title(name), _cell(name, row=figures)) for name in figures)
    return format_html('<dl class="house-pairs">{}</dl>', format_html_join("", "<dt>{}</dt><dd>{}</dd>", rows))


def _table(rows: list[dict[str, Any]]) -> SafeString:
    columns = list(rows[0])
    head = format_html_join("", "<th>{}</th>", ((_title(name),) for name in columns))
    lines = [
        (format_html_join("", "<td>{}</td>", ((_cell(name, row=row),) for name in columns)),)
        for row in rows[:_ROWS_MAX]
    ]
    body = format_html_join("", "<tr>{}</tr>", lines)
    return format_html(
        '<div class="house-scroll"><table class="house-table">'
        "<thead><tr>{}</tr></thead><tbody>{}</tbody></table></div>",
        head,
        body,
    )


def _cell(name: str, *, row: dict[str, Any]) -> Any:
    """Show one figure, and lead to what it names: a bonus, an event, a player, a ring, whoever uses a device."""
    value = row.get(name)
    if name == "value" and row.get("kind", row.get("what")) in {"DEVICE", "IP"}:
        return _users_link(str(value))
    if isinstance(value, list) and value and isinstance(value[0], dict):
        lines = [_in_line(member) for member in value[:_LINES_MAX]]
        if len(value) > _LINES_MAX:
            lines.append(format_html("and {} more", len(value) - _LINES_MAX))
        return format_html_join("", "<div>{}</div>", ((line,) for line in lines))
    link = _LINKS.get(name)
    if link is None or value is None:
        return _text(value)
    return format_html_join(", ", "{}", ((link(one),) for one in value)) if isinstance(value, list) else link(value)


def _in_line(row: dict[str, Any]) -> SafeString:
    return format_html_join(", ", "{} {}", ((_title(name).lower(), _cell(name, row=row)) for name in row))


def _users_link(value: str) -> SafeString:
    """Lead to the players who use a device or an address."""
    url = f"{reverse('admin:safety_link_changelist')}?{urlencode({'q': value})}"
    return format_html('<a class="house-link" href="{}">{}</a>', url, value)


_LINKS: dict[str, Callable[[Any], SafeString]] = {
    "lot": lambda key: link_to("wallet_lot", key),
    "event": lambda key: link_to("players_activity", key),
    "events": lambda key: link_to("players_activity", key),
    "player": lambda key: link_to("players_player", key),
    "ring": lambda key: link_to("safety_ring", key),
}


def _title(name: str) -> str:
    return name.replace("_", " ").capitalize()


def _text(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(_text(member) for member in value) or "none"
    if isinstance(value, dict):
        return ", ".join(f"{_title(name)}: {_text(member)}" for name, member in value.items())
    if isinstance(value, float):
        return f"{value:.2f}" if value == round(value, 2) else str(value)
    return _time(value) or str(value)


def _time(value: Any) -> str:
    """Return a time as people read it; nothing for what is none."""
    if not isinstance(value, str) or "T" not in value:
        return ""
    try:
        at = parse_datetime(value)
    except ValueError:
        at = None
    return f"{timezone.localtime(at):%Y-%m-%d %H:%M:%S}" if at and timezone.is_aware(at) else ""
