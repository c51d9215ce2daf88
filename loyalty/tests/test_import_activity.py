"""Files of events from the command line: columns mapped, errors by row, interrupted files imported again."""

from __future__ import annotations

import gzip
from datetime import datetime
from decimal import Decimal
from io import StringIO
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from django.core.management import CommandError, call_command

from players.models import Activity, Player, PlayerDay
from players.tests.factories import make_alice

pytestmark = pytest.mark.django_db

HEAD = "external_id,player_id,kind,occurred_at,amount\n"


def import_file(file: Path, *options: str) -> tuple[str, str]:
    out, err = StringIO(), StringIO()
    try:
        call_command("import_activity", str(file), "--source", "files", *options, stdout=out, stderr=err)
    except CommandError as error:
        return str(error), err.getvalue()
    return out.getvalue(), err.getvalue()


def write(folder: Path, text: str, name: str = "events.csv") -> Path:
    file = folder / name
    file.write_text(text)
    return file


def test_known_names_need_no_mapping(tmp_path: Path) -> None:
    make_alice()
    file = write(tmp_path, HEAD + "e1,alice,WAGER,2026-03-10T12:00:00Z,10\ne2,alice,win,2026-03-10 12:01:00,4.50\n")

    told, problems = import_file(file)

    assert (told.strip(), problems) == ("2 stored", "")
    day: Any = PlayerDay.objects.get()
    assert (day.wagered, day.won) == (10, Decimal("4.50"))


def test_columns_are_mapped_and_what_the_file_does_not_say_is_set(tmp_path: Path) -> None:
    text = "Id,Username,Bet,PlayDate,Bonus\n7,dora,2e3,2026-03-10T12:00:00Z,NA\n"
    packed = tmp_path / "bets.csv.gz"
    packed.write_bytes(gzip.compress(text.encode()))

    told, _ = import_file(
        packed,
        *("--map", "Bet=amount", "Username=player_id", "Id=external_id", "PlayDate=occurred_at"),
        *("--set", "kind=WAGER", "bonus_amount=0", "--create-players"),
    )

    assert told.strip() == "1 stored"
    assert PlayerDay.objects.get(player="dora").wagered == 2000


def test_a_workbook_is_read_with_its_dates_and_numbers_as_ids(tmp_path: Path) -> None:
    make_alice()
    book = openpyxl.Workbook()
    sheet: Any = book.active
    sheet.append(["external_id", "player_id", "kind", "occurred_at", "amount"])
    sheet.append([4711, "alice", "DEPOSIT", datetime(2026, 3, 10, 12), 12.5])
    book.save(tmp_path / "events.xlsx")

    import_file(tmp_path / "events.xlsx")

    kept = Activity.objects.get()
    assert (kept.external_id, kept.amount, kept.occurred_at.isoformat()) == (
        "4711",
        Decimal("12.50"),
        "2026-03-10T12:00:00+00:00",
    )


def test_a_file_with_bad_rows_says_which_and_stores_the_batches_without(tmp_path: Path) -> None:
    make_alice()
    rows = [
        "e1,alice,WAGER,2026-03-10T12:00:00Z,10",
        "e2,alice,WAGER,yesterday,-4",
        "e3,nobody,WAGER,2026-03-10T12:00:00Z,1",
    ]
    file = write(tmp_path, HEAD + "\n".join(rows) + "\n")

    told, problems = import_file(file, "--batch-size", "1")

    assert told == "2 rows were refused; mend them and import the file again"
    assert problems.splitlines()[0].startswith("row 3, occurred_at: is 'yesterday': a time such as")
    assert problems.splitlines()[1].startswith("row 3, amount: is -4.00: at least 0 is needed")
    assert problems.splitlines()[2].startswith("row 4, player_id: is 'nobody', whom nobody knows")
    assert list(Activity.objects.values_list("external_id", flat=True)) == ["e1"]


def test_a_batch_with_a_bad_row_is_left_out_or_stored_without_it(tmp_path: Path) -> None:
    make_alice()
    rows = ["e1,alice,WAGER,2026-03-10T12:00:00Z,10", "e2,alice,WAGER,2026-03-10T12:00:00Z,x"]
    file = write(tmp_path, HEAD + "\n".join(rows) + "\n")

    import_file(file)
    assert not Activity.objects.exists()

    import_file(file, "--skip-bad-rows")
    assert list(Activity.objects.values_list("external_id", flat=True)) == ["e1"]


def test_a_file_that_was_interrupted_is_imported_again(tmp_path: Path) -> None:
    make_alice()
    rows = [f"e{number},alice,WAGER,2026-03-10T12:00:00Z,1.005" for number in range(5)]
    import_file(write(tmp_path, HEAD + "\n".join(rows[:3]) + "\n"))

    told, _ = import_file(write(tmp_path, HEAD + "\n".join(rows) + "\n"), "--batch-size", "2")

    assert told.strip() == "2 stored, 3 known already, 5 rounded"
    assert PlayerDay.objects.get().wagered == Decimal("5.05")


