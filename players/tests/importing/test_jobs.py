"""Imports as jobs: recognised, watched, resumed, safe side by side."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from io import BytesIO
from pathlib import Path

import pghistory
import pytest
from django.contrib.auth.models import User
from django.core.files import File
from django.core.files.base import ContentFile
from django.db import OperationalError, connection, transaction
from psycopg.errors import DeadlockDetected

from core.errors import InvalidInputError, NotFoundError
from players.importing import (
    ImportConflictError,
    ImportOptions,
    ImportRefusedError,
    ImportRunningError,
    changes,
    check_import,
    import_player_data,
    import_players,
    importer,
    process_player_batch,
    run_import,
    running,
    start_import,
    validate_excel_format,
)
from players.importing.progress import Progress
from players.models import ImportJob, ImportJobStatus, ImportPlayerTotals, Player, PlayerSource
from players.tasks import submit_import
from players.tests.importing.files import HEADER, codes, imported, refused, totals, write

CONTENT = f"{HEADER}\nalice,1,2,3\n".encode()


def upload(content: bytes = CONTENT, name: str = "players.csv") -> ImportJob:
    return start_import(file=ContentFile(content), name=name, uploaded_by=None)


@pytest.mark.django_db
def test_the_same_content_is_recognised_whatever_its_name(tmp_path: Path) -> None:
    first = import_players(write(tmp_path, "alice,1,2,3"))

    second = import_players(write(tmp_path, "alice,1,2,3", name="renamed.csv"))

    assert (second.is_already_imported, second.duplicate_of) == (True, first.job_id)
    assert codes(second.notices) == ["same_content"]


@pytest.mark.django_db
def test_the_same_content_can_be_forced(tmp_path: Path) -> None:
    imported(tmp_path, "alice,1,2,3")

    assert imported(tmp_path, "alice,1,2,3", force=True).players_unchanged == 1


@pytest.mark.django_db
def test_content_that_was_refused_is_not_recognised(tmp_path: Path) -> None:
    refused(tmp_path, "alice,1,2,x")

    assert imported(tmp_path, "alice,1,2,x", "bob,1,2,3", skip_bad_rows=True).players_inserted == 1


@pytest.mark.django_db
def test_a_job_keeps_what_came_of_it(tmp_path: Path) -> None:
    analyst = User.objects.create_user("analyst")

    summary = import_players(write(tmp_path, "alice,1,2,3", "bob,1,2,3"), created_by=analyst)

    job = ImportJob.objects.get(pk=summary.job_id)
    assert (job.status, job.progress_percent, job.created_by, job.file_name) == (
        "SUCCEEDED",
        100,
        analyst,
        "players.csv",
    )
    assert job.counts == {
        "rows_read": 2,
        "problems": 0,
        "rejected": 0,
        "inserted": 2,
        "updated": 0,
        "unchanged": 0,
        "days_estimated": 0,
    }
    assert job.started_at is not None
    assert job.finished_at is not None


@pytest.mark.django_db
def test_a_refused_job_keeps_its_problems(tmp_path: Path) -> None:
    with pytest.raises(ImportRefusedError, match="1 problems in 1 rows, so nothing was imported") as refusal:
        imported(tmp_path, "alice,1,2,x")

    job = refusal.value.job
    assert job is not None
    job.refresh_from_db()
    assert (job.status, job.errors[0]["value"], job.counts["rejected"]) == ("FAILED", "x", 1)


@pytest.mark.django_db
def test_a_file_that_cannot_be_read_is_a_refused_job(tmp_path: Path) -> None:
    path = tmp_path / "players.csv"
    path.write_bytes(b"%PDF-1.7")

    with pytest.raises(ImportRefusedError, match="the file is a PDF document"):
        import_players(path)

    assert ImportJob.objects.get().errors[0]["code"] == "spreadsheet_format_unknown"


@pytest.mark.django_db
def test_an_upload_is_kept_and_run_later() -> None:
    job = upload()
    assert (job.status, Player.objects.count()) == ("PENDING", 0)

    job = run_import(job.pk)

    assert (job.status, totals("alice")[0], job.stored_file.read()) == ("SUCCEEDED", 1, CONTENT)


@pytest.mark.django_db
def test_a_job_given_out_twice_is_done_once() -> None:
    job = upload()
    run_import(job.pk)

    run_import(job.pk)

    assert ImportPlayerTotals.objects.count() == 1


@pytest.mark.django_db
def test_a_job_whose_process_died_is_begun_again() -> None:
    job = upload()
    ImportJob.objects.filter(pk=job.pk).update(status=ImportJobStatus.RUNNING, phase="writing", progress_percent=70)

    assert run_import(job.pk).status == "SUCCEEDED"


@pytest.mark.django_db
def test_a_job_that_does_not_exist_is_named() -> None:
    with pytest.raises(NotFoundError, match="there is no import 999"):
        run_import(999)


@pytest.mark.django_db
def test_an_upload_that_is_too_large_is_refused(settings) -> None:  # type: ignore[no-untyped-def]
    settings.UPLOAD_BYTES_MAX = 1024 * 1024

    with pytest.raises(InvalidInputError, match="at most 1 MB can be uploaded"):
        upload(b"x" * (1024 * 1024 + 1))


@pytest.mark.django_db
def test_a_path_in_the_name_of_an_upload_leads_nowhere() -> None:
    job = upload(name="../../etc/passwd.csv")

    assert (job.file_name, str(job.stored_file.name).startswith("imports/passwd")) == ("passwd.csv", True)


@pytest.mark.django_db
def test_totals_of_the_future_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="still to come"):
        imported(tmp_path, "alice,1,2,3", as_of=date(2999, 1, 1))


@pytest.mark.django_db
def test_an_unknown_option_is_named() -> None:
    with pytest.raises(InvalidInputError, match="there is no option 'shiny'"):
        ImportOptions.from_dict({"shiny": True})


def test_options_survive_their_storage() -> None:
    options = ImportOptions.from_dict(
        {"sheet": "A", "decimal_sign": ",", "date_order": "day_first", "as_of": "2025-12-20"}
    )

    assert ImportOptions.from_dict(options.as_dict()) == options


@pytest.mark.django_db
def test_a_check_leaves_no_trace(tmp_path: Path) -> None:
    outcome = check_import(write(tmp_path, "alice,1,2,3", "bob,1,x,3"))

    assert ([problem["row"] for problem in outcome.problems], outcome.counts["rows_read"]) == ([3], 2)
    assert (Player.objects.count(), ImportJob.objects.count()) == (0, 0)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("rows", "found"), [(["alice,1,2,3"], []), (["alice,1,2,x"], ["not_a_number"]), ([], ["spreadsheet_empty"])]
)
def test_the_documented_validation_lists_what_is_wrong(tmp_path: Path, rows: list[str], found: list[str]) -> None:
    assert [problem["code"] for problem in validate_excel_format(write(tmp_path, *rows))] == found


@pytest.mark.django_db
def test_the_documented_import_returns_a_summary(tmp_path: Path) -> None:
    assert import_player_data(write(tmp_path, "alice,1,2,3")).players_inserted == 1


@pytest.mark.django_db
def test_rows_of_a_program_are_imported_like_a_file() -> None:
    alice = {"player_id": "010101", "total_deposited": 1, "total_wagered": "2.50", "total_won": 3, "name": "Ann, Lee"}
    bob = {"player_id": "bob", "total_deposited": 1, "total_wagered": 2, "total_won": 3, "sessions": None}

    assert process_player_batch([alice, bob]).players_inserted == 2
    assert Player.objects.get(player_id="010101").name == "Ann, Lee"


@pytest.mark.django_db
def test_an_import_within_a_request_that_keeps_history_is_like_any_other(tmp_path: Path) -> None:
    with pghistory.context(user=1):
        Player.objects.update(name="")
        summary = imported(tmp_path, "alice,1,2,3", "bob,10,20,30", "Total,11,22,33")

    assert (summary.players_inserted, codes(summary.notices)) == (2, ["total_row"])


@pytest.mark.django_db
def test_an_empty_batch_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="the batch is empty"):
        process_player_batch([])


@pytest.mark.django_db(transaction=True)
def test_a_submitted_upload_is_imported_by_a_worker() -> None:
    job = submit_import(file=File(BytesIO(CONTENT)), name="players.csv", uploaded_by=None)

    job.refresh_from_db()
    assert job.status == "SUCCEEDED"


@pytest.mark.django_db(transaction=True)
def test_progress_is_seen_by_others_while_the_import_is_under_way(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[str, str]] = []
    job = upload()

    def look(self: Progress, phase: str, percent: int) -> None:
        enter(self, phase, percent)
        with ThreadPoolExecutor(1) as other:
            seen.append(other.submit(lambda: look_at(job.pk)).result())

    enter = Progress.enter_phase
    monkeypatch.setattr(Progress, "enter_phase", look)
    run_import(job.pk)

    assert [phase for _, phase in seen] == ["reading", "checking", "waiting for another import", "comparing", "writing"]
    assert {status for status, _ in seen} == {"RUNNING"}


def look_at(job_id: int) -> tuple[str, str]:
    try:
        return ImportJob.objects.values_list("status", "phase").get(pk=job_id)
    finally:
        connection.close()


@pytest.mark.django_db(transaction=True)
def test_an_import_that_breaks_off_changes_nothing_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def break_off(_: int) -> int:
        raise RuntimeError("the disk is full")

    job = upload()
    monkeypatch.setattr(changes, "record_totals", break_off)
    with pytest.raises(RuntimeError):
        run_import(job.pk)

    job.refresh_from_db()
    assert (job.status, job.errors[0]["code"], Player.objects.count()) == ("FAILED", "internal_error", 0)


@pytest.mark.django_db(transaction=True)
def test_a_player_that_changes_meanwhile_stops_the_import(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    imported(tmp_path, "alice,1,2,3")
    lock = changes.lock_known_players

    def switch_to_feed_first() -> None:
        with ThreadPoolExecutor(1) as other:
            other.submit(switch_to_feed, "alice").result()
        lock()

    monkeypatch.setattr(changes, "lock_known_players", switch_to_feed_first)
    with pytest.raises(ImportConflictError, match="alice was changed by something else"):
        imported(tmp_path, "alice,1,2,4")

    assert (totals("alice")[2], ImportJob.objects.latest("pk").errors[0]["code"]) == (3, "import_conflict")


def switch_to_feed(player_id: str) -> None:
    try:
        Player.objects.filter(pk=player_id).update(source=PlayerSource.FEED)
    finally:
        connection.close()


@pytest.mark.django_db(transaction=True)
def test_an_import_begins_again_after_a_deadlock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    record, failures = changes.record_totals, [DeadlockDetected("deadlock detected")]

    def fail_once(job_id: int) -> int:
        if failures:
            raise OperationalError from failures.pop()
        return record(job_id)

    monkeypatch.setattr(changes, "record_totals", fail_once)

    assert imported(tmp_path, "alice,1,2,3").players_inserted == 1


@pytest.mark.django_db(transaction=True)
def test_a_job_is_not_run_by_two_processes_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    job = upload()
    is_inside, may_go_on = threading.Event(), threading.Event()
    check = importer.check_file

    def wait_inside(*args, **kwargs):  # type: ignore[no-untyped-def]
        is_inside.set()
        may_go_on.wait(60)
        return check(*args, **kwargs)

    monkeypatch.setattr(running, "check_file", wait_inside)
    with ThreadPoolExecutor(1) as other:
        first = other.submit(run_and_close, job.pk)
        assert is_inside.wait(60)
        with pytest.raises(ImportRunningError):
            run_import(job.pk)
        may_go_on.set()
        assert first.result() == "SUCCEEDED"

    assert ImportPlayerTotals.objects.count() == 1


def run_and_close(job_id: int) -> str:
    try:
        return run_import(job_id).status
    finally:
        connection.close()


@pytest.mark.django_db(transaction=True)
def test_two_files_with_the_same_players_are_imported_one_after_the_other() -> None:
    rows = [f"player{number},1,2,{{}}" for number in range(300)]
    contents = ["\n".join([HEADER, *(row.format(won) for row in rows), ""]).encode() for won in (3, 4, 5)]
    jobs = [upload(content, name=f"{number}.csv") for number, content in enumerate(contents)]

    with ThreadPoolExecutor(3) as pool:
        results = sorted(pool.map(run_and_close, [job.pk for job in jobs]))

    assert results[-1] == "SUCCEEDED"
    assert set(results) <= {"SUCCEEDED", "FAILED"}
    imports = ImportJob.objects.filter(status="SUCCEEDED").count()
    assert Player.objects.count() == 300
    assert ImportPlayerTotals.objects.count() == 300 * imports


@pytest.mark.django_db(transaction=True)
def test_the_same_file_uploaded_twice_at_once_is_imported_once() -> None:
    jobs = [upload(), upload(name="again.csv")]

    with ThreadPoolExecutor(2) as pool:
        results = sorted(pool.map(run_and_close, [job.pk for job in jobs]))

    assert results == ["DUPLICATE", "SUCCEEDED"]


@pytest.mark.django_db(transaction=True)
def test_an_import_inside_a_transaction_of_its_caller_ends_with_it(tmp_path: Path) -> None:
    with transaction.atomic():
        imported(tmp_path, "alice,1,2,3")
        transaction.set_rollback(True)

    assert Player.objects.count() == 0
