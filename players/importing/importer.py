"""Import one file in one transaction: read, understand, compare, write. Whatever goes wrong, nothing has changed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import connection

from core.bulk import trusted_keys
from core.spreadsheets.errors import NoRowsError
from core.spreadsheets.limits import Limits
from core.spreadsheets.reading import ReadOptions, TableStream, read_table
from players.importing import changes, conflicts, days, problems, regular, remarks, style, understanding
from players.importing.columns import columns_to_read
from players.importing.currency import operator_currency_words
from players.importing.explanations import FileStyle
from players.importing.numbers import DecimalSign, NumberStyle
from players.importing.options import ImportOptions
from players.importing.progress import Progress
from players.importing.results import Outcome
from players.importing.stage import Stage, execute, fetch_one, load_stage
from players.importing.totals import notice_total_rows

_IMPORT_LOCK = 715_000_001
"""Key of the advisory lock that lets one import at a time compare and write."""
_MANY_ROWS = 10_000


@dataclass(frozen=True, kw_only=True)
class FileToImport:
    """A file and what its sender said about it."""

    path: Path
    name: str
    options: ImportOptions
    as_of: date


def check_file(file: FileToImport, *, progress: Progress) -> tuple[Stage, FileStyle, Outcome]:
    """Stage a file and note everything that is wrong with it, compared with itself and with what is known.

    Runs inside the caller's transaction and holds the import lock until it ends. Raises SpreadsheetError or
    ImportRefusedError for what is wrong with the file as a whole.
    """
    outcome = Outcome()
    currency_words = operator_currency_words()
    stage = _read(file, currency_words=currency_words, progress=progress)
    progress.enter_phase("checking", 45)
    outcome.counts["rows_read"] = stage.report.rows
    file_style = _understand(file, stage, outcome, currency_words=currency_words)
    _refuse_nothing(stage)
    progress.enter_phase("waiting for another import", 60)
    lock_imports()
    progress.enter_phase("comparing", 60)
    _compare(file, stage, outcome)
    outcome.notices = [
        *stage.report.notices,
        *outcome.notices,
        *remarks.notice_oddities(stage, as_of=file.as_of),
    ]
    outcome.counts["problems"], outcome.counts["rejected"] = problems.count_problems()
    outcome.problems = problems.first_problems(stage, file_style)
    return stage, file_style, outcome


def apply_file(file: FileToImport, outcome: Outcome, *, job_id: int, progress: Progress) -> None:
    """Write what the checked rows say."""
    progress.enter_phase("writing", 70)
    if outcome.counts["rejected"]:
        problems.drop_bad_rows()
        execute(
            "DELETE FROM import_known k WHERE NOT EXISTS (SELECT FROM import_typed t WHERE t.row_number = k.row_number)"
        )
    changes.lock_known_players()
    counts = outcome.counts
    counts["inserted"] = changes.insert_players()
    progress.seen(rows=counts["rows_read"], percent=80)
    changes.record_moves(job_id)
    changes.update_players()
    counts["days_estimated"] = days.spread_differences(file.as_of)
    with trusted_keys(are_many=counts["rows_read"] > _MANY_ROWS):
        changes.insert_metrics(file.as_of)
        progress.seen(rows=counts["rows_read"], percent=90)
        changes.update_metrics(file.as_of)
        changes.record_totals(job_id)
    known, counts["updated"] = fetch_one(
        "SELECT count(*), count(*) FILTER (WHERE profile_differs OR metrics_differ) FROM import_known"
    )
    counts["unchanged"] = known - counts["updated"]


def lock_imports() -> None:
    """Wait until no other import compares or writes; held until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_IMPORT_LOCK])


def _read(file: FileToImport, *, currency_words: tuple[str, ...], progress: Progress) -> Stage:
    progress.enter_phase("reading", 1)
    options = ReadOptions(sheet=file.options.sheet, encoding=file.options.encoding, delimiter=file.options.delimiter)
    size = max(1, file.path.stat().st_size) if file.path.is_file() else 1
    sent = 0

    def counted(stream: TableStream) -> Iterator[bytes]:
        nonlocal sent
        for chunk in stream.chunks():
            sent += len(chunk)
            yield chunk

    columns = columns_to_read(currency_words)
    with read_table(file.path, name=file.name, columns=columns, options=options, limits=Limits()) as stream:
        stage = load_stage(
            stream.report,
            counted(stream),
            on_rows=lambda rows: progress.seen(rows=rows, percent=min(44, 1 + 43 * sent // size)),
        )
        stage.report = stream.report
    return stage


def _understand(file: FileToImport, stage: Stage, outcome: Outcome, *, currency_words: tuple[str, ...]) -> FileStyle:
    """Fill `import_typed`, in one pass where every cell is plain."""
    execute("SET LOCAL work_mem = '256MB'")
    is_usual = file.options.decimal_sign is not DecimalSign.COMMA
    if is_usual and regular.write_plain_rows(stage, zone_name=settings.TIME_ZONE):
        return FileStyle(numbers=NumberStyle(sign=DecimalSign.POINT, currency_words=currency_words))
    file_style, filled = _understand_carefully(file, stage, currency_words=currency_words)
    understanding.note_bad_cells(stage, filled)
    understanding.note_wide_rows()
    outcome.notices += [
        *notice_total_rows(stage, file_style),
        *remarks.notice_placeholders(filled),
        *remarks.notice_corrections(stage, file_style),
    ]
    return file_style


def _understand_carefully(
    file: FileToImport, stage: Stage, *, currency_words: tuple[str, ...]
) -> tuple[FileStyle, understanding.Filled]:
    """Fill `import_typed` from cells of every spelling, once the file has shown how it writes numbers and dates."""
    zone_name = settings.TIME_ZONE
    style.create_dates()
    understanding.mark_rows_without_players(stage)
    file_style = FileStyle(
        numbers=style.decide_number_style(stage, options=file.options, currency_words=currency_words),
        is_encoding_guessed=stage.report.is_encoding_guessed,
    )
    style.read_other_dates(stage, options=file.options, zone=ZoneInfo(zone_name), zone_name=zone_name)
    filled = understanding.count_filled(stage)
    understanding.write_typed_rows(stage, filled=filled, style=file_style, zone_name=zone_name)
    return file_style, filled


def _refuse_nothing(stage: Stage) -> None:
    """A file without a single row of a player is a mistake, not an import of nothing."""
    rows, findings = fetch_one("SELECT (SELECT count(*) FROM import_typed), (SELECT count(*) FROM import_problems)")
    if not rows and not findings:
        raise NoRowsError(
            f"the file has column names in row {stage.report.header_row} and no row of a player below them"
        )


def _compare(file: FileToImport, stage: Stage, outcome: Outcome) -> None:
    if stage.report.rows > _MANY_ROWS:
        # With many rows a loop of index look-ups, to which outdated statistics mislead, takes minutes.
        execute("SET LOCAL enable_nestloop = off")
    outcome.notices += conflicts.settle_repetitions(stage)
    conflicts.compare_with_known(file.as_of)
    conflicts.note_contradictions(stage, options=file.options, as_of=file.as_of)
