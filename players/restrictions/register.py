"""A register's list: one file restricts many players, set-based, all of it or nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import connection, transaction

from core.errors import InvalidInputError
from core.expressions import fetch_rows, run_statement
from core.spreadsheets.columns import CellKind, Column
from core.spreadsheets.limits import Limits
from core.spreadsheets.markers import DATE, NUMBER
from core.spreadsheets.reading import ReadOptions, read_table
from players.importing.dates import moment_sql
from players.models import RestrictionKind
from players.policies import SELF_EXCLUSION_ENDS, SELF_EXCLUSION_MINIMUM_DAYS
from players.restrictions.imposing import REASON_LENGTH_MAX, REFERENCE_LENGTH_MAX, SOURCE_LENGTH_MAX

if TYPE_CHECKING:
    from django.contrib.auth.models import User

PROBLEMS_KEPT_MAX = 1000
_COLUMNS = (
    Column(name="external_reference", kind=CellKind.ID, aliases=("reference", "register_id"), is_required=True),
    Column(name="player_id", kind=CellKind.ID, aliases=("player", "customer_id")),
    Column(name="email", kind=CellKind.TEXT, aliases=("e-mail", "mail")),
    Column(name="kind", kind=CellKind.TEXT, aliases=("restriction",)),
    Column(name="starts_at", kind=CellKind.DATE, aliases=("from", "start", "starts")),
    Column(name="until", kind=CellKind.DATE, aliases=("ends_at", "end", "to")),
    Column(name="reason", kind=CellKind.TEXT, aliases=("note",)),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterProblem:
    """What is wrong in a row, and what would be right; `row` as the spreadsheet numbers it."""

    row: int
    column: str
    value: str
    message: str


class RegisterRefusedError(InvalidInputError):
    """Raised for a list with problems; nothing of it was taken. `problems` has them, the first thousand by row."""

    code = "register_refused"

    def __init__(self, message: str, *, problems: Sequence[RegisterProblem], count: int) -> None:
        super().__init__(message, problems=count)
        self.problems = list(problems)


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterSummary:
    """What became of the rows of a list.

    `strangers` are rows, found by e-mail, of people who are no players here; `ended` those whose restriction has ended
    here and whom the list gives no later end: somebody has to look whether it should hold again.
    """

    rows: int
    imposed: int
    extended: int
    unchanged: int
    strangers: int
    ended: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterList:
    """A list and what holds for all its rows; `kind` is for rows that name none."""

    path: Path
    source: str
    kind: str = RestrictionKind.SELF_EXCLUDED
    by: User | None = None


@transaction.atomic
def import_register(register: RegisterList, *, at: datetime) -> RegisterSummary:
    """Restrict the players of a list; a row whose reference the source has used before moves its end, later only.

    They take effect when `apply_due_restrictions` comes by; the ledger refuses at once. Raises SpreadsheetError,
    InvalidInputError, and RegisterRefusedError with every problem of every row; then nothing is stored.
    """
    _check_register(register)
    # One list at a time: two that bring the same reference would each find it new.
    fetch_rows("SELECT pg_advisory_xact_lock(hashtext('import_restrictions'))", [])
    given = _stage(register)
    _type_rows(register, given, at=at)
    _check_rows(register)
    _lock_players()
    extended = _extend(register, at=at)
    imposed = _impose(register, at=at)
    rows, strangers, ended = fetch_rows(
        """
        SELECT count(*), count(*) FILTER (WHERE s.player_id IS NULL), count(*) FILTER (WHERE r.ends_at <= %s)
        FROM register_rows s LEFT JOIN player_restrictions r ON r.id = s.earlier_id
        """,
        [at],
    )[0]
    return RegisterSummary(
        rows=rows,
        imposed=imposed,
        extended=extended,
        unchanged=rows - strangers - imposed - extended - ended,
        strangers=strangers,
        ended=ended,
    )


def _check_register(register: RegisterList) -> None:
    if not 0 < len(register.source.strip()) <= SOURCE_LENGTH_MAX:
        raise InvalidInputError(f"source is empty or long: 1 to {SOURCE_LENGTH_MAX} characters needed", field="source")
    if register.kind not in RestrictionKind.values:
        needed = ", ".join(RestrictionKind.values)
        raise InvalidInputError(f"kind is {register.kind!r}: one of {needed} is needed", field="kind")


def _stage(register: RegisterList) -> set[str]:
    """Copy the file's rows as text into `register_stage` and return the columns it has."""
    with read_table(
        register.path, name=register.path.name, columns=_COLUMNS, options=ReadOptions(), limits=Limits()
    ) as stream:
        given = [found.name for found in stream.report.columns]
        if not {"player_id", "email"} & set(given):
            raise InvalidInputError("the list has neither a column player_id nor email: one of them is needed")
        texts = ", ".join(f'"{column.name}" text' for column in _COLUMNS)
        run_statement("DROP TABLE IF EXISTS pg_temp.register_stage, pg_temp.register_rows", [])
        run_statement(
            f"CREATE TEMP TABLE register_stage (row_number integer, finding text, {texts}) ON COMMIT DROP", []
        )
        names = ", ".join(f'"{name}"' for name in given)
        sql = f"COPY register_stage (row_number, finding, {names}) FROM STDIN (FORMAT text, NULL '')"
        with connection.cursor() as cursor, cursor.copy(sql) as copy:
            for chunk in stream.chunks():
                copy.write(chunk)
    run_statement("ANALYZE register_stage", [])
    return set(given)


