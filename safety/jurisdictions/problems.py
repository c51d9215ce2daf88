"""A profile read from JSON: what it says, or everything that is wrong with it at once."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from core.errors import InvalidInputError
from core.strict_json import is_storable
from players.models import CountryName, Jurisdiction, JurisdictionLimit, LimitKind, LimitSeverity

REWARD_TYPES = (
    "CASHBACK",
    "BONUS_BALANCE",
    "FREE_PLAY",
    "LOYALTY_POINTS",
    "REWARD_POINTS",
    "TICKETS",
    "VIP_PERKS",
)
CODE = re.compile(r"[A-Z][A-Z0-9-]{1,9}")
VALUED = {
    LimitKind.WAGERING_REQUIREMENT_MAX: "× bonus funds",
    LimitKind.BONUS_AMOUNT_MAX: "money",
    LimitKind.VALIDITY_HOURS_MIN: "hours",
    LimitKind.PROMOTION_VALUE_MONTH_MAX: "money value per calendar month",
}
_LIMIT_KEYS = {
    "kind", "value", "names", "unit", "severity", "valid_from", "clause", "clause_says", "source_url", "is_our_reading",
    "reading",
}  # fmt: skip
_KEYS = {"name", "countries", "takes_unknown_countries", "note", "limits"}
_LIMITS_MAX = 50
_NUMBER = re.compile(r"[0-9]{1,12}(\.[0-9]{1,2})?")

Found = tuple[str, str, str]


class ProfileInvalidError(InvalidInputError):
    """Raised when a profile cannot be used; `details` carries every problem with path and what would be right."""

    code = "profile_invalid"

    def __init__(self, problems: list[Found]) -> None:
        super().__init__("; ".join(f"{path}: {message} ({right})" for path, message, right in problems))
        self.details = {
            "problems": [{"path": path, "message": message, "suggestion": right} for path, message, right in problems]
        }


def check_profile(*, code: str, content: object) -> None:
    """Raise ProfileInvalidError with everything that is wrong with a profile."""
    problems = list(_problems(code, content))
    if problems:
        raise ProfileInvalidError(problems)


def _problems(code: str, content: object) -> Iterator[Found]:
    if not CODE.fullmatch(code):
        yield "code", f"{code[:20]!r} is not usable", "2 to 10 capital letters, digits or dashes, such as GB"
    if not isinstance(content, dict):
        yield "content", "an object is needed", '{"name": "Great Britain", "countries": ["GB"], "limits": []}'
        return
    for key in sorted(map(str, set(content) - _KEYS))[:20]:
        yield key[:60], "unknown key", "one of " + ", ".join(sorted(_KEYS))
    yield from _text(content, "name", most=100, is_needed=True)
    yield from _text(content, "note", most=1000)
    if not isinstance(content.get("takes_unknown_countries", False), bool):
        yield "takes_unknown_countries", "is neither true nor false", "true or false"
    yield from _countries(code, content.get("countries", []))
    yield from _unknown_countries(code, content)
    yield from _limits(content.get("limits", []))


def _text(
    content: Mapping[str, Any], name: str, *, most: int, is_needed: bool = False, path: str = ""
) -> Iterator[Found]:
    value = content.get(name, "")
    right = f"a text of {1 if is_needed else 0} to {most} characters"
    is_usable = isinstance(value, str) and len(value) <= most and is_storable(value)
    if not is_usable or (is_needed and not value.strip()):
        yield f"{path}{name}", "is missing" if value == "" else "is not usable", right


def _countries(code: str, countries: object) -> Iterator[Found]:
    if not isinstance(countries, list) or len(countries) > 300:
        yield "countries", "is no list of countries", 'codes of two letters, such as ["GB"]'
        return
    known = set(CountryName.objects.values_list("code", flat=True))
    taken = {
        country: other
        for other, claimed in Jurisdiction.objects.exclude(pk=code).values_list("code", "countries")
        for country in claimed
    }
    for place, country in enumerate(countries):
        path = f"countries[{place}]"
        if not isinstance(country, str) or country not in known:
            yield path, f"{str(country)[:20]!r} is no country", "an ISO 3166 code of two letters, such as GB"
        elif country in taken:
            yield path, f"{country} belongs to {taken[country]}", "take it out there first"
        elif countries.index(country) < place:
            yield path, f"{country} is named twice", "name it once"


def _unknown_countries(code: str, content: Mapping[str, Any]) -> Iterator[Found]:
    if content.get("takes_unknown_countries") is not True:
        return
    other = Jurisdiction.objects.exclude(pk=code).filter(takes_unknown_countries=True).first()
    if other is not None:
        yield "takes_unknown_countries", f"{other.code} takes unknown countries already", "switch it off there first"


def _limits(limits: object) -> Iterator[Found]:
    if not isinstance(limits, list) or len(limits) > _LIMITS_MAX:
        yield "limits", "is no list of limits", f"at most {_LIMITS_MAX} objects, or none for no limit"
        return
    seen: set[tuple[Any, Any]] = set()
    for place, limit in enumerate(limits):
        path = f"limits[{place}]."
        if not isinstance(limit, dict):
            yield path[:-1], "is no object", '{"kind": "WAGERING_REQUIREMENT_MAX", "value": "10", …}'
            continue
        yield from _limit(limit, path)
        key = (str(limit.get("kind")), str(limit.get("valid_from")))
        if key in seen:
            yield f"{path}kind", f"{key[0]} is there twice from {key[1]}", "name it once for each valid_from"
        seen.add(key)


def _limit(limit: Mapping[str, Any], path: str) -> Iterator[Found]:
    for key in sorted(map(str, set(limit) - _LIMIT_KEYS))[:20]:
        yield f"{path}{key[:60]}", "unknown key", "one of " + ", ".join(sorted(_LIMIT_KEYS))
    kind = limit.get("kind")
    if kind not in LimitKind.values:
        yield f"{path}kind", f"{str(kind)[:40]!r} is no kind of limit", "one of " + ", ".join(LimitKind.values)
    else:
        yield from _value(limit, LimitKind(kind), path)
        yield from _names(limit, LimitKind(kind), path)
    if limit.get("severity", "BINDING") not in LimitSeverity.values:
        yield f"{path}severity", "is not usable", "one of " + ", ".join(LimitSeverity.values)
    if not isinstance(limit.get("is_our_reading", False), bool):
        yield f"{path}is_our_reading", "is neither true nor false", "true or false"
    if limit.get("is_our_reading") is True and not limit.get("reading"):
        yield f"{path}reading", "is missing", "how we read the clause, where the limit is our reading"
    if not _is_date(limit.get("valid_from")):
        yield f"{path}valid_from", "is no date", "a date such as 2026-01-19"
    yield from _text(limit, "clause", most=200, is_needed=True, path=path)
    yield from _text(limit, "clause_says", most=1000, is_needed=True, path=path)
    for name, most in (("source_url", 300), ("reading", 1000), ("unit", 60)):
        yield from _text(limit, name, most=most, path=path)


def _value(limit: Mapping[str, Any], kind: LimitKind, path: str) -> Iterator[Found]:
    value = limit.get("value")
    if kind not in VALUED:
        if value is not None:
            yield f"{path}value", f"{kind} has no value", "remove it"
    elif decimal_of(value) is None:
        yield f"{path}value", "is no number", f"a number in {VALUED[kind]} with two decimals at most"


def _names(limit: Mapping[str, Any], kind: LimitKind, path: str) -> Iterator[Found]:
    names = limit.get("names", [])
    if kind != LimitKind.REWARD_TYPES_FORBIDDEN:
        if names:
            yield f"{path}names", f"{kind} has no names", "remove them"
        return
    if not isinstance(names, list) or not names or any(name not in REWARD_TYPES for name in names):
        yield f"{path}names", "is no list of reward types", "some of " + ", ".join(REWARD_TYPES)


def _is_date(value: object) -> bool:
    try:
        return isinstance(value, str) and date.fromisoformat(value).isoformat() == value
    except ValueError:
        return False


def decimal_of(value: object) -> Decimal | None:
    """Return a number of two decimals at most that JSON holds as a number or a text, or None."""
    if isinstance(value, bool) or not isinstance(value, int | str | float | Decimal):
        return None
    text = f"{value:f}" if isinstance(value, Decimal) else str(value)
    try:
        return Decimal(text) if _NUMBER.fullmatch(text) else None
    except InvalidOperation:
        return None


def limit_rows(code: str, limits: list[Mapping[str, Any]]) -> list[JurisdictionLimit]:
    """Return the rows of checked limits, not saved."""
    return [
        JurisdictionLimit(
            jurisdiction_id=code,
            kind=limit["kind"],
            value=decimal_of(limit.get("value")),
            names=limit.get("names", []),
            unit=limit.get("unit") or VALUED.get(LimitKind(limit["kind"]), ""),
            severity=limit.get("severity", LimitSeverity.BINDING),
            valid_from=date.fromisoformat(limit["valid_from"]),
            clause=limit["clause"],
            clause_says=limit["clause_says"],
            source_url=limit.get("source_url", ""),
            is_our_reading=limit.get("is_our_reading", False),
            reading=limit.get("reading", ""),
        )
        for limit in limits
    ]
