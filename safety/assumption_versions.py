"""Versions of what profit safety assumes: which one is in force, taking one up, and who wrote it.

The tables `safety_retention_multipliers`, `safety_unit_values` and `game_categories` hold the figures in force now and
are what expressions are compiled from; `safety_assumptions` holds every figure there ever was.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from core.constants import constant
from core.expressions import fetch_rows, run_statement
from players.models import GameCategory
from safety.models import AssumptionKind, AssumptionVersion

if TYPE_CHECKING:
    from django.contrib.auth.models import User


@dataclass(frozen=True, slots=True, kw_only=True)
class Assumption:
    """What a figure is of: a game category, a currency, or a segment with a family of rewards."""

    kind: AssumptionKind
    name: str
    reward_family: str = ""


def say_who_assumes(user: User | None, *, reason: str) -> None:
    """Have the versions of what this transaction writes into the tables in force name who and why."""
    fetch_rows(
        """
        SELECT set_config('safety.assumed_by', %s, true), set_config('safety.assumed_because', %s, true),
               set_config('safety.assumed_on', %s, true)
        """,
        [user.username if user else "house", reason, timezone.localdate().isoformat()],
    )


def lock_assumptions() -> None:
    """Let one change at a time decide what is in force, until commit."""
    fetch_rows("SELECT pg_advisory_xact_lock(hashtext('safety_assumptions'))", [])


# The newest version begun of each figure, beside what the tables of now say.
_IN_FORCE_SQL = """
    SELECT DISTINCT ON (kind, name, reward_family) kind, name, reward_family, value FROM safety_assumptions
    WHERE valid_from <= %s ORDER BY kind, name, reward_family, valid_from DESC, id DESC
"""


@transaction.atomic
def take_up_assumptions(*, today: date) -> int:
    """Let the versions that have begun hold; return how many figures that changed."""
    lock_assumptions()
    fetch_rows("SELECT set_config('safety.assumed_on', %s, true)", [today.isoformat()])
    changed = 0
    for kind, name, family, value in fetch_rows(_IN_FORCE_SQL, [today]):
        changed += _write(Assumption(kind=AssumptionKind(kind), name=name, reward_family=family), value=value)
    return changed


def _write(assumption: Assumption, *, value: Decimal) -> int:
    """Put a figure in force where another one is; return how many rows that changed."""
    match assumption.kind:
        case AssumptionKind.HOUSE_EDGE:
            categories = GameCategory.objects.filter(code=assumption.name).exclude(house_edge_rate=value)
            return categories.update(house_edge_rate=value)
        case AssumptionKind.UNIT_VALUE:
            return _upsert(
                "safety_unit_values (currency_type, money_value) VALUES (%s, %s) ON CONFLICT (currency_type)",
                column="money_value",
                values=[assumption.name, value],
            )
        case _:
            return _upsert(
                "safety_retention_multipliers (segment, reward_family, multiplier) VALUES (%s, %s, %s) "
                "ON CONFLICT (segment, reward_family)",
                column="multiplier",
                values=[assumption.name, assumption.reward_family, value],
            )


def _upsert(into: str, *, column: str, values: list[object]) -> int:
    table = into.split(" ", 1)[0]
    return run_statement(
        f"INSERT INTO {into} DO UPDATE SET {column} = excluded.{column} WHERE {table}.{column} <> excluded.{column}",
        values,
    )


# The newest alone: there is a version for every figure there ever was, and none of them is ever changed.
@constant(sources=("SELECT max(id) FROM safety_assumptions",))
def assumptions_version() -> int:
    """Return the number of the newest version: with a date it names every figure a decision was made by."""
    return AssumptionVersion.objects.aggregate(newest=Max("id"))["newest"] or 0


def assumptions_of(*, version: int, on: date) -> dict[Assumption, Decimal]:
    """Return every figure as it stood for a decision that names this version, made on the day `on`.

    A night decides on the day after its business date; a figure of that day holds for it.
    """
    rows = fetch_rows(_IN_FORCE_SQL.replace("WHERE", "WHERE id <= %s AND", 1), [version, on])
    return {
        Assumption(kind=AssumptionKind(kind), name=name, reward_family=family): value
        for kind, name, family, value in rows
    }