def _type_rows(register: RegisterList, given: set[str], *, at: datetime) -> None:
    """Read the cells into `register_rows`: the player found, the kind, the moments; what cannot be read is NULL."""
    player = "p.player_id" if "player_id" in given else "m.player_id"
    found = (
        "LEFT JOIN players p ON p.player_id = c.player_id"
        if "player_id" in given
        else "LEFT JOIN players m ON m.email = c.email"
    )
    run_statement(
        f"""
        CREATE TEMP TABLE register_rows ON COMMIT DROP AS
        SELECT c.row_number, {player} AS player_id, coalesce(c.kind, %s) AS kind, c.reference,
               CASE WHEN c.starts_text IS NULL THEN %s::timestamptz
                    ELSE {_moment("c.starts_text")} END AS starts_at,
               {_moment("c.until_text")} AS until, c.until_text,
               coalesce(c.reason, 'Listed by ' || %s) AS reason, r.id AS earlier_id, r.player_id AS earlier_player_id,
               r.kind AS earlier_kind, r.minimum_until AS earlier_minimum, r.ends_at AS earlier_end
        FROM (
            SELECT s.row_number, {_text("player_id")} AS player_id, {_text("email")} AS email,
                   upper(replace({_text("kind")}, ' ', '_')) AS kind, {_text("external_reference")} AS reference,
                   {_text("starts_at")} AS starts_text, {_text("until")} AS until_text, {_text("reason")} AS reason
            FROM register_stage s
        ) c
        {found}
        LEFT JOIN player_restrictions r
               ON r.source = %s AND r.external_reference = c.reference AND r.external_reference <> ''
        """,
        [register.kind, at, register.source, register.source],
    )
    run_statement("ANALYZE register_rows", [])


def _text(column: str) -> str:
    """Return SQL for a cell without its blanks and the mark of what a workbook knows to be a date or a number."""
    return f"nullif(btrim(regexp_replace(s.\"{column}\", '^({DATE}|{NUMBER})', '')), '')"


def _moment(text: str) -> str:
    return moment_sql(text, time_zone=settings.TIME_ZONE)


