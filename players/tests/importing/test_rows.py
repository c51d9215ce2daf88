"""Rows that repeat, contradict each other, or are no players at all."""

from decimal import Decimal
from pathlib import Path

import pytest

from players.models import Player
from players.tests.importing.files import HEADER, codes, imported, refused, totals

pytestmark = pytest.mark.django_db
MAILED = f"{HEADER},email"


def known_ids() -> set[str]:
    return set(Player.objects.values_list("player_id", flat=True))


def test_a_row_that_repeats_another_counts_once_and_is_told(tmp_path: Path) -> None:
    summary = imported(tmp_path, "alice,1,2,3", "bob,4,5,6", "alice,1.00,2,3")

    assert (summary.players_inserted, codes(summary.notices)) == (2, ["repeated_rows"])


def test_rows_that_contradict_each_other_are_refused_with_both_places(tmp_path: Path) -> None:
    problems = refused(tmp_path, "alice,1,2,3", "bob,4,5,6", "alice,1,2,4")

    assert [(problem["row"], problem["code"]) for problem in problems] == [
        (2, "conflicting_rows"),
        (4, "conflicting_rows"),
    ]
    assert "row 4" in problems[0]["message"]
    assert "row 2" in problems[1]["message"]


def test_two_players_cannot_share_an_address_in_any_case(tmp_path: Path) -> None:
    problems = refused(tmp_path, "alice,1,2,3,a@example.com", "bob,1,2,3,A@Example.com", header=MAILED)

    assert [(problem["row"], problem["code"]) for problem in problems] == [(2, "email_shared"), (3, "email_shared")]


def test_an_address_of_a_known_player_is_refused(tmp_path: Path) -> None:
    imported(tmp_path, "alice,1,2,3,a@example.com", header=MAILED)

    problem = refused(tmp_path, "bob,1,2,3,a@example.com", header=MAILED)[0]

    assert (problem["code"], "player alice already has" in problem["message"]) == ("email_taken", True)


def test_an_address_may_move_from_one_player_to_another(tmp_path: Path) -> None:
    imported(tmp_path, "alice,1,2,3,a@example.com", "bob,1,2,3,b@example.com", header=MAILED)

    imported(tmp_path, "alice,1,2,3,b@example.com", "bob,1,2,3,a@example.com", header=MAILED)

    assert dict(Player.objects.values_list("player_id", "email")) == {"alice": "b@example.com", "bob": "a@example.com"}


@pytest.mark.parametrize("label", ["Total", "TOTALS:", "Grand total", "sum", "Summe", "Gesamt", "Итого", "合计"])
def test_a_row_of_totals_is_left_out_and_told(tmp_path: Path, label: str) -> None:
    summary = imported(tmp_path, "alice,1,2,3", "bob,10,20,30", f"{label},11,22,33")

    assert (known_ids(), codes(summary.notices)) == ({"alice", "bob"}, ["total_row"])


def test_a_row_of_totals_checks_the_rows_above(tmp_path: Path) -> None:
    summary = imported(tmp_path, "alice,1,2,3", "bob,10,20,30", "Total,12,22,33")

    assert codes(summary.notices) == ["total_row_differs"]
    assert "it shows total_deposited 12" in summary.notices[0]["message"]
    assert "add up to total_deposited 11.00" in summary.notices[0]["message"]


def test_sums_of_groups_are_recognised_too(tmp_path: Path) -> None:
    rows = ["alice,1,2,3", "Subtotal,1,2,3", "bob,10,20,30", "carol,1,1,1", "Subtotal,11,21,31", "Total,12,23,34"]

    summary = imported(tmp_path, *rows)

    assert (known_ids(), codes(summary.notices)) == ({"alice", "bob", "carol"}, ["total_row"] * 3)


def test_a_total_among_players_that_sums_up_nothing_is_refused(tmp_path: Path) -> None:
    problem = refused(tmp_path, "alice,1,2,3", "Total,7,7,7", "bob,1,2,3")[0]

    assert (problem["row"], problem["code"]) == (3, "doubtful_total")


def test_a_player_named_total_is_a_player_where_somebody_is_behind_it(tmp_path: Path) -> None:
    imported(tmp_path, "alice,1,2,3,a@example.com", "Total,7,7,7,t@example.com", header=MAILED)

    assert known_ids() == {"alice", "Total"}


def test_a_label_in_another_column_marks_a_total_too(tmp_path: Path) -> None:
    summary = imported(tmp_path, "Malta,alice,1,2,3", "Total,,1,2,3", header=f"country,{HEADER}")

    assert (known_ids(), codes(summary.notices)) == ({"alice"}, ["total_row"])


def test_a_repeated_header_is_left_out_and_told(tmp_path: Path) -> None:
    summary = imported(tmp_path, "alice,1,2,3", HEADER, "bob,1,2,3")

    assert (known_ids(), codes(summary.notices)) == ({"alice", "bob"}, ["repeated_header"])


def test_a_row_with_too_many_cells_is_refused(tmp_path: Path) -> None:
    problem = refused(tmp_path, "alice,1,5,2,3", "bob,1,2,3")[0]

    assert (problem["row"], problem["code"]) == (2, "extra_cells")
    assert "the row has 5 cells, the header 4" in problem["message"]


def test_a_file_without_a_single_player_is_refused(tmp_path: Path) -> None:
    assert refused(tmp_path)[0]["code"] == "spreadsheet_empty"
    assert refused(tmp_path, ",,,", "", " , ,,")[0]["code"] == "spreadsheet_empty"
    assert refused(tmp_path, "Total,0,0,0")[0]["code"] == "spreadsheet_empty"


def test_what_is_possible_but_unlikely_is_told(tmp_path: Path) -> None:
    header = f"{HEADER},first_deposit_date,last_deposit_date"

    summary = imported(tmp_path, "alice,1,0,3,2025-12-20,2025-12-01", header=header)

    assert codes(summary.notices) == ["won_without_wager", "deposits_out_of_order"]


def test_every_problem_of_a_row_is_listed(tmp_path: Path) -> None:
    problems = refused(tmp_path, "alice,x,-2,", "bob,1,2,3", ",1,2,3")

    assert [(problem["row"], problem["column"]) for problem in problems] == [
        (2, "total_deposited"),
        (2, "total_wagered"),
        (2, "total_won"),
        (4, "player_id"),
    ]


def test_a_refused_file_leaves_everything_as_it_was(tmp_path: Path) -> None:
    imported(tmp_path, "alice,1,2,3")

    refused(tmp_path, "alice,10,20,30", "bob,1,2,3", "carol,NaN,2,3")

    assert (known_ids(), totals("alice")) == ({"alice"}, (Decimal(1), Decimal(2), Decimal(3)))
