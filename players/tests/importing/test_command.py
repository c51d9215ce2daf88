"""`manage.py import_players`, as an operator meets it."""

from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from players.models import ImportJob, Player
from players.tests.importing.files import HEADER, totals, write

pytestmark = pytest.mark.django_db


def run(path: Path, *flags: str) -> str:
    """Return what the command prints."""
    output = StringIO()
    call_command("import_players", str(path), *flags, stdout=output)
    return output.getvalue()


def test_the_result_is_a_table(tmp_path: Path) -> None:
    output = run(write(tmp_path, "alice,1,2,3", "bob,1,2,3", header=f"{HEADER}"))

    assert "players.csv, import" in output
    assert "players new" in output
    assert Player.objects.count() == 2


def test_notices_are_printed(tmp_path: Path) -> None:
    assert "columns that were not read: shoe [bold]" in run(
        write(tmp_path, "alice,1,2,3,4", header=f"{HEADER},shoe [bold]")
    )


def test_a_refused_file_ends_the_command_with_its_problems(tmp_path: Path) -> None:
    output = StringIO()

    with pytest.raises(CommandError, match="1 problems in 1 rows, so nothing was imported"):
        call_command("import_players", str(write(tmp_path, "alice,1,[x],3")), stdout=output)

    assert "[x]" in output.getvalue()
    assert "rejected" in output.getvalue()


def test_a_file_that_is_not_there_ends_the_command(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="there is no file"):
        run(tmp_path / "nothing.csv")


def test_a_file_that_was_imported_before_is_no_failure(tmp_path: Path) -> None:
    path = write(tmp_path, "alice,1,2,3")
    run(path)

    assert "was imported before: nothing changed" in run(path)


def test_a_check_imports_nothing(tmp_path: Path) -> None:
    assert "1 rows could be imported" in run(write(tmp_path, "alice,1,2,3"), "--check")
    assert (Player.objects.count(), ImportJob.objects.count()) == (0, 0)


def test_a_check_that_finds_problems_fails(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="1 problems in 1 rows"):
        run(write(tmp_path, "alice,1,x,3"), "--check")


def test_bad_rows_can_be_skipped(tmp_path: Path) -> None:
    output = run(write(tmp_path, "alice,1,2,3", "bob,1,x,3"), "--skip-bad-rows")

    assert "rows rejected" in output
    assert Player.objects.get().player_id == "alice"


def test_every_choice_has_its_flag(tmp_path: Path) -> None:
    path = tmp_path / "players.csv"
    content = f"{HEADER},last_deposit_date\nalice,1.234,5,6,03/04/2025\n".replace(",", ";")
    path.write_bytes(content.encode("cp1250"))
    flags = [
        "--encoding=cp1250",
        "--delimiter=semicolon",
        "--decimal=comma",
        "--dates=month-first",
        "--as-of=2025-12-20",
    ]

    run(path, *flags, "--allow-decrease", "--force")

    assert [str(value) for value in totals("alice", "total_deposited", "last_deposit_at", "totals_as_of")] == [
        "1234.00",
        "2025-03-04 00:00:00+00:00",
        "2025-12-20",
    ]