_FAULTS_SQL = f"""
    SELECT s.row_number, 'external_reference', '', 'is empty: the register''s own name of the entry is needed'
    FROM register_rows r JOIN register_stage s USING (row_number) WHERE r.reference IS NULL
    UNION ALL
    SELECT r.row_number, 'external_reference', left(r.reference, 100),
           'is longer than {REFERENCE_LENGTH_MAX} characters'
    FROM register_rows r WHERE length(r.reference) > {REFERENCE_LENGTH_MAX}
    UNION ALL
    SELECT r.row_number, 'external_reference', r.reference, 'stands in row ' || r.first_row || ' already'
    FROM (SELECT row_number, reference, min(row_number) OVER (PARTITION BY reference) AS first_row
          FROM register_rows WHERE reference IS NOT NULL) r WHERE r.row_number > r.first_row
    UNION ALL
    SELECT s.row_number, 'player_id', coalesce(s.player_id, ''), 'is no player; whole lists go by e-mail'
    FROM register_rows r JOIN register_stage s USING (row_number)
    WHERE r.player_id IS NULL AND (s.email IS NULL OR s.player_id IS NOT NULL)
    UNION ALL
    SELECT r.row_number, 'kind', r.kind, 'is unknown: one of {", ".join(RestrictionKind.values)} is needed'
    FROM register_rows r WHERE r.kind <> ALL (%s)
    UNION ALL
    SELECT s.row_number, 'starts_at', coalesce(s.starts_at, ''), 'is no date: 2025-12-20 or 2025-12-20 18:30 is needed'
    FROM register_rows r JOIN register_stage s USING (row_number) WHERE r.starts_at IS NULL
    UNION ALL
    SELECT r.row_number, 'until', r.until_text, 'is no date: 2025-12-20 or 2025-12-20 18:30 is needed'
    FROM register_rows r WHERE r.until_text IS NOT NULL AND r.until IS NULL
    UNION ALL
    SELECT r.row_number, 'until', r.until_text, 'is not later than the start'
    FROM register_rows r WHERE r.until <= r.starts_at
    UNION ALL
    SELECT r.row_number, 'until', '', 'is empty: a cool-off ends by itself'
    FROM register_rows r WHERE r.kind = 'COOL_OFF' AND r.until_text IS NULL
    UNION ALL
    SELECT r.row_number, 'external_reference', r.reference,
           'stands for ' || r.earlier_kind || ' of player ' || r.earlier_player_id || ' since an earlier list'
    FROM register_rows r
    WHERE r.earlier_id IS NOT NULL AND (r.earlier_kind <> r.kind OR r.earlier_player_id <> r.player_id)
    UNION ALL
    SELECT r.row_number, 'reason', left(r.reason, 100), 'is longer than {REASON_LENGTH_MAX} characters'
    FROM register_rows r WHERE length(r.reason) > {REASON_LENGTH_MAX}
    UNION ALL
    SELECT s.row_number, 'row', left(s.finding, 100), 'has more cells than the header, or repeats it'
    FROM register_stage s WHERE s.finding IS NOT NULL
"""


def _check_rows(register: RegisterList) -> None:
    rows = fetch_rows(
        f"SELECT f.*, count(*) OVER () FROM ({_FAULTS_SQL}) f (row_number, column_name, value, message) "
        f"ORDER BY f.row_number, f.column_name LIMIT {PROBLEMS_KEPT_MAX}",
        [list(RestrictionKind.values)],
    )
    if not rows:
        return
    problems = [
        RegisterProblem(row=row, column=column, value=value, message=text) for row, column, value, text, _ in rows
    ]
    raise RegisterRefusedError(
        f"{register.path.name} has {rows[0][4]:,} problem(s); nothing of it was taken. Row {problems[0].row}: "
        f"{problems[0].column} {problems[0].message}",
        problems=problems,
        count=rows[0][4],
    )


def _lock_players() -> None:
    """Take the ledger's lock once, in key order, before anything is written."""
    run_statement(
        """
        SELECT 1 FROM players WHERE player_id IN (SELECT player_id FROM register_rows)
        ORDER BY player_id FOR NO KEY UPDATE
        """,
        [],
    )


# A self-exclusion's `until` is its minimum; without one the policy's minimum counts. It ends by itself only where the
# policy says so.
_SPAN_SQL = """
    SELECT r.*,
           CASE WHEN r.kind = 'SELF_EXCLUDED' THEN coalesce(r.until, r.starts_at + make_interval(days => %s))
                WHEN r.kind = 'COOL_OFF' THEN r.until END AS minimum_until,
           CASE WHEN r.kind <> 'SELF_EXCLUDED' THEN r.until
                WHEN %s THEN coalesce(r.until, r.starts_at + make_interval(days => %s)) END AS ends_at
    FROM register_rows r WHERE r.player_id IS NOT NULL
"""


