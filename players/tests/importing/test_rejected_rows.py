"""The bad rows come back as a file that can be corrected and imported."""

import csv
import io
from pathlib import Path

import pytest

from players.importing import ImportRefusedError, import_players
from players.models import ImportJob, Player
from players.tests.importing.files import HEADER, imported

pytestmark = pytest.mark.django_db


def rejected(job_id: int) -> list[list[str]]:
    """Return the rows of a job's file of rejected rows, its header first."""
    content = ImportJob.objects.get(pk=job_id).rejected_file.read().decode("utf-8-sig")
    return list(csv.reader(io.StringIO(content, newline="")))


def test_good_rows_are_imported_and_bad_ones_come_back(tmp_path: Path) -> None:
    summary = imported(tmp_path, "alice,1,2,3", "bob,1,x,3", "carol,1,2,-3", skip_bad_rows=True)

    assert (summary.players_inserted, summary.rows_rejected, summary.status) == (1, 2, "SUCCEEDED")
    assert set(Player.objects.values_list("player_id", flat=True)) == {"alice"}
    assert [row[:5] for row in rejected(summary.job_id)] == [
        [*HEADER.split(","), "import_row"],
        ["bob", "1", "x", "3", "3"],
        ["carol", "1", "2", "-3", "4"],
    ]


def test_every_reason_stands_beside_its_row(tmp_path: Path) -> None:
    summary = imported(tmp_path, "alice,1,2,3", "bob,x,y,3", skip_bad_rows=True)

    reasons = rejected(summary.job_id)[1][-1]
    assert "total_deposited: this is no number" in reasons
    assert "total_wagered: this is no number" in reasons


def test_a_corrected_file_can_be_imported(tmp_path: Path) -> None:
    summary = imported(tmp_path, "alice,1,2,3", "--dilib--,1,x,3", "=1+1,1,x,3", "'=2,1,x,3", skip_bad_rows=True)
    content = ImportJob.objects.get(pk=summary.job_id).rejected_file.read().replace(b",x,", b",2,")
    (tmp_path / "corrected.csv").write_bytes(content)

    import_players(tmp_path / "corrected.csv")

    assert set(Player.objects.values_list("player_id", flat=True)) == {"alice", "--dilib--", "=1+1", "=2"}


@pytest.mark.parametrize("cell", ["=1+1", "@SUM(A1)", "+49 x", "--dilib--", '=HYPERLINK("http://x")'])
def test_no_spreadsheet_program_runs_a_rejected_cell(tmp_path: Path, cell: str) -> None:
    quoted = cell.replace('"', '""')
    summary = imported(
        tmp_path, "alice,1,2,3,Ann", f'bob,1,x,3,"{quoted}"', header=f"{HEADER},name", skip_bad_rows=True
    )

    assert rejected(summary.job_id)[1][4] == f"'{cell}"


def test_a_negative_number_is_left_alone(tmp_path: Path) -> None:
    summary = imported(tmp_path, "alice,1,2,3", "-5,1,-2,3", skip_bad_rows=True)

    assert rejected(summary.job_id)[1][:3] == ["-5", "1", "-2"]


def test_a_refused_file_keeps_its_bad_rows_too(tmp_path: Path) -> None:
    with pytest.raises(ImportRefusedError) as refusal:
        imported(tmp_path, "alice,1,2,3", "bob,1,x,3")

    assert refusal.value.job is not None
    assert [row[0] for row in rejected(refusal.value.job.pk)] == ["player_id", "bob"]


def test_a_file_without_problems_has_no_such_file(tmp_path: Path) -> None:
    assert imported(tmp_path, "alice,1,2,3").rejected_file == ""


def test_both_of_two_contradicting_rows_come_back(tmp_path: Path) -> None:
    summary = imported(tmp_path, "alice,1,2,3", "bob,1,2,3", "bob,1,2,4", skip_bad_rows=True)

    assert [row[0] for row in rejected(summary.job_id)[1:]] == ["bob", "bob"]
    assert set(Player.objects.values_list("player_id", flat=True)) == {"alice"}


def test_only_the_first_problems_are_listed_but_all_are_counted(tmp_path: Path) -> None:
    summary = imported(tmp_path, "alice,1,2,3", *(f"p{number},x,y,z" for number in range(400)), skip_bad_rows=True)

    job = ImportJob.objects.get(pk=summary.job_id)
    assert (job.counts["problems"], job.counts["rejected"], len(job.errors)) == (1200, 400, 1000)
    assert len(rejected(summary.job_id)) == 401
