"""The child that reads, seen from its parent."""

import os
import signal
from pathlib import Path

import psutil
import pytest

from core.spreadsheets.errors import MissingColumnsError, SpreadsheetError, SpreadsheetTooLargeError
from core.spreadsheets.limits import Limits
from core.spreadsheets.reading import ReadOptions, read_table
from core.tests.spreadsheets.reading import COLUMNS, HEADER, read_confined, write_text

OPTIONS = ReadOptions()


def large_file(folder: Path) -> Path:
    """Return a file that fills the pipe, so that its reader waits for us."""
    return write_text(folder, f"{HEADER}\n" + "".join(f"P{number},1,2,3\n" for number in range(200_000)))


def test_rows_arrive_through_the_child(tmp_path: Path) -> None:
    assert read_confined(write_text(tmp_path, f"{HEADER}\nP1,1,2,3\n")) == [["2", "", "P1", "1", "2", "3"]]


def test_an_error_of_the_child_is_raised_again_as_it_was(tmp_path: Path) -> None:
    with pytest.raises(MissingColumnsError) as refusal:
        read_confined(write_text(tmp_path, "player_id,total_deposited,total_wagered\nP1,1,2\n"))

    assert refusal.value.details["missing"] == ["total_won"]


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SpreadsheetError, match="there is no file"):
        read_confined(tmp_path / "players.csv")


def test_the_child_gets_no_secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://secret@localhost/house")

    with read_table(large_file(tmp_path), name="p.csv", columns=COLUMNS, options=OPTIONS, limits=Limits()) as stream:
        environment = psutil.Process(stream.process_id).environ()

    assert "DATABASE_URL" not in environment


def test_the_child_ends_when_its_rows_are_no_longer_wanted(tmp_path: Path) -> None:
    with read_table(large_file(tmp_path), name="p.csv", columns=COLUMNS, options=OPTIONS, limits=Limits()) as stream:
        process_id = stream.process_id

    assert not psutil.pid_exists(process_id)


def test_a_child_that_is_killed_is_no_end_of_file(tmp_path: Path) -> None:
    limits = Limits()
    with read_table(large_file(tmp_path), name="p.csv", columns=COLUMNS, options=OPTIONS, limits=limits) as stream:
        os.kill(stream.process_id, signal.SIGKILL)

        with pytest.raises(SpreadsheetTooLargeError, match="was not read"):
            list(stream.chunks())


def test_a_child_that_falls_silent_is_given_up(tmp_path: Path) -> None:
    limits = Limits(silent_seconds_max=1)
    with read_table(large_file(tmp_path), name="p.csv", columns=COLUMNS, options=OPTIONS, limits=limits) as stream:
        os.kill(stream.process_id, signal.SIGSTOP)

        with pytest.raises(SpreadsheetTooLargeError, match="sent no row for 1 seconds"):
            list(stream.chunks())
