"""Look into a zipped workbook before anything that trusts it does."""

from __future__ import annotations

import re
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from core.spreadsheets.errors import DamagedFileError, EncryptedFileError, HostileFileError, SpreadsheetTooLargeError
from core.spreadsheets.limits import MEGABYTE, Limits

_CHUNK_BYTES = 4 * MEGABYTE
_OVERLAP_BYTES = 128
"""More than the longest token looked for, so that none is missed between two chunks."""
_SMALL_BYTES = 20 * MEGABYTE
"""Below this an archive's ratio harms nobody: an empty template compresses well too."""

_DECLARATIONS = (b"<!DOCTYPE", b"<!ENTITY")
_FORMULA = re.compile(rb"<(?:\w+:)?f[\s/>]")
_ERROR = re.compile(rb"""\st\s*=\s*["']e["']""")
_HIDDEN = re.compile(rb"""<(?:\w+:)?(?:row|col)\s[^>]*\shidden\s*=\s*["'](?:1|true)""")
_ROW = re.compile(rb"""<(?:\w+:)?row\s[^>]*?\br\s*=\s*["'](\d{1,10})""")
_FAR_COLUMN = re.compile(rb"""\sr=["']([A-Z]{2,3})\d""")


@dataclass(kw_only=True)
class PartTraits:
    """What a part of a workbook contains, found without parsing it."""

    has_formula: bool = False
    has_error: bool = False
    has_hidden: bool = False
    row_max: int = 1
    column_max: int = 26
    """At least Z; a table wider than that is measured."""


def open_archive(path: Path, limits: Limits) -> zipfile.ZipFile:
    """Return the archive, having checked by its directory that unpacking it cannot hurt."""
    try:
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, zlib.error, OSError, ValueError, NotImplementedError) as error:
        raise DamagedFileError(f"the workbook is damaged or cut off: {error}; save it again and retry") from error
    parts = archive.infolist()
    _check_parts(parts, limits)
    _check_sizes(parts, packed=path.stat().st_size, limits=limits)
    return archive


def read_chunks(archive: zipfile.ZipFile, part: zipfile.ZipInfo) -> Iterator[bytes]:
    """Yield a part piece by piece; its length and checksum are proved on the way."""
    try:
        with archive.open(part) as stream:
            while chunk := stream.read(_CHUNK_BYTES):
                yield chunk
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError) as error:
        raise DamagedFileError(f"the workbook is damaged: {part.filename} cannot be unpacked ({error})") from error


def scan_part(archive: zipfile.ZipFile, part: zipfile.ZipInfo) -> PartTraits:
    """Return what a part contains. Raises HostileFileError for a document type or entities."""
    traits = PartTraits()
    tail = b""
    for chunk in read_chunks(archive, part):
        window = tail + chunk
        if not tail:
            _check_prolog(window, part.filename)
        _note_tokens(traits, window)
        tail = window[-_OVERLAP_BYTES:]
    return traits


def _check_prolog(window: bytes, name: str) -> None:
    """Look where alone a document type may stand."""
    if b"\0" in window[:4]:
        raise HostileFileError(f"{name} is not written in UTF-8, as every workbook's parts are")
    if any(declaration in window for declaration in _DECLARATIONS):
        raise HostileFileError(f"{name} declares a document type or entities, which no workbook needs")


def _note_tokens(traits: PartTraits, window: bytes) -> None:
    """Note what the window contains; a plain search comes first, since it is ten times faster than a pattern."""
    may_have_formula = b"<f" in window or b":f" in window
    may_have_error = b'"e"' in window or b"'e'" in window
    traits.has_formula |= may_have_formula and _FORMULA.search(window) is not None
    traits.has_error |= may_have_error and _ERROR.search(window) is not None
    traits.has_hidden |= b"hidden" in window and _HIDDEN.search(window) is not None
    last_row = _ROW.search(window, max(window.rfind(b"<row"), window.rfind(b":row"), 1) - 1)
    if last_row:
        traits.row_max = max(traits.row_max, int(last_row[1]))
    # Sheets whose cells stand far apart are small; in a large one the limit of memory says the same less precisely.
    if len(window) < _CHUNK_BYTES:
        for letters in set(_FAR_COLUMN.findall(window)):
            traits.column_max = max(traits.column_max, column_number(letters.decode()))


def column_number(letters: str) -> int:
    """Return the number of a column by its letters: A is 1, XFD is 16384."""
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - 64
    return number


def _check_parts(parts: list[zipfile.ZipInfo], limits: Limits) -> None:
    if len(parts) > limits.archive_parts_max:
        raise HostileFileError(f"the archive has {len(parts):,} parts; a workbook has a few dozen")
    if any(part.flag_bits & 0x1 for part in parts):
        raise EncryptedFileError("the file is protected by a password: save it without one and retry")
    name, count = Counter(part.filename for part in parts).most_common(1)[0] if parts else ("", 0)
    if count > 1:
        raise HostileFileError(f"the archive holds {count} parts named {name}: readers would disagree on its content")


def _check_sizes(parts: list[zipfile.ZipInfo], *, packed: int, limits: Limits) -> None:
    unpacked = sum(part.file_size for part in parts)
    if sum(part.compress_size for part in parts) > packed:
        raise HostileFileError("the archive's parts overlap each other, as only a zip bomb's do")
    if unpacked > limits.unpacked_bytes_max:
        raise SpreadsheetTooLargeError(
            f"the workbook unpacks to {unpacked // MEGABYTE:,} MB; at most "
            f"{limits.unpacked_bytes_max // MEGABYTE:,} MB are read. Split it, or save it as .csv"
        )
    if unpacked > _SMALL_BYTES and unpacked > packed * limits.compression_ratio_max:
        raise HostileFileError(
            f"the workbook unpacks to {unpacked // max(packed, 1):,} times its size, as only a zip bomb does"
        )