def _span_params() -> list[object]:
    days = SELF_EXCLUSION_MINIMUM_DAYS.value()
    return [days, SELF_EXCLUSION_ENDS.value() == "BY_ITSELF", days]


def _impose(register: RegisterList, *, at: datetime) -> int:
    return run_statement(
        f"""
        WITH imposed AS (
            INSERT INTO player_restrictions (player_id, kind, starts_at, ends_at, minimum_until, source,
                                             external_reference, reason, evidence, created_by_id, created_at)
            SELECT s.player_id, s.kind, s.starts_at, s.ends_at, s.minimum_until, %s, s.reference, s.reason,
                   jsonb_build_object('file', %s::text, 'row', s.row_number), %s, %s
            FROM ({_SPAN_SQL}) s WHERE s.earlier_id IS NULL ORDER BY s.player_id
            RETURNING id, player_id, kind, starts_at, ends_at, reason, evidence
        ),
        told AS (
            INSERT INTO outbox_events (topic, key, payload)
            SELECT 'restriction.imposed', 'restriction.imposed:by list:' || i.id,
                   jsonb_build_object('restriction_id', i.id, 'player_id', i.player_id, 'kind', i.kind,
                                      'starts_at', i.starts_at, 'ends_at', i.ends_at)
            FROM imposed i
        )
        INSERT INTO player_restriction_changes
            (restriction_id, act, ends_at_after, source, reason, evidence, actor, changed_at)
        SELECT i.id, 'IMPOSED', i.ends_at, %s, i.reason, i.evidence, %s, %s FROM imposed i
        """,
        [
            *(register.source, register.path.name, register.by.pk if register.by else None, at),
            *_span_params(),
            *(register.source, _actor(register), at),
        ],
    )


def _extend(register: RegisterList, *, at: datetime) -> int:
    """Move the ends of what the source listed before, where it says a later one now."""
    return run_statement(
        f"""
        WITH later AS (
            SELECT s.* FROM ({_SPAN_SQL}) s
            WHERE s.earlier_id IS NOT NULL AND s.until IS NOT NULL
              AND (s.until > s.earlier_minimum OR s.until > s.earlier_end)
        ),
        moved AS (
            UPDATE player_restrictions r
            SET ends_at = CASE WHEN r.ends_at IS NULL THEN NULL ELSE greatest(r.ends_at, l.until) END,
                minimum_until = greatest(r.minimum_until, l.minimum_until),
                -- One that had ended takes effect once more, on what was given since.
                applied_at = CASE WHEN r.ends_at <= %s THEN NULL ELSE r.applied_at END
            FROM later l WHERE r.id = l.earlier_id
            RETURNING r.id, r.player_id, r.kind, r.starts_at, r.ends_at, l.earlier_end, l.until, l.reason, l.row_number
        ),
        told AS (
            INSERT INTO outbox_events (topic, key, payload)
            SELECT 'restriction.end_moved', 'restriction.end_moved:by list:' || m.id || ':' || m.until,
                   jsonb_build_object('restriction_id', m.id, 'player_id', m.player_id, 'kind', m.kind,
                                      'starts_at', m.starts_at, 'ends_at', m.ends_at)
            FROM moved m
        )
        INSERT INTO player_restriction_changes
            (restriction_id, act, ends_at_before, ends_at_after, source, reason, evidence, actor, changed_at)
        SELECT m.id, 'END_MOVED', m.earlier_end, m.ends_at, %s, m.reason,
               jsonb_build_object('file', %s::text, 'row', m.row_number), %s, %s
        FROM moved m
        """,
        [*_span_params(), at, register.source, register.path.name, _actor(register), at],
    )


def _actor(register: RegisterList) -> str:
    return register.by.get_username() if register.by else register.source
