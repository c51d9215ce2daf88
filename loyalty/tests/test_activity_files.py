"""Uploading files of events in the admin: columns named, rows looked at, stored through the feed."""

from __future__ import annotations

import csv
import gzip
from datetime import UTC, date, datetime
from decimal import Decimal
from io import StringIO
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.urls import reverse

from core.errors import LoyaltyError
from loyalty import activity_files
from loyalty.activity_files import run_activity_file
from loyalty.tests import cast
from players.activity.files import FieldMapping
from players.activity.uploads import accept_activity_file, look_at_rows, name_columns
from players.models import Activity, ActivityException, ActivityFile, Player, PlayerDay
from players.tests.factories import make_alice, make_measured, make_player

pytestmark = pytest.mark.django_db
Settings = Any

HEAD = "Id;Username;Bet;When;Note"
GOOD = f"{HEAD}\n1;alice;10.00;2026-03-10 12:00;x\n2;alice;5.50;2026-03-10 12:10;y\n"
MIXED = f"{HEAD}\n1;alice;10.00;2026-03-10 12:00;\n2;alice;many;2026-03-10 12:10;\n3;nobody;1;2026-03-10 12:20;\n"
COLUMNS = {"Id": "external_id", "Username": "player_id", "Bet": "amount", "When": "occurred_at"}
MAPPING = FieldMapping(columns=COLUMNS, constants={"kind": "WAGER"}, names_all=True)


def upload(content: str | bytes = GOOD, name: str = "bets.csv") -> ActivityFile:
    raw = content.encode() if isinstance(content, str) else content
    return accept_activity_file(file=SimpleUploadedFile(name, raw), name=name, source="casino", uploaded_by=None)


def stored(content: str | bytes = GOOD, *, mapping: FieldMapping = MAPPING, **options: bool) -> ActivityFile:
    kept = upload(content)
    name_columns(kept, mapping, **{"create_players": False, "skip_bad_rows": False, **options})
    return run_activity_file(kept.pk)


# ── what a file is ──


def test_the_columns_of_a_file_are_shown_with_what_they_seem_to_be() -> None:
    kept = upload()

    assert kept.status == "NAMING"
    assert kept.headings == [
        {"name": "Id", "samples": ["1", "2"], "field": "external_id"},
        {"name": "Username", "samples": ["alice", "alice"], "field": "player_id"},
        {"name": "Bet", "samples": ["10.00", "5.50"], "field": "amount"},
        {"name": "When", "samples": ["2026-03-10 12:00", "2026-03-10 12:10"], "field": ""},
        {"name": "Note", "samples": ["x", "y"], "field": ""},
    ]


def test_columns_that_nobody_knows_and_doubled_ones_are_shown_too() -> None:
    kept = upload("Konto,Wann,date,timestamp,Notiz,Notiz\nalice,2026,a,b,c,d\n")

    assert [(one["name"], one["field"]) for one in kept.headings] == [
        ("Konto", ""),
        ("Wann", ""),
        ("date", "occurred_at"),
        ("timestamp", ""),
        ("Notiz", ""),
    ]


