"""Months are written to files before they are dropped; what comes of them later is listed."""

from __future__ import annotations

import csv
import gzip
import hashlib
from datetime import date
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.test import override_settings

from core.errors import InvalidInputError
from core.policies import save_policy
from core.tests.threads import while_held_open
from players.activity.archiving import archive_activity
from players.activity.inferring import infer_sessions_anew
from players.models import Activity, ActivityArchive, ActivityException, ActivityKey, PlayerDay, PlayerMetrics
from players.tests.activity.events import correct, record, wager
from players.tests.factories import make_alice

TODAY = date(2026, 3, 15)
MARCH = date(2026, 3, 1)


def archive(folder: Path, before: date = MARCH) -> list[ActivityArchive]:
    return archive_activity(before=before, folder=folder, today=TODAY)


@pytest.mark.django_db(transaction=True)
def test_a_month_is_written_with_its_checksum_and_dropped_while_days_and_totals_stay(tmp_path: Path) -> None:
    make_alice()
    record(wager("jan", "7.00", occurred_at="2026-01-31T23:59:59Z", bet_id="b,1"), wager("mar", "3.00"))

    (january, february) = archive(tmp_path)

    file = tmp_path / "activity-2026-01.csv.gz"
    assert (january.month, january.events, january.file_name) == (date(2026, 1, 1), 1, file.name)
    assert january.sha256 == hashlib.sha256(file.read_bytes()).hexdigest()
    assert (tmp_path / f"{file.name}.sha256").read_text() == f"{january.sha256}  {file.name}\n"
    with gzip.open(file, "rt", newline="") as text:
        (row,) = csv.DictReader(text)
    assert (row["external_id"], row["amount"], row["bet_id"]) == ("jan", "7.00", "b,1")
    assert february.events == 0
    assert list(Activity.objects.values_list("external_id", flat=True)) == ["mar"]
    assert PlayerDay.objects.get(on=date(2026, 1, 31)).wagered == 7
    assert PlayerMetrics.objects.get().total_wagered == 10
    assert archive(tmp_path) == []


@pytest.mark.django_db(transaction=True)
def test_events_of_an_archived_month_are_listed_and_known_ones_ignored(tmp_path: Path) -> None:
    make_alice()
    known = wager("jan", occurred_at="2026-01-31T12:00:00Z")
    record(known)
    archive(tmp_path)

    answer = record(known, wager("late", occurred_at="2026-01-30T12:00:00Z"), correct("c1", "jan", amount="1"))

    assert (answer.stored, answer.repeated) == (0, 1)
    assert [(one.external_id, one.reason) for one in answer.listed] == [
        ("late", "TOO_OLD"),
        ("c1", "ORIGINAL_ARCHIVED"),
    ]
    assert PlayerMetrics.objects.get().total_wagered == 10


@pytest.mark.django_db(transaction=True)
def test_names_are_archived_too_where_the_policy_says_so(tmp_path: Path) -> None:
    make_alice()
    known = wager("jan", occurred_at="2026-01-31T12:00:00Z")
    record(known)
    save_policy(name="ACTIVITY_KEYS_AFTER_ARCHIVE", value="ARCHIVE", saved_by=None)

    archive(tmp_path)

    assert not ActivityKey.objects.exists()
    assert [one.reason for one in record(known).listed] == ["TOO_OLD"]


@pytest.mark.django_db(transaction=True)
def test_a_batch_that_is_on_its_way_is_waited_for(tmp_path: Path) -> None:
    make_alice()

    def store() -> None:
        record(wager("jan", occurred_at="2026-01-31T12:00:00Z"))

    ((january, _),) = while_held_open(store, lambda: archive_and_close(tmp_path))

    assert january.events == 1


def archive_and_close(folder: Path) -> list[ActivityArchive]:
    # The first month is not known before the batch is committed.
    ActivityArchive.objects.create(month=date(2026, 1, 1), file_name="", sha256="", events=0, are_keys_kept=True)
    return archive(folder)


@pytest.mark.django_db
def test_only_whole_months_that_are_over_are_archived_and_only_into_a_folder(tmp_path: Path) -> None:
    for before in (date(2026, 3, 2), date(2026, 4, 1)):
        with pytest.raises(InvalidInputError, match="the first day of a month is needed, up to this one, 2026-03"):
            archive(tmp_path, before)
    with pytest.raises(InvalidInputError, match="there is no folder"):
        archive(tmp_path / "nowhere")
    with pytest.raises(CommandError, match="ACTIVITY_RETENTION_MONTHS is 0"):
        call_command("archive_activity", "--to", str(tmp_path))


@pytest.mark.django_db
def test_events_older_than_the_retention_are_listed() -> None:
    make_alice()
    save_policy(name="ACTIVITY_RETENTION_MONTHS", value="2", saved_by=None)

    answer = record(wager("old", occurred_at="2025-12-31T23:59:59Z"), wager("new", occurred_at="2026-01-01T00:00:00Z"))

    assert (answer.stored, [one.external_id for one in answer.listed]) == (1, ["old"])
    assert ActivityException.objects.get().body["amount"] == "10.00"


@pytest.mark.django_db
def test_days_that_are_there_already_follow_a_changed_gap_when_asked() -> None:
    make_alice()
    record(wager("w1", clock="10:00"), wager("w2", clock="10:20"), wager("w3", clock="10:50"))
    save_policy(name="ACTIVITY_SESSION_GAP_MINUTES", value="25", saved_by=None)

    assert infer_sessions_anew(since=date(2026, 3, 10)) == 1

    day = PlayerDay.objects.get()
    assert (day.sessions, PlayerMetrics.objects.get().total_sessions, day.playtime_hours) == (2, 2, day.playtime_hours)
    assert infer_sessions_anew(since=date(2026, 3, 10)) == 0


@pytest.mark.django_db
@override_settings(TIME_ZONE="Europe/Berlin")
def test_days_are_those_of_the_business() -> None:
    make_alice()

    record(wager("w1", occurred_at="2026-03-09T23:30:00Z"))

    assert PlayerDay.objects.get().on == date(2026, 3, 10)
