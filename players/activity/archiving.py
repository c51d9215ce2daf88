"""Taking old months of activity out of the database, each into a file with its checksum first.

A month is closed before it is read: batches see that and list its events from then on. Whoever is killed in between
archives the month again; nothing is dropped before its file is complete on the disk.
"""

from __future__ import annotations

import gzip
import hashlib
import os
from collections.abc import Iterator
from datetime import UTC, date
from pathlib import Path

from django.db import connection, transaction
from django.utils import timezone

from core.errors import InvalidInputError
from core.expressions import fetch_rows, run_statement
from players.activity.retention import month_after
from players.activity.stage import MONTHS_LOCK
from players.models import ActivityArchive
from players.policies import ACTIVITY_KEYS_AFTER_ARCHIVE

_COLUMNS = """id, player_id, kind, source, external_id, occurred_at, received_at, amount, bonus_amount, bet_id,
    game_category, ended_at, ip_address, device_id, action, corrects_external_id"""
_IN_MONTH = "occurred_at >= '{first} 00:00:00+00' AND occurred_at < '{end} 00:00:00+00'"
_PIECE_BYTES = 1024 * 1024


def archive_activity(*, before: date, folder: Path, today: date | None = None) -> list[ActivityArchive]:
    """Archive every month before the one that `before` begins, oldest first; return those archived now.

    Raises InvalidInputError for a month that is not over, and for a folder that is none.
    """
    today = today or timezone.now().astimezone(UTC).date()
    if before.day != 1 or before > today.replace(day=1):
        raise InvalidInputError(
            f"before is {before}: the first day of a month is needed, up to this one, {today:%Y-%m}", field="before"
        )
    if not folder.is_dir():
        raise InvalidInputError(f"there is no folder {folder}", field="folder")
    return [_archive_month(month, folder=folder) for month in _months(before)]


def _months(before: date) -> Iterator[date]:
    """Yield the months to archive, those included that were begun and not finished."""
    first = fetch_rows("SELECT min(occurred_at) FROM player_activity", [])[0][0]
    begun = set(ActivityArchive.objects.filter(sha256="").values_list("month", flat=True))
    done = set(ActivityArchive.objects.exclude(sha256="").values_list("month", flat=True))
    started = [*begun, *([first.astimezone(UTC).date().replace(day=1)] if first else [])]
    month = min(started, default=before)
    while month < before:
        # What was counted by hand for an archived month stays; the month has its file.
        if month not in done:
            yield month
        month = month_after(month)


def _range(month: date) -> str:
    return _IN_MONTH.format(first=month, end=month_after(month))


def _archive_month(month: date, *, folder: Path) -> ActivityArchive:
    are_keys_kept = ACTIVITY_KEYS_AFTER_ARCHIVE.value() == "KEEP"
    archive, _ = ActivityArchive.objects.get_or_create(
        month=month, defaults={"file_name": "", "sha256": "", "are_keys_kept": are_keys_kept, "events": 0}
    )
    file = folder / f"activity-{month:%Y-%m}.csv.gz"
    with transaction.atomic():
        # Alone for a moment: every batch that began before the month was closed has ended then.
        run_statement("SELECT pg_advisory_xact_lock(%s)", [MONTHS_LOCK])
    events = _write(month, file)
    checksum = _checksum(file)
    (folder / f"{file.name}.sha256").write_text(f"{checksum}  {file.name}\n")
    with transaction.atomic():
        if not are_keys_kept:
            _drop_keys(month)
        _drop_events(month)
        archive.file_name, archive.sha256, archive.events = file.name, checksum, events
        archive.are_keys_kept, archive.archived_at = are_keys_kept, timezone.now()
        archive.save(update_fields=["file_name", "sha256", "events", "are_keys_kept", "archived_at"])
    return archive


def _write(month: date, file: Path) -> int:
    """Write the month's events; the file has its name only once it is whole. Return how many."""
    part = file.with_suffix(".part")
    events = f"SELECT {_COLUMNS} FROM player_activity WHERE {_range(month)} ORDER BY id"
    sql = f"COPY ({events}) TO STDOUT (FORMAT csv, HEADER)"
    with part.open("wb") as raw:
        with (
            gzip.GzipFile(filename=file.name.removesuffix(".gz"), fileobj=raw, mode="wb", mtime=0) as packed,
            connection.cursor() as cursor,
            cursor.copy(sql) as copy,
        ):
            for piece in copy:
                packed.write(piece)
        raw.flush()
        os.fsync(raw.fileno())
    part.replace(file)
    return int(fetch_rows(f"SELECT count(*) FROM player_activity WHERE {_range(month)}", [])[0][0])


def _checksum(file: Path) -> str:
    digest = hashlib.sha256()
    with file.open("rb") as stored:
        while piece := stored.read(_PIECE_BYTES):
            digest.update(piece)
    return digest.hexdigest()


def _drop_keys(month: date) -> None:
    run_statement(
        f"""
        DELETE FROM player_activity_keys k USING player_activity a
        WHERE {_range(month).replace("occurred_at", "a.occurred_at")}
          AND k.source = a.source AND k.external_id = a.external_id
        """,
        [],
    )


def _drop_events(month: date) -> None:
    """Drop the month's partition, and what of the month lies in the default one."""
    partition = f"player_activity_{month:%Y_%m}"
    if fetch_rows("SELECT to_regclass(%s) IS NOT NULL", [partition])[0][0]:
        run_statement(f"DROP TABLE {partition}", [])
    run_statement(f"DELETE FROM player_activity_default WHERE {_range(month)}", [])
