"""Delimited text: separators, quotes, line ends, ragged rows."""

from pathlib import Path

import pytest

from core.spreadsheets.errors import DamagedFileError, NoRowsError, SpreadsheetError, UnknownFormatError
from core.tests.spreadsheets.reading import HEADER, codes, read, read_with_report, write_text

PLAYER = ["2", "", "P1", "1", "2", "3"]


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_the_separator_is_found(tmp_path: Path, separator: str) -> None:
    content = f"{HEADER}\nP1,1,2,3\n".replace(",", separator)

    assert read(write_text(tmp_path, content)) == [PLAYER]


def test_a_separator_can_be_named(tmp_path: Path) -> None:
    content = f"{HEADER}\nP1,1,2,3\n".replace(",", ";")

    assert read(write_text(tmp_path, content), delimiter="semicolon") == [PLAYER]


def test_a_word_that_is_no_separator_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SpreadsheetError, match="cannot separate cells"):
        read(write_text(tmp_path, f"{HEADER}\nP1,1,2,3\n"), delimiter="dash")


def test_a_first_line_that_names_the_separator_is_obeyed(tmp_path: Path) -> None:
    rows, report = read_with_report(
        write_text(tmp_path, "sep=;\nplayer_id;total_deposited;total_wagered;total_won\nP1;1;2;3\n")
    )

    assert (rows[0], report.header_row) == (["3", "", "P1", "1", "2", "3"], 2)


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_every_line_end_is_understood(tmp_path: Path, line_end: str) -> None:
    content = line_end.join([HEADER, "P1,1,2,3", "P2,4,5,6", ""])

    assert read(write_text(tmp_path, content)) == [PLAYER, ["3", "", "P2", "4", "5", "6"]]


def test_quoted_cells_keep_separators_quotes_and_line_ends(tmp_path: Path) -> None:
    content = f'{HEADER},name\nP1,1,2,3,"Ann ""A"", Smith\nof Malta"\nP2,1,2,3,Bo\n'

    rows = read(write_text(tmp_path, content))

    assert rows[0][-1] == 'Ann "A", Smith\nof Malta'
    assert rows[1][0] == "3"


def test_spaces_around_cells_do_not_count(tmp_path: Path) -> None:
    assert read(write_text(tmp_path, f"{HEADER}\n  P1 ,\u00a01, 2 ,3 \n")) == [PLAYER]


def test_ids_that_look_like_numbers_or_formulas_stay_as_they_are(tmp_path: Path) -> None:
    ids = ["010101", "--dilib--", "1213141516171819", "-5", "=1+1", "1e5", "+1"]

    rows = read(write_text(tmp_path, "\n".join([HEADER, *(f"{player},1,2,3" for player in ids)])))

    assert [row[2] for row in rows] == ids


def test_blank_rows_are_counted_and_left_out(tmp_path: Path) -> None:
    rows, report = read_with_report(write_text(tmp_path, f"{HEADER}\n\nP1,1,2,3\n,,,\n , ,,\n"))

    assert (rows, report.blank_rows) == ([["3", "", "P1", "1", "2", "3"]], 3)


def test_rows_above_the_header_are_skipped_and_told(tmp_path: Path) -> None:
    rows, report = read_with_report(write_text(tmp_path, f"Report of 2025\nMade by us,\n\n{HEADER}\nP1,1,2,3\n"))

    assert (rows[0][0], report.header_row, codes(report)) == ("5", 4, ["rows_above_header"])


def test_a_wider_row_is_marked_because_its_cells_may_have_moved(tmp_path: Path) -> None:
    rows = read(write_text(tmp_path, f"{HEADER}\nP1,1,5,2,3\n"))

    assert rows == [["2", "extra5", "P1", "1", "5", "2"]]


def test_empty_cells_beyond_the_header_harm_nothing(tmp_path: Path) -> None:
    assert read(write_text(tmp_path, f"{HEADER}\nP1,1,2,3,,\n")) == [PLAYER]


def test_a_shorter_row_counts_as_empty_and_is_told(tmp_path: Path) -> None:
    rows, report = read_with_report(write_text(tmp_path, f"{HEADER},sessions\nP1,1,2,3\nP2,1,2,3,4\n"))

    assert (rows[0], codes(report)) == ([*PLAYER, ""], ["short_rows"])


def test_a_file_cut_off_within_a_row_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DamagedFileError, match=r"the last row \(3\) has 3 of 4 cells"):
        read(write_text(tmp_path, f"{HEADER}\nP1,1,2,3\nP2,1,2"))


def test_a_missing_last_line_end_alone_is_no_damage(tmp_path: Path) -> None:
    assert read(write_text(tmp_path, f"{HEADER}\nP1,1,2,3")) == [PLAYER]


def test_a_quote_that_is_never_closed_is_refused_with_its_row(tmp_path: Path) -> None:
    with pytest.raises(DamagedFileError, match="row 3: a quote is opened and never closed"):
        read(write_text(tmp_path, f'{HEADER}\nP1,1,2,3\n"P2,1,2,3\nP3,1,2,3\n'))


def test_text_after_a_closing_quote_is_refused_with_its_row(tmp_path: Path) -> None:
    with pytest.raises(DamagedFileError, match="row 2: text follows a closing quote"):
        read(write_text(tmp_path, f'{HEADER}\n"P1"x,1,2,3\n'))


def test_a_column_without_a_name_is_told_when_it_has_values(tmp_path: Path) -> None:
    _, report = read_with_report(write_text(tmp_path, f"{HEADER},,note\nP1,1,2,3,x,y\n"))

    assert [notice.message for notice in report.notices] == [
        "columns that were not read: note",
        "columns that have values but no name were not read: E",
    ]


def test_a_label_of_a_total_beside_an_empty_id_is_marked(tmp_path: Path) -> None:
    rows = read(write_text(tmp_path, f"region,{HEADER}\nx,P1,1,2,3\nGrand total:,,1,2,3\n"))

    assert rows[1] == ["3", "total", "", "1", "2", "3"]


def test_control_characters_are_taken_out_and_marked(tmp_path: Path) -> None:
    rows = read(write_text(tmp_path, f"{HEADER},name\nP1,1,2,3,a\x07b\n"))

    assert rows[0][-1] == "\x1fcab"


def test_text_cannot_pretend_to_be_a_number_cell(tmp_path: Path) -> None:
    rows = read(write_text(tmp_path, f"{HEADER}\nP1,\x1fn99,2,3\n"))

    assert rows[0][3] == "\x1fcn99"


def test_a_file_of_zero_bytes_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NoRowsError, match="0 bytes"):
        read(write_text(tmp_path, ""))


def test_nul_bytes_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UnknownFormatError, match="NUL bytes"):
        read(write_text(tmp_path, f"{HEADER}\nP1,1,2\0,3\n"))
