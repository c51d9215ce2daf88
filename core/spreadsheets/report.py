"""What the child says about a file besides its rows."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from core.spreadsheets.columns import FoundColumn
from core.spreadsheets.errors import SpreadsheetError


@dataclass(frozen=True, kw_only=True)
class Notice:
    """Something that was handled rather than refused, and that the person who sent the file should know."""

    code: str
    message: str
    row: int | None = None
    column: str | None = None
    value: str | None = None


@dataclass(kw_only=True)
class Report:
    """How a file was understood. Complete only when its last row has been sent."""

    file_format: str = ""
    sheet: str = ""
    encoding: str = ""
    is_encoding_guessed: bool = False
    delimiter: str = ""
    header_row: int = 0
    header_width: int = 0
    headings: list[str] = field(default_factory=list)
    """Every cell of the row that names the columns."""
    columns: list[FoundColumn] = field(default_factory=list)
    unknown_columns: list[str] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)
    rows: int = 0
    blank_rows: int = 0
    seconds: float = 0.0
    """From opening the file to its last row."""

    def notice(self, code: str, message: str, *, row: int | None = None) -> None:
        """Remember something worth telling."""
        self.notices.append(Notice(code=code, message=message, row=row))

    def as_dict(self, error: SpreadsheetError | None = None) -> dict[str, Any]:
        failure = {"code": error.code, "message": error.message, "details": error.details} if error else None
        return {**asdict(self), "error": failure}

    @classmethod
    def from_dict(cls, stored: dict[str, Any]) -> Report:
        plain = {key: value for key, value in stored.items() if key not in {"error", "columns", "notices"}}
        return cls(
            **plain,
            columns=[FoundColumn(**column) for column in stored["columns"]],
            notices=[Notice(**notice) for notice in stored["notices"]],
        )
