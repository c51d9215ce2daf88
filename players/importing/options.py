"""What a person may settle about an import."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from datetime import date
from typing import Any

from core.errors import InvalidInputError
from players.importing.dates import DateOrder
from players.importing.numbers import DecimalSign


@dataclass(frozen=True, kw_only=True)
class ImportOptions:
    """The flags of an import; every one of them off or empty is the careful choice."""

    skip_bad_rows: bool = False
    """Import the good rows and return the bad ones as a file, instead of refusing the file."""
    allow_decrease: bool = False
    """Take totals smaller than known ones as corrections."""
    force: bool = False
    """Import a file again although the same content was imported before."""
    sheet: str = ""
    """The sheet to read; empty: the only visible one that has the columns."""
    encoding: str = ""
    delimiter: str = ""
    decimal_sign: DecimalSign = DecimalSign.UNKNOWN
    date_order: DateOrder = DateOrder.UNKNOWN
    as_of: date | None = None
    """The business date the totals are as of; today where it is not given."""

    def as_dict(self) -> dict[str, Any]:
        """Return the options as JSON can hold them."""
        return {**asdict(self), "as_of": self.as_of.isoformat() if self.as_of else None}

    @classmethod
    def from_dict(cls, given: dict[str, Any]) -> ImportOptions:
        """Return options from JSON. Raises InvalidInputError naming what is not understood."""
        known = {option.name for option in fields(cls)}
        unknown = sorted(set(given) - known)
        if unknown:
            raise InvalidInputError(f"there is no option {unknown[0]!r}; known are {', '.join(sorted(known))}")
        try:
            return cls(
                **{
                    **given,
                    "decimal_sign": DecimalSign(given.get("decimal_sign", "")),
                    "date_order": DateOrder(given.get("date_order", "")),
                    "as_of": date.fromisoformat(given["as_of"]) if given.get("as_of") else None,
                }
            )
        except (ValueError, TypeError) as error:
            raise InvalidInputError(f"an option cannot be used: {error}") from None
