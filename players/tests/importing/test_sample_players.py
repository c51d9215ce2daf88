"""The sample of the repository, and the real players where they are at hand."""

import csv
import os
from collections import Counter
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

import openpyxl
import pytest
from django.db.models import Sum

from core.environment import PROJECT_FOLDER
from fixtures import make_sample_players
from players.importing import import_players
from players.models import Player, PlayerMetrics
from players.segmentation import batch_reclassify_players
from players.tests.importing.files import totals

FIXTURES = PROJECT_FOLDER / "fixtures"
REAL_DATA = Path(os.environ.get("REAL_DATA_FOLDER", PROJECT_FOLDER.parent / "shared" / "data"))


def test_the_script_makes_the_sample_that_is_kept(tmp_path: Path) -> None:
    make_sample_players.write_csv(tmp_path / "sample.csv", make_sample_players.make_players())

    assert (tmp_path / "sample.csv").read_text() == (FIXTURES / "sample_players.csv").read_text()


def test_the_workbook_holds_what_the_text_file_holds() -> None:
    sheet = openpyxl.load_workbook(FIXTURES / "sample_players.xlsx", read_only=True).worksheets[0]
    with (FIXTURES / "sample_players.csv").open(newline="") as file:
        text = [[_plain(cell) for cell in row] for row in csv.reader(file)]

    assert [[_plain(cell) for cell in row] for row in sheet.iter_rows(values_only=True)] == text


def _plain(cell: object) -> str:
    """Return a cell as text, numbers without the zeros that only text files write."""
    text = str(cell if cell is not None else "").removesuffix(" 00:00:00")
    try:
        return f"{Decimal(text).normalize():f}"
    except ArithmeticError:
        return text


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["sample_players.xlsx", "sample_players.csv"])
def test_the_sample_has_players_of_every_segment(name: str) -> None:
    summary = import_players(FIXTURES / name)
    batch_reclassify_players(on=date(2025, 12, 21))

    assert (summary.players_inserted, summary.notices) == (1000, [])
    assert totals("P001") == (Decimal(5000), Decimal(15000), Decimal(12000))
    assert set(Player.objects.values_list("segment", flat=True)) == {"NEW", "WINNING", "BREAKEVEN", "LOSING", "VIP"}


@pytest.mark.django_db
def test_both_samples_say_the_same() -> None:
    import_players(FIXTURES / "sample_players.xlsx")

    assert import_players(FIXTURES / "sample_players.csv").players_unchanged == 1000


@pytest.mark.django_db
def test_the_real_players_are_imported_to_the_cent() -> None:
    path = REAL_DATA / "bwin_2005_players.csv"
    if not path.exists():
        pytest.skip(f"the real players are not at {path}; REAL_DATA_FOLDER says where they are")
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))

    summary = import_players(path)
    batch_reclassify_players(on=date(2005, 9, 30))

    assert summary.players_inserted == 40_499
    for name, documented in (("total_wagered", "61654513.02"), ("total_won", "55711593.58")):
        assert f"{sum(Decimal(row[name]) for row in rows):.2f}" == documented
        rounded = sum(Decimal(row[name]).quantize(Decimal("0.01"), rounding=ROUND_HALF_UP) for row in rows)
        assert PlayerMetrics.objects.aggregate(sum=Sum(name))["sum"] == rounded
    assert Counter(Player.objects.values_list("segment", flat=True)) == {
        "NEW": 33_175,
        "LOSING": 5_282,
        "BREAKEVEN": 1_513,
        "WINNING": 482,
        "VIP": 47,
    }
