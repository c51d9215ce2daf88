"""How bytes become text, and where guessing ends."""

from pathlib import Path

import pytest

from core.spreadsheets.errors import EncodingError
from core.tests.spreadsheets.reading import HEADER, codes, read, read_with_report, write_text

NAMED = f"{HEADER},name\nP1,1,2,3,Jürgen Šimun\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_unicode_is_read_with_and_without_its_mark(tmp_path: Path, encoding: str) -> None:
    assert read(write_text(tmp_path, NAMED, encoding=encoding))[0][-1] == "Jürgen Šimun"


def test_windows_text_is_read_and_the_guess_is_told_with_an_example(tmp_path: Path) -> None:
    rows, report = read_with_report(write_text(tmp_path, NAMED, encoding="cp1252"))

    assert (rows[0][-1], report.is_encoding_guessed, codes(report)) == ("Jürgen Šimun", True, ["encoding_guessed"])
    assert "'Jürgen'" in report.notices[0].message


@pytest.mark.parametrize(
    ("encoding", "name"),
    [
        ("cp1251", "Иван"),
        ("cp1253", "Γιώργος"),
        ("cp1250", "Łukasz"),
        ("cp850", "Müller"),
        ("shift_jis", "山田太郎"),
        ("mac_roman", "Müller"),
    ],
)
def test_text_that_windows_1252_would_garble_is_refused(tmp_path: Path, encoding: str, name: str) -> None:
    with pytest.raises(EncodingError, match="save the file as UTF-8, or name its encoding"):
        read(write_text(tmp_path, f"{HEADER},name\nP1,1,2,3,{name}\n", encoding=encoding))


def test_a_named_encoding_is_used(tmp_path: Path) -> None:
    path = write_text(tmp_path, f"{HEADER},name\nP1,1,2,3,Иван\n", encoding="cp1251")

    assert read(path, encoding="windows-1251")[0][-1] == "Иван"


def test_a_named_encoding_that_does_not_fit_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EncodingError, match=r"byte 64 is not ascii text"):
        read(write_text(tmp_path, f"{HEADER},name\nP1,1,2,3,é\n"), encoding="ascii")


@pytest.mark.parametrize("name", ["klingon", "rot13", "base64"])
def test_an_encoding_that_does_not_exist_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(EncodingError, match="is not the name of a text encoding"):
        read(write_text(tmp_path, NAMED), encoding=name)


def test_invalid_utf_16_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EncodingError, match="is not utf-16 text"):
        read(write_text(tmp_path, NAMED.encode("utf-16") + b"\x00\xd8\x41\x00\n"))
