"""How much a file may cost before it is refused."""

from __future__ import annotations

from dataclasses import asdict, dataclass

MEGABYTE = 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Every bound the reading of one file obeys; the defaults let a full .xlsx sheet of about ten columns through."""

    file_bytes_max: int = 512 * MEGABYTE
    memory_bytes_max: int = 2048 * MEGABYTE
    cpu_seconds_max: int = 300
    silent_seconds_max: int = 120
    """How long the child may go without sending a row."""
    unpacked_bytes_max: int = 2048 * MEGABYTE
    """Sum of all parts of a zipped workbook, unpacked."""
    compression_ratio_max: int = 250
    """Unpacked ÷ packed size; real sheets stay below 100, a bomb reaches 1,000."""
    archive_parts_max: int = 10_000
    columns_max: int = 2_000
    sheets_max: int = 200
    cell_characters_max: int = 131_072
    header_rows_max: int = 50
    """How many filled rows may stand above the header."""

    def as_dict(self) -> dict[str, int]:
        return asdict(self)
