"""Columns are found by name, however people write the names."""

from pathlib import Path

import pytest

from core.spreadsheets.columns import match_header, normalize_heading
from core.spreadsheets.errors import (
    DuplicateColumnsError,
    MissingColumnsError,
    NoRowsError,
    SpreadsheetTooLargeError,
)
from core.tests.spreadsheets.raw_workbooks import player_row, sheet_xml, text_cell, write_workbook
from core.tests.spreadsheets.reading import COLUMNS, codes, read, read_with_report, write_text


@pytest.mark.parametrize(
    "heading",
    [
        "player_id",
        "Player ID",
        " PLAYER-ID ",
        "playerId",
        "PlayerID",
        "player.id",
        "Player\nId",
        "\ufeffplayer_id",
        "ｐlayer_id",
    ],
)
def test_one_name_has_many_spellings(heading: str) -> None:
    assert normalize_heading(heading) == "player_id"


@pytest.mark.parametrize("heading", ["Total wagered (EUR)", "total_wagered_€", "Turnover in EUR", "TOTAL WAGERED [€]"])
def test_the_expected_unit_may_follow_a_name(heading: str) -> None:
    assert [found.name for found in match_header([heading], COLUMNS).found] == ["total_wagered"]


@pytest.mark.parametrize(
    "heading",
    ["Total wagered (USD)", "total wagered $", "total wagered (k€)", "total wagered %", "total wagered in cents"],
)
def test_another_unit_makes_another_column(heading: str) -> None:
    assert match_header([heading], COLUMNS).found == []


def test_a_weak_name_gives_way_to_a_better_one() -> None:
    match = match_header(["id", "player_id", "username"], COLUMNS)

    assert ([found.index for found in match.found], match.unknown) == ([1], ["id", "username"])


def test_a_weak_name_alone_is_enough() -> None:
    assert match_header(["Username"], COLUMNS).found[0].name == "player_id"


def test_two_good_names_for_one_column_clash(tmp_path: Path) -> None:
    content = "player_id,total_deposited,total_wagered,turnover,total_won\nP1,1,2,3,4\n"

    with pytest.raises(DuplicateColumnsError, match="'total_wagered' and 'turnover' both mean total_wagered"):
        read(write_text(tmp_path, content))


def test_the_same_name_twice_is_refused(tmp_path: Path) -> None:
    content = "player_id,total_deposited,total_wagered,total_won,sessions,Sessions\nP1,1,2,3,4,5\n"

    with pytest.raises(DuplicateColumnsError, match="'sessions' and 'Sessions' both mean sessions"):
        read(write_text(tmp_path, content))


def test_a_missing_column_is_named_with_the_nearest_one(tmp_path: Path) -> None:
    with pytest.raises(MissingColumnsError, match=r"row 1: total_won is missing \(nearest: 'total_wins'"):
        read(write_text(tmp_path, "player_id,total_deposited,total_wagered,total_wins\nP1,1,2,3\n"))


def test_a_file_without_a_header_is_refused_with_its_first_row(tmp_path: Path) -> None:
    with pytest.raises(MissingColumnsError, match=r"has no header row.*row 1 reads 'P1', '1', '2', '3'"):
        read(write_text(tmp_path, "P1,1,2,3\nP2,4,5,6\n"))


def test_unknown_columns_are_named(tmp_path: Path) -> None:
    _, report = read_with_report(
        write_text(tmp_path, "player_id,vip host,total_deposited,total_wagered,total_won\nP1,x,1,2,3\n")
    )

    assert (report.unknown_columns, codes(report)) == (["vip host"], ["unknown_columns"])


def test_columns_may_stand_in_any_order(tmp_path: Path) -> None:
    rows = read(write_text(tmp_path, "total_won,name,player_id,total_wagered,total_deposited\n3,Ann,P1,2,1\n"))

    assert rows == [["2", "", "P1", "1", "2", "3", "Ann"]]


def test_a_file_of_blank_rows_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NoRowsError, match="is empty"):
        read(write_text(tmp_path, "\n,,\n\n"))


def test_a_file_with_more_columns_than_any_table_is_refused(tmp_path: Path) -> None:
    wide = ",".join(f"x{number}" for number in range(3000))

    with pytest.raises(SpreadsheetTooLargeError, match="has 3,004 columns; at most 2,000 are read"):
        read(write_text(tmp_path, f"player_id,total_deposited,total_wagered,total_won,{wide}\nP1,1,2,3\n"))


def test_control_characters_in_a_name_do_not_hide_it(tmp_path: Path) -> None:
    cells = ["player_id", "total_deposited", "total_wagered", "total_x0000__won"]
    header = "".join(text_cell(f"{letter}1", cell) for letter, cell in zip("ABCD", cells, strict=True))
    sheet = sheet_xml(f'<row r="1">{header}</row>' + player_row(2, "P1"))

    assert read(write_workbook(tmp_path / "a.xlsx", sheet))[0][2] == "P1"
