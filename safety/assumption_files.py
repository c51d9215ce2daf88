"""The assumptions in force as a file, and a file of changed ones read back: all of it, or nothing and why."""

from __future__ import annotations

import csv
import io
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING

from django.db import transaction
from django.utils import timezone

from core.errors import InvalidInputError, LoyaltyError
from safety.assumption_versions import Assumption, assumptions_of, assumptions_version
from safety.assumptions import change_assumption
from safety.models import AssumptionKind

if TYPE_CHECKING:
    from django.contrib.auth.models import User

COLUMNS = ("kind", "name", "reward_family", "value")
ROWS_MAX = 1000


def export_assumptions(*, on: date | None = None) -> str:
    """Return every figure in force on a business date as CSV, today's where none is given."""
    day = on or timezone.localdate()
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for assumption, value in assumptions_of(version=assumptions_version(), on=day).items():
        writer.writerow([assumption.kind, assumption.name, assumption.reward_family, f"{value.normalize():f}"])
    return text.getvalue()


@transaction.atomic
def import_assumptions(text: str, *, reason: str, made_by: User | None, valid_from: date | None = None) -> int:
    """Make a version of every figure of a CSV file that differs from the one in force; return how many.

    Raises InvalidInputError that names line and column, and whatever a figure is refused for; then nothing is changed.
    """
    begins = valid_from or timezone.localdate()
    in_force = assumptions_of(version=assumptions_version(), on=begins)
    changed = 0
    for line, assumption, value in _rows(text):
        if in_force.get(assumption) == value:
            continue
        try:
            change_assumption(assumption, value=value, reason=reason, made_by=made_by, valid_from=begins)
        except LoyaltyError as error:
            raise InvalidInputError(f"line {line}: {error.message}", line=line) from error
        changed += 1
    return changed


def _rows(text: str) -> list[tuple[int, Assumption, Decimal]]:
    reader = csv.reader(io.StringIO(text.removeprefix("\ufeff")))
    header = next(reader, [])
    if tuple(header) != COLUMNS:
        raise InvalidInputError(f"line 1 is {','.join(header)!r}: the columns {','.join(COLUMNS)} are needed", line=1)
    found: dict[Assumption, tuple[int, Assumption, Decimal]] = {}
    for line, row in enumerate(reader, start=2):
        if line > ROWS_MAX:
            raise InvalidInputError(f"line {line}: at most {ROWS_MAX} lines are read", line=line)
        if not row:
            continue
        assumption, value = _read(row, line=line)
        if assumption in found:
            first = found[assumption][0]
            raise InvalidInputError(f"line {line} says {assumption.name} again, which line {first} does", line=line)
        found[assumption] = (line, assumption, value)
    return list(found.values())


def _read(row: list[str], *, line: int) -> tuple[Assumption, Decimal]:
    if len(row) != len(COLUMNS):
        raise InvalidInputError(f"line {line} has {len(row)} cells: {len(COLUMNS)} are needed", line=line)
    kind, name, family, value = (cell.strip() for cell in row)
    if kind not in AssumptionKind.values:
        raise InvalidInputError(
            f"line {line}, column kind is {kind!r}: one of {', '.join(AssumptionKind.values)} is needed", line=line
        )
    try:
        number = Decimal(value)
    except InvalidOperation:
        raise InvalidInputError(
            f"line {line}, column value is {value!r}: a number such as 0.05 is needed", line=line
        ) from None
    return Assumption(kind=AssumptionKind(kind), name=name, reward_family=family), number
