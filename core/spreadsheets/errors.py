"""What can be wrong with a file as a whole; what is wrong with single cells is for the caller to judge."""

from __future__ import annotations

from core.errors import InvalidInputError


class SpreadsheetError(InvalidInputError):
    """Raised when a file cannot be read as one table; nothing was taken from it."""

    code = "spreadsheet_unreadable"


class UnknownFormatError(SpreadsheetError):
    """Raised when the content is neither a supported workbook nor delimited text, whatever its name says."""

    code = "spreadsheet_format_unknown"


class EncryptedFileError(SpreadsheetError):
    """Raised when a password is needed to open the file."""

    code = "spreadsheet_encrypted"


class DamagedFileError(SpreadsheetError):
    """Raised when the file is cut off or its inner structure is broken."""

    code = "spreadsheet_damaged"


class HostileFileError(SpreadsheetError):
    """Raised when the file uses a construct that only attacks need: entities, lying sizes, absurd compression."""

    code = "spreadsheet_hostile"


class SpreadsheetTooLargeError(SpreadsheetError):
    """Raised when the file needs more bytes, memory or time than its limits allow."""

    code = "spreadsheet_too_large"


class EncodingError(SpreadsheetError):
    """Raised when bytes are not text in the encoding that was named or found."""

    code = "spreadsheet_encoding"


class MissingColumnsError(SpreadsheetError):
    """Raised when no row holds all required column names."""

    code = "spreadsheet_columns_missing"


class DuplicateColumnsError(SpreadsheetError):
    """Raised when two columns mean the same thing."""

    code = "spreadsheet_columns_duplicate"


class SheetChoiceError(SpreadsheetError):
    """Raised when it is not clear which sheet is meant, or the named sheet does not exist."""

    code = "spreadsheet_sheet_unclear"


class NoRowsError(SpreadsheetError):
    """Raised when there is a header and nothing below it."""

    code = "spreadsheet_empty"


def all_errors() -> dict[str, type[SpreadsheetError]]:
    """Return every error by its code, so that one raised in the child can be raised again by its parent."""
    return {error.code: error for error in [SpreadsheetError, *SpreadsheetError.__subclasses__()]}
