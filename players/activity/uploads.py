"""Uploaded files of events: kept with their headings, then told what their columns are, and looked at before it counts.

Running one crosses floors: see `loyalty/activity_files.py`.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.files import File
from django.utils import timezone

from core.errors import ConflictError, InvalidInputError
from core.spreadsheets.columns import CellKind, Column, match_header, normalize_heading
from core.spreadsheets.errors import DuplicateColumnsError, MissingColumnsError
from core.spreadsheets.limits import MEGABYTE, Limits
from core.stored_files import on_this_machine
from players.activity.checking import check_activity
from players.activity.fields import FieldRefusedError, read_source
from players.activity.files import (
    FieldMapping,
    RowsOfEvents,
    check_mapping,
    columns_of,
    events_of_file,
    lines_of,
    open_table,
    plain_cell,
)
from players.activity.problems import EventProblem
from players.models import ActivityFile, ActivityFileStatus
from players.policies import ACTIVITY_UNKNOWN_PLAYERS

if TYPE_CHECKING:
    from django.contrib.auth.models import User

ROWS_LOOKED_AT = 1_000
WAITED_FOR = Limits(cpu_seconds_max=60)
"""Somebody waits for the headings and the first rows; a file that takes longer is to be sent as .csv."""
CAN_BE_NAMED = (ActivityFileStatus.NAMING, ActivityFileStatus.FAILED)
_SAMPLES = 3
_SAMPLE_CHARACTERS_MAX = 40
_COLUMNS_MAX = 200
Heading = dict[str, Any]
"""What a column is called, its first values, and the field that is guessed: `name`, `samples`, `field`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RowProblem:
    """One thing that is wrong with a row: the column as the file calls it, the field it is, what would be right."""

    row: int
    column: str
    field: str
    message: str

    def as_dict(self) -> dict[str, Any]:
        return {"row": self.row, "column": self.column, "field": self.field, "message": self.message}


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedRows:
    """What storing rows would meet: how many are good, of them known already, what is wrong, the first as events."""

    rows: int
    good: int
    known: int
    rounded: int
    found: tuple[EventProblem, ...]
    problems: tuple[RowProblem, ...]
    events: tuple[Mapping[str, Any], ...]


def accept_activity_file(*, file: File[bytes], name: str, source: str, uploaded_by: User | None) -> ActivityFile:
    """Keep an uploaded file whose columns are still to be named, with what they seem to be.

    Raises InvalidInputError and SpreadsheetError; then nothing is kept.
    """
    if (file.size or 0) > settings.UPLOAD_BYTES_MAX:
        limit = settings.UPLOAD_BYTES_MAX // MEGABYTE
        raise InvalidInputError(
            f"the file has {(file.size or 0) // MEGABYTE:,} MB; at most {limit:,} MB can be uploaded", field="file"
        )
    try:
        source = read_source(source)
    except FieldRefusedError as error:
        raise InvalidInputError(f"source {error}", field="source") from None
    kept = ActivityFile(
        file_name=Path(name).name[:255], size_bytes=file.size or 0, source=source, created_by=uploaded_by
    )
    with tempfile.TemporaryDirectory(prefix="activity-file-") as folder:
        path = Path(folder) / "upload"
        kept.content_hash = _copy_upload(file, path)
        kept.headings = read_headings(path, name=kept.file_name)
    _name_as_before(kept)
    kept.stored_file.save(Path(name).name or "upload", file, save=False)
    kept.save()
    return kept


def _name_as_before(kept: ActivityFile) -> None:
    """Propose what the last file of the source was, where this one has all the columns that were read of it."""
    before = ActivityFile.objects.filter(source=kept.source).exclude(columns={}).order_by("-pk").first()
    if before is None or not set(before.columns) <= {heading["name"] for heading in kept.headings}:
        return
    kept.constants = before.constants
    kept.headings = [{**heading, "field": before.columns.get(heading["name"], "")} for heading in kept.headings]


