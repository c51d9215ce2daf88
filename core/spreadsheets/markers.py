"""How a workbook's typed cells travel among cells of text.

A cell that is text in the file is sent as it is. A cell that is something else, where that matters, starts with MARK
and a letter, so that a number 1234.5 is never taken for the text "1234.5" whose point may group thousands, and an error
never for an empty cell. Text that itself contains MARK is cleaned before it is sent.
"""

from __future__ import annotations

MARK = "\x1f"

NUMBER = MARK + "n"
DATE = MARK + "d"
DURATION = MARK + "t"
"""Followed by seconds."""
BOOLEAN = MARK + "b"
ERROR = MARK + "e"
"""Followed by the error's name, for example #N/A."""
FORMULA = MARK + "f"
"""A formula whose result is not stored in the file."""
FORMATTED = MARK + "x"
"""A number whose display adds characters that its value does not have; followed by value and format."""
CONTROL = MARK + "c"
"""Text with control characters; followed by the text without them."""
