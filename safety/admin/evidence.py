"""A signal's evidence as a person reads it: figures, what they rest on, and the thresholds that held."""

from __future__ import annotations

from typing import Any

from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from core.admin.columns import NOTHING

_ROWS_MAX = 20


def evidence_shown(evidence: dict[str, Any]) -> SafeString:
    """Show figures and thresholds as pairs and every list as a table; evidence entered by hand as pairs."""
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
    rows = format_html_join("", "<dt>{}</dt><dd>{}</dd>", ((_title(name), _text(it)) for name, it in figures.items()))
    return format_html('<dl class="house-pairs">{}</dl>', rows)


def _table(rows: list[dict[str, Any]]) -> SafeString:
    columns = list(rows[0])
    head = format_html_join("", "<th>{}</th>", ((_title(name),) for name in columns))
    lines = [
        (format_html_join("", "<td>{}</td>", ((_text(row.get(name)),) for name in columns)),)
        for row in rows[:_ROWS_MAX]
    ]
    body = format_html_join("", "<tr>{}</tr>", lines)
    return format_html(
        '<div class="house-scroll"><table class="house-table">'
        "<thead><tr>{}</tr></thead><tbody>{}</tbody></table></div>",
        head,
        body,
    )


def _title(name: str) -> str:
    return name.replace("_", " ").capitalize()


def _text(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(_text(member) for member in value)
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
