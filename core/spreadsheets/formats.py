"""Tell what a file is by its content; the name only matters for what to say about it."""

from __future__ import annotations

import zipfile
from enum import StrEnum
from pathlib import Path

from core.spreadsheets.archives import open_archive
from core.spreadsheets.errors import DamagedFileError, EncryptedFileError, NoRowsError, UnknownFormatError
from core.spreadsheets.limits import Limits

_SUPPORTED = "send .xlsx, .xls, .ods, .csv or .tsv"
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ZIP = b"PK"
_OLE_DIRECTORY_BYTES = 1024 * 1024


class FileFormat(StrEnum):
    """The formats that are read."""

    XLSX = "xlsx"
    XLS = "xls"
    ODS = "ods"
    TEXT = "text"


_EXTENSIONS = {
    FileFormat.XLSX: {".xlsx", ".xlsm", ".xltx", ".xltm"},
    FileFormat.XLS: {".xls", ".xlt"},
    FileFormat.ODS: {".ods", ".ots"},
    FileFormat.TEXT: {".csv", ".tsv", ".txt", ".tab", ""},
}
_NAMES = {
    FileFormat.XLSX: "an Excel workbook (.xlsx)",
    FileFormat.XLS: "an Excel 97–2003 workbook (.xls)",
    FileFormat.ODS: "an OpenDocument spreadsheet (.ods)",
    FileFormat.TEXT: "delimited text (.csv)",
}

# How other kinds of file begin, so that the refusal can name them.
_STRANGERS: list[tuple[bytes, str]] = [
    (b"%PDF", "a PDF document"),
    (b"\x1f\x8b", "compressed by gzip: unpack it first"),
    (b"BZh", "compressed by bzip2: unpack it first"),
    (b"\xfd7zXZ", "compressed by xz: unpack it first"),
    (b"7z\xbc\xaf", "a 7-Zip archive: unpack it first"),
    (b"Rar!", "a RAR archive: unpack it first"),
    (b"\x28\xb5\x2f\xfd", "compressed by Zstandard: unpack it first"),
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"GIF8", "a picture"),
    (b"{\\rtf", "a text document (RTF)"),
    (b"SQLite format 3", "an SQLite database"),
    (b"PAR1", "a Parquet file"),
    (b"\x09\x00\x04\x00", "a workbook of Excel 2, which is no longer read"),
    (b"\x09\x02\x06\x00", "a workbook of Excel 3, which is no longer read"),
    (b"\x09\x04\x06\x00", "a workbook of Excel 4, which is no longer read"),
]
_MARKUP_BYTES = 2048


def detect_format(path: Path, *, limits: Limits) -> FileFormat:
    """Return what the content is. Raises UnknownFormatError for everything that is not read, with its name."""
    with path.open("rb") as file:
        head = file.read(_MARKUP_BYTES)
    if not head:
        raise NoRowsError("the file is empty (0 bytes): a header row and at least one row are needed")
    if head.startswith(_ZIP):
        return _format_of_archive(path, limits)
    if head.startswith(_OLE):
        return _format_of_compound(path)
    for start, name in _STRANGERS:
        if head.startswith(start):
            raise UnknownFormatError(f"the file is {name}. {_SUPPORTED[0].upper()}{_SUPPORTED[1:]}")
    _refuse_markup(head)
    return FileFormat.TEXT


def extension_notice(name: str, file_format: FileFormat) -> str | None:
    """Return what to say where the name promises another format than the content is."""
    extension = Path(name).suffix.lower()
    if extension in _EXTENSIONS[file_format]:
        return None
    return f"the file is named {extension or 'without an ending'} but is {_NAMES[file_format]}; it was read as that"


def _format_of_archive(path: Path, limits: Limits) -> FileFormat:
    with open_archive(path, limits) as archive:
        names = {name.lower() for name in archive.namelist()}
        if "xl/workbook.xml" in names:
            return FileFormat.XLSX
        if "content.xml" in names:
            return _check_open_document(archive)
    raise UnknownFormatError(f"{_archive_name(names)}. {_SUPPORTED[0].upper()}{_SUPPORTED[1:]}")


def _archive_name(names: set[str]) -> str:
    if "xl/workbook.bin" in names:
        return "the file is a binary Excel workbook (.xlsb): save it as .xlsx"
    if "word/document.xml" in names:
        return "the file is a Word document"
    if "ppt/presentation.xml" in names:
        return "the file is a presentation"
    if any(name.endswith(".iwa") for name in names):
        return "the file is an Apple Numbers document: export it as .xlsx or .csv"
    if "[content_types].xml" in names:
        return "the file is an Office document without a workbook"
    return "the file is a zip archive: unpack it first"


def _check_open_document(archive: zipfile.ZipFile) -> FileFormat:
    try:
        kind = archive.read("mimetype")[:200].decode("ascii", "replace").strip() if _has(archive, "mimetype") else ""
        manifest = archive.read("META-INF/manifest.xml") if _has(archive, "META-INF/manifest.xml") else b""
    except (zipfile.BadZipFile, OSError, NotImplementedError) as error:
        raise DamagedFileError(f"the document is damaged: {error}") from error
    if b"encryption-data" in manifest:
        raise EncryptedFileError("the document is protected by a password: save it without one and retry")
    if kind and "spreadsheet" not in kind:
        raise UnknownFormatError(f"the file is an OpenDocument file of another kind ({kind}): {_SUPPORTED}")
    return FileFormat.ODS


def _has(archive: zipfile.ZipFile, name: str) -> bool:
    return name in archive.namelist()


def _format_of_compound(path: Path) -> FileFormat:
    """Tell an old workbook from an encrypted new one by the names in its directory, written in UTF-16."""
    size = path.stat().st_size
    with path.open("rb") as file:
        names = file.read(_OLE_DIRECTORY_BYTES)
        file.seek(max(0, size - _OLE_DIRECTORY_BYTES))
        names += file.read()
    if "EncryptedPackage".encode("utf-16-le") in names:
        raise EncryptedFileError("the workbook is protected by a password: save it without one and retry")
    if "Workbook".encode("utf-16-le") in names or "Book".encode("utf-16-le") in names:
        return FileFormat.XLS
    if "WordDocument".encode("utf-16-le") in names:
        raise UnknownFormatError(f"the file is a Word document: {_SUPPORTED}")
    # The directory of a large or a cut-off workbook can be elsewhere; the reader will tell.
    return FileFormat.XLS


def _refuse_markup(head: bytes) -> None:
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if start.startswith((b"<!doctype html", b"<html", b"<table", b"<meta", b"<head", b"<style")):
        raise UnknownFormatError(
            "the file is a web page, as some systems export under the name .xls: open it in a spreadsheet program and "
            "save it as .xlsx"
        )
    if start.startswith((b"<?xml", b"<workbook", b"<office:")):
        raise UnknownFormatError("the file is plain XML: open it in a spreadsheet program and save it as .xlsx or .csv")
