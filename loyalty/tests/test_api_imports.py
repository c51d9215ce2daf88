"""The import of spreadsheets through the API and through the admin's page."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from loyalty.tests import cast
from loyalty.tests.api import ApiUser, error_of
from players.models import ImportJob, Player, PlayerMetrics

GOOD = b"player_id,total_deposited,total_wagered,total_won\nP001,5000,15000,12000\nP002,100.50,900,800\n"
BAD = b"player_id,total_deposited,total_wagered,total_won\nP001,5000,15000,12000\nP002,abc,900,800\n"
# Written on connections of their own: an import shows its progress while its transaction is open.
pytestmark = pytest.mark.django_db(transaction=True)

Upload = Callable[..., tuple[int, Any]]


@pytest.fixture(autouse=True)
def own_storage(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.MEDIA_ROOT = tmp_path
    settings.STORAGES = {
        **settings.STORAGES,
        "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    }
    monkeypatch.setattr("core.background.has_worker", lambda: False)


@pytest.fixture
def analyst() -> ApiUser:
    return ApiUser(cast.make_users()["Analyst"])


@pytest.fixture
def admin_client(analyst: ApiUser) -> Client:
    client = Client()
    client.force_login(User.objects.get(username="analyst"))
    return client


def upload(user: ApiUser, content: bytes, name: str = "players.csv", **options: Any) -> tuple[int, Any]:
    return user.upload("/api/import/excel", {"file": SimpleUploadedFile(name, content), **options})


def test_a_spreadsheet_is_imported_and_its_job_can_be_asked(analyst: ApiUser) -> None:
    status, accepted = upload(analyst, GOOD, as_of="2026-03-10")
    _, job = analyst.get(f"/api/import/status/{accepted['job_id']}")

    assert status == 202
    assert (job["status"], job["business_date"], job["progress_percent"]) == ("SUCCEEDED", "2026-03-10", 100)
    assert job["counts"]["inserted"] == 2
    assert str(PlayerMetrics.objects.get(player_id="P001").total_wagered) == "15000.00"


def test_a_file_with_errors_changes_nothing_and_lists_each_error(analyst: ApiUser) -> None:
    _, accepted = upload(analyst, BAD)
    _, job = analyst.get(f"/api/import/status/{accepted['job_id']}")

    assert job["status"] == "FAILED"
    assert [(error["row"], error["column"], error["value"]) for error in job["errors"]] == [
        (3, "total_deposited", "abc")
    ]
    assert not Player.objects.exists()


def test_the_same_file_twice_is_recognised(analyst: ApiUser) -> None:
    _, first = upload(analyst, GOOD)
    _, second = upload(analyst, GOOD, name="again.csv")

    assert (second["status"], second["duplicate_of"]) == ("DUPLICATE", first["job_id"])


def test_good_rows_are_let_in_where_the_caller_wants_it(analyst: ApiUser) -> None:
    _, job = upload(analyst, BAD, skip_bad_rows="true")

    assert (job["status"], job["counts"]["inserted"], job["counts"]["rejected"]) == ("SUCCEEDED", 1, 1)


@pytest.mark.parametrize(
    ("data", "field"),
    [
        ({}, "file"),
        ({"file": "text instead of a file"}, "file"),
        ({"file": SimpleUploadedFile("empty.csv", b"")}, "file"),
        ({"file": SimpleUploadedFile("p.csv", GOOD), "as_of": "never"}, "as_of"),
        ({"file": SimpleUploadedFile("p.csv", GOOD), "as_of": "2999-01-01"}, "as_of"),
        ({"file": SimpleUploadedFile("p.csv", GOOD), "force": "perhaps"}, "force"),
        ({"file": SimpleUploadedFile("p.csv", GOOD), "delimiter": ";;"}, "delimiter"),
        ({"file": SimpleUploadedFile("p.csv", GOOD), "skip_bad": "true"}, "skip_bad"),
        ({"file": SimpleUploadedFile("p.csv", GOOD), "sheet": "a\x00b"}, "sheet"),
    ],
    ids=lambda value: str(sorted(value)) if isinstance(value, dict) else value,
)
def test_an_upload_that_makes_no_sense_leaves_no_job(analyst: ApiUser, data: dict[str, Any], field: str) -> None:
    answer = analyst.upload("/api/import/excel", data)

    assert answer[0] in {400, 422}, answer
    assert error_of(answer)["details"][0]["field"] == field
    assert not ImportJob.objects.exists()


def test_a_file_larger_than_allowed_is_refused_by_its_stated_length(analyst: ApiUser, settings: Settings) -> None:
    settings.UPLOAD_BYTES_MAX = 1024

    answer = upload(analyst, GOOD + b"x" * 100_000)

    assert (answer[0], error_of(answer)["code"]) == (413, "too_large")
    assert not ImportJob.objects.exists()


def test_json_is_no_upload(analyst: ApiUser) -> None:
    answer = analyst.post("/api/import/excel", {"file": "players.csv"})

    assert (answer[0], error_of(answer)["code"]) == (415, "unsupported_media_type")


def test_an_import_that_breaks_off_is_recorded_and_the_caller_gets_its_job(
    analyst: ApiUser, monkeypatch: pytest.MonkeyPatch
) -> None:
    def break_off(*_: object, **__: object) -> None:
        raise RuntimeError("disk full")

    monkeypatch.setattr("players.importing.running.apply_file", break_off)

    status, job = upload(analyst, GOOD)

    assert (status, job["status"], job["errors"][0]["code"]) == (202, "FAILED", "internal_error")
    assert not Player.objects.exists()


def test_with_a_worker_the_job_is_left_to_it(analyst: ApiUser, monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[int] = []
    monkeypatch.setattr("core.background.has_worker", lambda: True)
    monkeypatch.setattr("players.tasks.run_import_job.delay", given.append)

    status, job = upload(analyst, GOOD)

    assert (status, job["status"], given) == (202, "PENDING", [job["job_id"]])


def test_the_page_takes_a_file_and_shows_its_errors(admin_client: Client) -> None:
    page = admin_client.post(
        reverse("admin:players_importjob_upload"), {"file": SimpleUploadedFile("players.csv", BAD)}, follow=True
    ).content.decode()

    assert "Refused" in page
    assert "total_deposited" in page
    assert "abc" in page
    assert 'hx-trigger="every 1s"' not in page
    assert "Download the rejected rows" in page


def test_the_rejected_rows_can_be_taken_home(admin_client: Client) -> None:
    admin_client.post(reverse("admin:players_importjob_upload"), {"file": SimpleUploadedFile("players.csv", BAD)})
    job = ImportJob.objects.get()

    response = admin_client.get(reverse("admin:players_importjob_rejected", args=[job.pk]))

    rows = response.getvalue().decode()
    assert "attachment" in response.headers["Content-Disposition"]
    assert "P002" in rows
    assert "P001" not in rows


def test_the_page_of_a_waiting_import_asks_for_its_progress(admin_client: Client) -> None:
    job = ImportJob.objects.create(file_name="players.csv", business_date=cast.ON)

    page = admin_client.get(reverse("admin:players_importjob_change", args=[job.pk])).content.decode()
    part = admin_client.get(reverse("admin:players_importjob_progress", args=[job.pk])).content.decode()

    assert reverse("admin:players_importjob_progress", args=[job.pk]) in page
    assert 'hx-trigger="every 1s"' in part
    assert "<html" not in part


@pytest.mark.parametrize("page", ["progress", "rejected", "uploaded"])
def test_who_may_not_see_imports_sees_none_of_their_files(analyst: ApiUser, page: str) -> None:
    job = ImportJob.objects.create(file_name="players.csv", business_date=cast.ON)
    outsider = Client()
    outsider.force_login(User.objects.create_user("outsider", password=cast.PASSWORD, is_staff=True))

    assert outsider.get(reverse(f"admin:players_importjob_{page}", args=[job.pk])).status_code == 403


def test_an_upload_of_nothing_is_said_at_its_field(admin_client: Client) -> None:
    page = admin_client.post(reverse("admin:players_importjob_upload"), {}).content.decode()

    assert "This field is required" in page
    assert not ImportJob.objects.exists()


def test_a_date_still_to_come_is_refused_at_its_field(admin_client: Client) -> None:
    page = admin_client.post(
        reverse("admin:players_importjob_upload"),
        {"file": SimpleUploadedFile("players.csv", GOOD), "as_of": "2999-01-01"},
    ).content.decode()

    assert "still to come" in page
    assert not ImportJob.objects.exists()


def test_an_import_whose_worker_died_can_be_started_again(
    admin_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[int] = []
    job = ImportJob.objects.create(file_name="players.csv", business_date=cast.ON, status="RUNNING")
    monkeypatch.setattr("core.background.has_worker", lambda: True)
    monkeypatch.setattr("players.tasks.run_import_job.delay", given.append)

    response = admin_client.post(reverse("admin:players_importjob_restart", args=[job.pk]))

    assert (response.status_code, given) == (302, [job.pk])