def test_a_packed_file_and_a_workbook_are_read(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    sheet: Any = book.active
    sheet.append(["Id", "Username", "Bet", "When"])
    sheet.append([1, "alice", 12.5, datetime(2026, 3, 10, 12)])
    book.save(tmp_path / "bets.xlsx")

    packed = upload(gzip.compress(GOOD.encode(), mtime=0), "bets.csv.gz")
    workbook = upload((tmp_path / "bets.xlsx").read_bytes(), "bets.xlsx")

    assert packed.headings[2]["samples"] == ["10.00", "5.50"]
    assert [one["samples"] for one in workbook.headings] == [["1"], ["alice"], ["12.5"], ["2026-03-10 12:00:00"]]


@pytest.mark.parametrize(
    ("content", "name", "message"),
    [
        (b"", "bets.csv", "empty"),
        (b"\x00\x01\x02" * 100, "bets.csv", "NUL bytes"),
        (gzip.compress(GOOD.encode(), mtime=0)[:-4], "bets.csv.gz", "cut off or broken"),
        (b"x" * 3000, "bets.csv", "at most 0 MB can be uploaded"),
    ],
)
def test_a_file_that_is_none_is_refused_and_not_kept(
    settings: Settings, content: bytes, name: str, message: str
) -> None:
    settings.UPLOAD_BYTES_MAX = 2048

    with pytest.raises(LoyaltyError, match=message):
        upload(content, name)

    assert not ActivityFile.objects.exists()


# ── what its rows would be ──


def test_looking_at_rows_stores_nothing_and_names_row_column_and_what_would_be_right() -> None:
    make_alice()

    looked = look_at_rows(upload(MIXED), MAPPING)

    assert (looked.rows, looked.good, looked.known) == (3, 1, 0)
    assert [(one.row, one.column, one.field, one.message[:45]) for one in looked.problems] == [
        (3, "Bet", "amount", "is 'many': a decimal such as 12.50 is needed"),
        (4, "Username", "player_id", "is 'nobody', whom nobody knows: import the pl"),
    ]
    assert looked.events[0]["occurred_at"] == datetime(2026, 3, 10, 12, tzinfo=UTC)
    assert not Activity.objects.exists()


def test_looking_again_tells_what_is_known_and_what_was_something_else() -> None:
    make_alice()
    stored()

    looked = look_at_rows(upload(GOOD.replace("5.50", "6.50")), MAPPING)

    assert (looked.good, looked.known) == (1, 1)
    assert looked.problems[0].message.startswith("is '2', which this source used before for another event")


@pytest.mark.parametrize(
    ("mapping", "message"),
    [
        (FieldMapping(columns=COLUMNS, names_all=True), "no column is the kind: every event needs one"),
        (FieldMapping(columns={**COLUMNS, "Note": "notes"}), "'notes' is no field of an event"),
        (FieldMapping(columns=COLUMNS, constants={"kind": "WAGER", "external_id": "1"}), "every event needs an id"),
    ],
)
def test_columns_that_make_no_event_are_refused(mapping: FieldMapping, message: str) -> None:
    kept = upload()

    with pytest.raises(LoyaltyError, match=message):
        name_columns(kept, mapping, create_players=False, skip_bad_rows=False)

    assert ActivityFile.objects.get().status == "NAMING"


# ── storing them ──


def test_the_events_of_a_file_count_as_those_of_the_feed() -> None:
    make_alice()

    kept = stored()

    assert (kept.status, kept.progress_percent, kept.errors) == ("SUCCEEDED", 100, [])
    assert {name: number for name, number in kept.counts.items() if number} == {"rows": 2, "stored": 2}
    day = PlayerDay.objects.get()
    assert (day.wagered, day.bets, day.sessions) == (Decimal("15.50"), 2, 1)
    assert Activity.objects.values_list("source", flat=True).distinct().get() == "casino"


def test_the_same_file_again_counts_nothing_twice() -> None:
    make_alice()
    stored()

    assert stored().counts["known"] == 2
    assert PlayerDay.objects.get().wagered == Decimal("15.50")


def test_a_file_with_errors_changes_nothing_and_gives_its_bad_rows_back() -> None:
    make_alice()

    kept = stored(MIXED)

    assert (kept.status, kept.counts) == ("FAILED", {"rows": 3, "refused": 2})
    assert [(one["row"], one["column"], one["field"]) for one in kept.errors] == [
        (3, "Bet", "amount"),
        (4, "Username", "player_id"),
    ]
    assert not Activity.objects.exists()
    rows = list(csv.DictReader(StringIO(kept.rejected_file.read().decode("utf-8-sig"))))
    assert [(row["row"], row["external_id"], row["amount"], row["problem"][:20]) for row in rows] == [
        ("3", "2", "many", "Bet: is 'many': a de"),
        ("4", "3", "1", "Username: is 'nobody"),
    ]


def test_the_good_rows_are_stored_where_that_is_wanted_and_the_others_mended_without_naming_columns() -> None:
    make_alice()

    kept = stored(MIXED, skip_bad_rows=True)

    assert (kept.status, kept.counts["stored"], kept.counts["refused"]) == ("PARTIAL", 1, 2)
    mended = upload(kept.rejected_file.read().replace(b"many", b"20").replace(b"nobody", b"alice"), "mended.csv")
    named = {one["name"]: one["field"] for one in mended.headings if one["field"]}
    name_columns(mended, FieldMapping(columns=named, names_all=True), create_players=False, skip_bad_rows=False)
    assert run_activity_file(mended.pk).status == "SUCCEEDED"
    assert PlayerDay.objects.get().wagered == 31


def test_a_refused_file_is_named_anew_without_another_upload(admin_client: Client) -> None:
    make_alice()
    kept = stored(MIXED)
    page = admin_client.get(address("columns", kept)).content.decode()
    assert '<option value="occurred_at" selected' in page
    named = {f"column_{number}": field for number, field in enumerate(COLUMNS.values())}

    admin_client.post(address("columns", kept), {**named, "constant_kind": "WAGER", "skip_bad_rows": "on", "store": ""})

    kept.refresh_from_db()
    assert (kept.status, kept.counts["stored"], kept.counts["refused"]) == ("PARTIAL", 1, 2)


def test_the_next_file_of_a_source_is_taken_to_be_like_the_last() -> None:
    make_alice()
    stored()

    following = upload(GOOD.replace("Note", "Bonus"))

    assert [one["field"] for one in following.headings] == ["external_id", "player_id", "amount", "occurred_at", ""]
    assert following.constants == {"kind": "WAGER"}
    assert upload(GOOD.replace("When", "At")).constants == {}


def test_players_are_made_where_that_is_wanted() -> None:
    assert stored(create_players=True).status == "SUCCEEDED"
    assert Player.objects.get().player_id == "alice"


def test_events_that_come_too_late_are_listed() -> None:
    make_measured("alice", profile={"source": "FEED"}, totals_as_of=date(2026, 3, 10))

    kept = stored()

    assert (kept.status, kept.counts["listed"]) == ("SUCCEEDED", 2)
    assert ActivityException.objects.count() == 2


def test_two_events_of_one_id_in_one_file_are_told_apart() -> None:
    make_alice()

    kept = stored(GOOD + "2;alice;7;2026-03-10 12:20;\n")

    assert kept.status == "FAILED"
    assert kept.errors[0]["message"].startswith("is '2', as in events[1], which says something else")


def test_rejected_rows_are_harmless_to_spreadsheet_programs_and_come_back_as_they_were() -> None:
    make_player("--dilib--")
    kept = stored(f"{HEAD}\n=1+1;--dilib--;x;2026-03-10 12:00;\n")
    rejected = kept.rejected_file.read()

    row = next(csv.DictReader(StringIO(rejected.decode("utf-8-sig"))))
    assert (row["external_id"], row["player_id"]) == ("'=1+1", "'--dilib--")
    mended = upload(rejected.replace(b",x,", b",2,"))
    named = {one["name"]: one["field"] for one in mended.headings if one["field"]}
    name_columns(mended, FieldMapping(columns=named, names_all=True), create_players=False, skip_bad_rows=False)
    assert run_activity_file(mended.pk).status == "SUCCEEDED"
    assert Activity.objects.values_list("external_id", "player_id").get() == ("=1+1", "--dilib--")


def test_what_breaks_in_the_middle_keeps_what_is_stored_and_goes_on_when_run_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    make_alice()
    kept = upload()
    name_columns(kept, MAPPING, create_players=False, skip_bad_rows=False)
    take = activity_files.take_rows

    def break_off(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(activity_files, "take_rows", break_off)
    with pytest.raises(KeyboardInterrupt):
        run_activity_file(kept.pk)
    kept.refresh_from_db()
    assert kept.status == "RUNNING"

    monkeypatch.setattr(activity_files, "take_rows", take)
    assert run_activity_file(kept.pk).status == "SUCCEEDED"
    assert run_activity_file(kept.pk).counts["stored"] == 2


def test_a_file_is_not_run_twice_at_once() -> None:
    make_alice()
    kept = upload()
    name_columns(kept, MAPPING, create_players=False, skip_bad_rows=False)
    other = connection.copy()
    try:
        with other.cursor() as cursor:
            cursor.execute("BEGIN")
            cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [activity_files._FILE_LOCK, kept.pk])
            assert run_activity_file(kept.pk).status == "PENDING"
    finally:
        other.close()

    assert run_activity_file(kept.pk).status == "SUCCEEDED"


# ── the pages ──


def address(page: str, kept: ActivityFile) -> str:
    return reverse(f"admin:players_activityfile_{page}", args=[kept.pk])


def test_an_analyst_uploads_names_looks_and_stores() -> None:
    make_alice()
    analyst = Client()
    analyst.force_login(cast.make_users()["Analyst"])
    file = SimpleUploadedFile("bets.csv", GOOD.encode())

    response = analyst.post(
        reverse("admin:players_activityfile_upload"), {"file": file, "source": "casino"}, follow=True
    )
    kept = ActivityFile.objects.get()
    assert response.redirect_chain == [(address("columns", kept), 302)]
    asked = {"column_0": "external_id", "column_1": "player_id", "column_2": "amount"}

    page = analyst.post(address("columns", kept), {**asked, "look": ""}).content.decode()
    assert "no column is the kind: every event needs one" in page

    asked |= {"column_3": "occurred_at", "constant_kind": "WAGER", "constant_game_category": "slots"}
    page = analyst.post(address("columns", kept), {**asked, "look": ""}).content.decode()
    assert "The first 2 rows can be stored" in page
    assert not Activity.objects.exists()

    page = analyst.post(address("columns", kept), {**asked, "store": ""}, follow=True).content.decode()
    assert "The events are stored and counted." in page
    assert ActivityFile.objects.get().created_by.username == "analyst"  # type: ignore[union-attr]
    assert list(Activity.objects.values_list("game_category", flat=True)) == ["slots", "slots"]


def test_a_column_cannot_be_named_twice(admin_client: Client) -> None:
    kept = upload()

    page = admin_client.post(address("columns", kept), {"column_0": "amount", "column_2": "amount", "look": ""})

    assert "&#x27;Id&#x27; and &#x27;Bet&#x27; are both named Amount" in page.content.decode()


def test_the_page_shows_what_was_wrong_and_gives_the_rows_back(admin_client: Client) -> None:
    kept = stored(MIXED)

    page = admin_client.get(address("change", kept)).content.decode()
    rows = admin_client.get(address("rejected", kept))

    assert "Nothing was stored" in page
    assert "a decimal such as 12.50 is needed" in page
    assert 'hx-trigger="every 1s"' not in page
    assert "attachment" in rows.headers["Content-Disposition"]
    assert admin_client.get(address("uploaded", kept)).getvalue() == MIXED.encode()


def test_a_wrong_file_is_refused_at_its_field(admin_client: Client) -> None:
    file = SimpleUploadedFile("bets.csv", b"")

    page = admin_client.post(reverse("admin:players_activityfile_upload"), {"file": file, "source": "casino"})

    assert "The submitted file is empty" in page.content.decode()
    assert not ActivityFile.objects.exists()


def test_with_a_worker_the_file_is_left_to_it(admin_client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[int] = []
    monkeypatch.setattr("core.background.has_worker", lambda: True)
    monkeypatch.setattr("loyalty.tasks.run_activity_file.delay", given.append)
    kept = upload()
    named = {f"column_{number}": field for number, field in enumerate(COLUMNS.values())}

    admin_client.post(address("columns", kept), {**named, "constant_kind": "WAGER", "store": ""})

    page = admin_client.get(address("change", kept)).content.decode()
    assert given == [kept.pk]
    assert "The file waits for a worker." in page
    assert 'hx-trigger="every 1s"' in page
    admin_client.post(address("restart", kept))
    assert given == [kept.pk, kept.pk]


@pytest.mark.parametrize("page", ["columns", "progress", "rejected", "uploaded"])
def test_who_may_not_see_files_of_events_sees_nothing_of_them(page: str) -> None:
    kept = upload()
    outsider = Client()
    outsider.force_login(User.objects.create_user("outsider", password=cast.PASSWORD, is_staff=True))

    assert outsider.get(address(page, kept)).status_code == 403


@pytest.mark.parametrize("page", ["columns", "restart"])
def test_who_only_looks_names_no_columns_and_starts_nothing(page: str) -> None:
    kept = upload()
    risk = Client()
    risk.force_login(cast.make_users()["Risk"])

    assert risk.post(address(page, kept), {"store": ""}).status_code == 403
    assert risk.get(address("change", kept)).status_code == 200