def _copy_upload(file: File[bytes], path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("wb") as target:
        for chunk in file.chunks():
            digest.update(chunk)
            target.write(chunk)
    file.seek(0)
    return digest.hexdigest()


def read_headings(path: Path, *, name: str) -> list[Heading]:
    """Return the columns of a file, each with its first values and the field it seems to be."""
    guesses = columns_of(FieldMapping())
    try:
        with open_table(path, name=name, columns=guesses, limits=WAITED_FOR) as stream:
            headings = stream.report.headings
    except (MissingColumnsError, DuplicateColumnsError) as error:
        headings = error.details["headings"]
    names = list(dict.fromkeys(heading for heading in headings if heading))
    if len(names) > _COLUMNS_MAX:
        raise InvalidInputError(
            f"the file has {len(names):,} columns; at most {_COLUMNS_MAX} can be named", field="file"
        )
    guessed = {found.header: found.name for found in match_header(headings, guesses).found}
    samples = _samples(path, name=name, headings=[heading for heading in headings if heading])
    return [{"name": one, "samples": samples.get(one, []), "field": guessed.get(one, "")} for one in names]


def _samples(path: Path, *, name: str, headings: list[str]) -> dict[str, list[str]]:
    """Return the first values of every column whose name no other has."""
    counted = Counter(map(normalize_heading, headings))
    unique = [heading for heading in headings if counted[normalize_heading(heading)] == 1]
    columns = [Column(name=heading, kind=CellKind.ID, is_required=True) for heading in unique]
    if not columns:
        return {}
    with open_table(path, name=name, columns=columns, limits=WAITED_FOR) as stream:
        rows = [line.split("\t")[2:] for line in islice(lines_of(stream.chunks()), _SAMPLES)]
        found = [column.name for column in stream.report.columns]
    shown = [[plain_cell(cell).lstrip("\x1f")[:_SAMPLE_CHARACTERS_MAX] for cell in row] for row in rows]
    return {one: [row[place] for row in shown if place < len(row)] for place, one in enumerate(found)}


def name_columns(kept: ActivityFile, mapping: FieldMapping, *, create_players: bool, skip_bad_rows: bool) -> None:
    """Write down what the columns of a file are; it is to be run then. They are named anew where it was refused.

    Raises InvalidInputError for the mapping, and ConflictError where it is named already.
    """
    check_mapping(mapping)
    named = ActivityFile.objects.filter(pk=kept.pk, status__in=CAN_BE_NAMED).update(
        columns=dict(mapping.columns),
        constants=dict(mapping.constants),
        create_players=create_players,
        skip_bad_rows=skip_bad_rows,
        status=ActivityFileStatus.PENDING,
    )
    if not named:
        raise ConflictError(f"the columns of file {kept.pk} are named already")


def mapping_of(kept: ActivityFile) -> FieldMapping:
    """Return what the columns of a file were named."""
    return FieldMapping(columns=kept.columns, constants=kept.constants, names_all=True)


def makes_players(kept: ActivityFile) -> bool:
    """Tell whether players whom nobody knows are made."""
    return kept.create_players or ACTIVITY_UNKNOWN_PLAYERS.value() == "CREATE"


def look_at_rows(kept: ActivityFile, mapping: FieldMapping, *, at: datetime | None = None) -> CheckedRows:
    """Say what storing the first rows of a file would meet. Raises InvalidInputError and SpreadsheetError."""
    with (
        on_this_machine(kept.stored_file, name=kept.file_name) as path,
        events_of_file(path, mapping, name=kept.file_name, size=ROWS_LOOKED_AT, limits=WAITED_FOR) as batches,
    ):
        rows = next(batches, RowsOfEvents())
    return check_rows(rows, source=kept.source, create_players=makes_players(kept), at=at or timezone.now())


def check_rows(rows: RowsOfEvents, *, source: str, create_players: bool, at: datetime) -> CheckedRows:
    """Say what storing rows would meet."""
    checked = check_activity(source=source, events=rows.events, create_players=create_players, at=at)
    problems = [*rows.unreadable, *checked.problems]
    bad = {problem.index for problem in problems}
    good = [event for index, event in enumerate(rows.events) if index not in bad]
    return CheckedRows(
        rows=len(rows.events),
        good=len(good),
        known=checked.known,
        rounded=rows.rounded,
        found=tuple(problems),
        problems=problems_of_rows(problems, rows),
        events=tuple(good[:_SAMPLES]),
    )


def problems_of_rows(problems: list[EventProblem], rows: RowsOfEvents) -> tuple[RowProblem, ...]:
    """Return what is wrong with events as what is wrong with their rows, in the order of the rows."""
    found = [
        RowProblem(
            row=rows.row_numbers[problem.index],
            column=rows.headings.get(problem.field, problem.field),
            field=problem.field,
            message=problem.message,
        )
        for problem in problems
    ]
    return tuple(sorted(found, key=lambda problem: problem.row))
