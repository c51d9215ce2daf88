"""Files of players' totals, made for the bench in the stand's folder."""

from __future__ import annotations

import csv
from itertools import islice
from pathlib import Path

import psycopg
from openpyxl import Workbook

from bench import database

COLUMNS = (
    "player_id",
    "total_deposited",
    "total_wagered",
    "total_won",
    "sessions",
    "playtime_hours",
    "last_deposit_date",
    "email",
    "name",
)
_FUNCTIONS = Path(__file__).parent / "population" / "sql" / "functions.sql"
# The keys are those of the generated populations, in no order, as exports of other systems come.
_ROWS = """
    COPY (
        SELECT bench_player_key(n) AS player_id,
               round((20 + 4000 * power(bench_draw(n, 1), 3))::numeric, 2) AS total_deposited,
               round((100 + 40000 * power(bench_draw(n, 2), 4))::numeric, 2) AS total_wagered,
               round((90 + 37000 * power(bench_draw(n, 2), 4))::numeric, 2) AS total_won,
               1 + floor(200 * bench_draw(n, 3))::integer AS sessions,
               round((1 + 300 * bench_draw(n, 4))::numeric, 1) AS playtime_hours,
               CURRENT_DATE - floor(300 * bench_draw(n, 5))::integer AS last_deposit_date,
               'player' || n || '@example.com' AS email,
               'Player ' || n AS name
        FROM generate_series(1, {rows}) n ORDER BY bench_draw(n, 6)
    ) TO STDOUT (FORMAT csv, HEADER)
"""


def write_csv(file: Path, *, rows: int) -> None:
    """Let the database in use write a file of that many players."""
    with database.connect() as connection:
        try:
            connection.execute(_FUNCTIONS.read_text().encode())
        except psycopg.errors.DuplicateFunction:
            pass
        with file.open("wb") as target, connection.cursor().copy(_ROWS.format(rows=rows).encode()) as copy:
            for block in copy:
                target.write(block)


def write_workbook(file: Path, *, source: Path, rows: int) -> None:
    """Write the first rows of a CSV file as a workbook, numbers and dates as people's spreadsheets hold them."""
    workbook = Workbook(write_only=True)
    sheet = workbook.create_sheet("players")
    with source.open(newline="") as lines:
        reader = csv.reader(lines)
        sheet.append(next(reader))
        for row in islice(reader, rows):
            player_id, *figures, deposited_on, email, name = row
            sheet.append([player_id, *(float(figure) for figure in figures), deposited_on, email, name])
    workbook.save(file)
