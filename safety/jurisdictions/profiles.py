"""The profiles in force, read as frozen objects."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from core.constants import constant
from core.errors import NotFoundError
from players.models import Jurisdiction, JurisdictionLimit, LimitKind, LimitSeverity


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """One limit: `value` and `names` in the unit of its kind, where it comes from, and how we read that."""

    kind: LimitKind
    value: Decimal | None
    names: tuple[str, ...]
    severity: LimitSeverity
    valid_from: date
    clause: str
    clause_says: str
    source_url: str
    is_our_reading: bool
    reading: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """A jurisdiction as it holds now, with the limits of all dates."""

    code: str
    name: str
    version: int
    countries: tuple[str, ...]
    takes_unknown_countries: bool
    limits: tuple[Limit, ...]

    def limits_on(self, on: date, *, severity: LimitSeverity = LimitSeverity.BINDING) -> dict[LimitKind, Limit]:
        """Return by kind the limits that hold on a business date; of two of a kind the later one."""
        holding = (one for one in self.limits if one.severity == severity and one.valid_from <= on)
        return {one.kind: one for one in sorted(holding, key=lambda one: one.valid_from)}

    def limit(self, kind: LimitKind, *, on: date) -> Limit | None:
        """Return the binding limit of a kind on a business date."""
        return self.limits_on(on).get(kind)


@constant("jurisdictions", "jurisdiction_limits")
def profiles_in_force() -> list[Profile]:
    """Return every jurisdiction, by code."""
    return _profiles(Jurisdiction.objects.prefetch_related("limits"))


def profile_of(code: str) -> Profile:
    """Return one jurisdiction. Raises NotFoundError."""
    found = _profiles(Jurisdiction.objects.filter(pk=code).prefetch_related("limits"))
    if not found:
        raise NotFoundError(f"there is no jurisdiction {code!r}", code=code)
    return found[0]


def _profiles(rows: Iterable[Jurisdiction]) -> list[Profile]:
    return [
        Profile(
            code=row.code,
            name=row.name,
            version=row.version,
            countries=tuple(row.countries),
            takes_unknown_countries=row.takes_unknown_countries,
            limits=tuple(_limit(limit) for limit in row.limits.all()),
        )
        for row in rows
    ]


def _limit(row: JurisdictionLimit) -> Limit:
    return Limit(
        kind=LimitKind(row.kind),
        value=row.value,
        names=tuple(row.names),
        severity=LimitSeverity(row.severity),
        valid_from=row.valid_from,
        clause=row.clause,
        clause_says=row.clause_says,
        source_url=row.source_url,
        is_our_reading=row.is_our_reading,
        reading=row.reading,
    )