def test_a_row_whose_cells_are_shifted_is_refused_and_not_read_askew(tmp_path: Path) -> None:
    make_alice()
    file = write(tmp_path, "external_id,player_id,kind,amount,occurred_at\ne1,alice,WAGER,1,500,2026-03-10T12:00:00Z\n")

    _, problems = import_file(file, "--skip-bad-rows")

    assert problems.startswith("row 2: has 6 cells, the header 5; a value that holds the separator, such as 1,5")
    assert not Activity.objects.exists()


def test_beside_a_shifted_row_the_good_ones_are_stored(tmp_path: Path) -> None:
    make_alice()
    rows = [
        "e1,alice,WAGER,2026-03-10T12:00:00Z,10",
        "e2,alice,WAGER,2026-03-10T12:00:00Z,1,500",
        "e3,alice,WAGER,never,1",
        "e4,alice,WAGER,2026-03-10T12:00:00Z,30",
        ",,Total,,40",
    ]
    file = write(tmp_path, HEAD + "\n".join(rows) + "\n")

    told, problems = import_file(file, "--skip-bad-rows")

    assert told == "3 rows were refused; mend them and import the file again"
    assert [line.split(":")[0] for line in problems.splitlines()][:3] == ["row 3", "row 6", "row 4, occurred_at"]
    assert PlayerDay.objects.get().wagered == 40


def test_a_column_that_is_mapped_has_to_be_there(tmp_path: Path) -> None:
    # Otherwise bonus money would count as real.
    make_alice()
    file = write(tmp_path, HEAD.strip() + ",Bonus\ne1,alice,WAGER,2026-03-10T12:00:00Z,10,4\n")

    told, _ = import_file(file, "--map", "Bonnus=bonus_amount")
    assert "Bonnus is missing (nearest: 'Bonus'; rename it if that is meant)" in told

    import_file(file, "--map", "Bonus=bonus_amount")
    assert PlayerDay.objects.get().wagered == 6


def test_a_heading_that_is_mapped_wins_over_one_that_bears_the_fields_name(tmp_path: Path) -> None:
    make_alice()
    file = write(tmp_path, HEAD.strip() + ",Bet\ne1,alice,WAGER,2026-03-10T12:00:00Z,999,10\n")

    import_file(file, "--map", "Bet=amount")

    assert PlayerDay.objects.get().wagered == 10


@pytest.mark.parametrize(
    ("shown_as", "kept", "hint"),
    [("00000000", "00004711", ""), ('"X-"0', "", "is '4711 shown as \"X-\"0', which is not what its cell shows")],
)
def test_an_id_in_a_workbook_is_what_its_cell_shows_or_refused(
    tmp_path: Path, shown_as: str, kept: str, hint: str
) -> None:
    book = openpyxl.Workbook()
    sheet: Any = book.active
    sheet.append(["external_id", "player_id", "kind", "occurred_at", "amount"])
    sheet.append(["e1", 4711, "DEPOSIT", datetime(2026, 3, 10, 12), 12.5])
    sheet["B2"].number_format = shown_as
    book.save(tmp_path / "events.xlsx")

    _, problems = import_file(tmp_path / "events.xlsx", "--create-players", "--skip-bad-rows")

    assert hint in problems
    assert list(Player.objects.values_list("player_id", flat=True)) == [kept] * bool(kept)


def test_ids_are_read_as_the_import_of_players_reads_them(tmp_path: Path) -> None:
    rows = ["e1,'--dilib--", 'e2,"=""010101"""', "e3,-5", "e4,1.21314E+18", "e5,1001.0", "e6,#N/A", "'=1+1,o'hara"]
    lines = [f"{row},WAGER,2026-03-10T12:00:00Z,1" for row in rows]

    _, problems = import_file(write(tmp_path, HEAD + "\n".join(lines) + "\n"), "--create-players", "--skip-bad-rows")

    stored = Activity.objects.order_by("player_id").values_list("external_id", "player_id")
    assert list(stored) == [("e1", "--dilib--"), ("e3", "-5"), ("e2", "010101"), ("=1+1", "o'hara")]
    assert [line.split(";")[0] for line in problems.splitlines()] == [
        "row 5, player_id: is '1.21314E+18', a number with decimals, or with more digits than workbooks keep",
        "row 6, player_id: is '1001.0', a number with decimals, or with more digits than workbooks keep",
        "row 7, player_id: is '#N/A', an error of the workbook's",
    ]


def test_a_broken_archive_is_refused_with_words(tmp_path: Path) -> None:
    packed = tmp_path / "bets.csv.gz"
    packed.write_bytes(gzip.compress(b"external_id,player_id,kind\n" * 1000)[:-20])

    told, _ = import_file(packed)

    assert "the file is packed by gzip and cut off or broken" in told


@pytest.mark.parametrize(
    ("options", "hint"),
    [
        (("--map", "Bet=stakes"), "'stakes' is no field of an event"),
        (("--batch-size", "10001"), "1 to 10000 is needed"),
        ((), "kind"),
    ],
)
def test_a_mapping_that_leads_nowhere_is_refused(tmp_path: Path, options: tuple[str, ...], hint: str) -> None:
    file = write(tmp_path, "external_id,player_id,occurred_at\ne1,alice,2026-03-10T12:00:00Z\n")

    told, _ = import_file(file, *options)

    assert hint in told
    assert not Player.objects.exists()
