from collections import Counter
from decimal import Decimal
from pathlib import Path

from openpyxl import load_workbook

from fixtures.make_sample_players import FOLDER, make_players, write_csv


def test_the_sample_file_is_what_its_script_makes(tmp_path: Path) -> None:
    write_csv(make_players(), tmp_path / "again.csv")
    assert (tmp_path / "again.csv").read_text() == (FOLDER / "sample_players.csv").read_text()


def test_the_workbook_holds_the_same_players_as_the_text() -> None:
    sheet = load_workbook(FOLDER / "sample_players.xlsx", read_only=True)["Players"]
    rows = list(sheet.iter_rows(values_only=True))
    assert len(rows) == 1001
    assert [row[0] for row in rows[1:]] == [player.player_id for player in make_players()]
    assert [Decimal(str(row[4])) for row in rows[1:]] == [player.total_wagered for player in make_players()]


def test_the_sample_has_no_player_and_no_address_twice() -> None:
    players = make_players()
    assert max(Counter(player.player_id for player in players).values()) == 1
    assert max(Counter(player.email for player in players).values()) == 1
