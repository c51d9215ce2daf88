"""Find out how a text file's bytes became text, and refuse to guess where guessing would garble names."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass
from pathlib import Path

from core.spreadsheets.errors import EncodingError, UnknownFormatError
from core.spreadsheets.limits import MEGABYTE

_CHUNK_BYTES = 4 * MEGABYTE
_WESTERN = "cp1252"
_MARKS: list[tuple[bytes, str]] = [
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
]
_PLAIN_BYTES = bytes([*range(0x20, 0x7F), *range(0x80, 0x100), 0x09, 0x0A, 0x0D])
_LETTER = r"[^\W\d_]"
# What Windows-1252 text never looks like: a sign or a capital inside a word, or nothing but accented letters.
_NOT_WESTERN = re.compile(
    rf"{_LETTER}[^\x00-\x7f\w’‘´`·ªº–—…\u00a0\u00ad]{_LETTER}|[£¯³¹¿¤¦§¬¶]{_LETTER}{{3}}|(?:(?![ -~])\w){{4}}"
    r"|[a-z][ŠŽŸŒ]|Ÿ[a-z]"
)
_EXAMPLE = re.compile(r"[\w’]*(?![ -~])\w[\w’]*")


@dataclass(frozen=True, kw_only=True)
class TextTraits:
    """How to decode a file."""

    encoding: str
    is_guessed: bool = False
    has_controls: bool = False
    """Whether bytes occur that no table needs; cells are then cleaned one by one."""
    example: str = ""
    """An accented word as it reads in a guessed encoding."""
    ends_with_newline: bool = True


def inspect_text(path: Path, *, encoding: str = "") -> TextTraits:
    """Return how to decode the file, having decoded all of it once.

    Raises EncodingError where the bytes fit neither the named encoding nor, without one, UTF-8, UTF-16 or Windows-1252.
    """
    if encoding:
        return _named(path, encoding)
    with path.open("rb") as file:
        head = file.read(4096)
    for mark, name in _MARKS:
        if head.startswith(mark):
            return _decoded(path, name)
    if b"\0" in head:
        return _wide_without_mark(path, head)
    try:
        return _decoded(path, "utf-8")
    except EncodingError:
        return _western(path)


def _named(path: Path, encoding: str) -> TextTraits:
    try:
        name = codecs.lookup(encoding).name
        # Refuses what is a codec but no text encoding, such as rot13.
        "".encode(name)
    except LookupError:
        raise EncodingError(f"{encoding!r} is not the name of a text encoding; for example utf-8 or cp1252") from None
    return _decoded(path, "utf-8-sig" if name == "utf-8" else name)


def _decoded(path: Path, encoding: str) -> TextTraits:
    """Decode everything once: what is read later cannot fail half way."""
    decoder = codecs.getincrementaldecoder(encoding)("strict")
    is_wide = encoding.startswith(("utf-16", "utf-32"))
    has_controls = False
    text, position = "", 0
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            text = _decode(decoder, chunk, position=position, encoding=encoding, is_last=False) or text
            _refuse_nul(text if is_wide else chunk, position)
            has_controls = has_controls or is_wide or bool(chunk.translate(None, _PLAIN_BYTES))
            position += len(chunk)
    _decode(decoder, b"", position=position, encoding=encoding, is_last=True)
    return TextTraits(encoding=encoding, has_controls=has_controls, ends_with_newline=text.endswith(("\n", "\r")))


def _decode(decoder: codecs.IncrementalDecoder, chunk: bytes, *, position: int, encoding: str, is_last: bool) -> str:
    try:
        return decoder.decode(chunk, is_last)
    except (UnicodeDecodeError, UnicodeError) as error:
        at = position + getattr(error, "start", 0)
        raise EncodingError(
            f"byte {at:,} is not {encoding} text: save the file as UTF-8, or name its encoding", position=at
        ) from None


def _refuse_nul(piece: bytes | str, position: int) -> None:
    has_nul = "\0" in piece if isinstance(piece, str) else b"\0" in piece
    if has_nul:
        raise UnknownFormatError(
            f"the file has NUL bytes after byte {position:,}: it is not text. Send .xlsx, .xls, .ods, .csv or .tsv"
        )


def _wide_without_mark(path: Path, head: bytes) -> TextTraits:
    """Text in UTF-16 whose mark was lost shows as a NUL in every second byte."""
    even, odd = head[0::2].count(0), head[1::2].count(0)
    half = len(head) / 2
    if odd > half * 0.4 and even < half * 0.1:
        return _decoded(path, "utf-16-le")
    if even > half * 0.4 and odd < half * 0.1:
        return _decoded(path, "utf-16-be")
    raise UnknownFormatError("the file has NUL bytes: it is not a text file. Send .xlsx, .xls, .ods, .csv or .tsv")


def _western(path: Path) -> TextTraits:
    """Return Windows-1252 where the text looks Western European in it."""
    advice = "save the file as UTF-8, or name its encoding (for example cp1250, cp1251 or shift_jis)"
    try:
        traits = _decoded(path, _WESTERN)
    except EncodingError:
        raise EncodingError(f"the file is neither UTF-8 nor Windows-1252 text: {advice}") from None
    example = ""
    with path.open(encoding=_WESTERN, newline="") as file:
        while piece := file.read(_CHUNK_BYTES):
            odd = _NOT_WESTERN.search(piece)
            if odd:
                around = piece[max(0, odd.start() - 6) : odd.end() + 6]
                shown = " ".join(around.split())
                raise EncodingError(f"the file is not UTF-8, and read as Windows-1252 it has {shown!r}: {advice}")
            example = example or _first_example(piece)
    return TextTraits(
        encoding=_WESTERN,
        is_guessed=True,
        has_controls=traits.has_controls,
        example=example,
        ends_with_newline=traits.ends_with_newline,
    )


def _first_example(text: str) -> str:
    found = _EXAMPLE.search(text)
    return found[0] if found else next((c for c in text if ord(c) > 127), "")
