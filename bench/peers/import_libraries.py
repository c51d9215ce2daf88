"""Other ways to load a file of players: a bare COPY, and django-import-export as it comes."""

from __future__ import annotations

import statistics
from itertools import islice
from pathlib import Path

from import_export.resources import ModelResource
from tablib import Dataset

from bench import database
from bench.measuring import seconds_of
from players.models import Player, PlayerMetrics

_TABLE = """
    CREATE TABLE bench_copied (
        player_id varchar(50) COLLATE "C" PRIMARY KEY, total_deposited numeric(18, 2), total_wagered numeric(18, 2),
        total_won numeric(18, 2), total_sessions integer, total_playtime_hours numeric(12, 2), last_deposit_on date,
        email varchar(255), name varchar(255)
    )
"""
REPETITIONS = 3
_BLOCK_BYTES = 256 * 1024
_METRICS_COLUMNS = (
    "player",
    "total_deposited",
    "total_wagered",
    "total_won",
    "total_sessions",
    "total_playtime_hours",
)


class _MetricsResource(ModelResource):
    """All defaults, but for the column that names the row."""

    class Meta:
        model = PlayerMetrics
        fields = _METRICS_COLUMNS
        import_id_fields = ("player",)


def copy_seconds(file: Path) -> float:
    """Load the file with COPY into one table with its primary key, and nothing else."""

    def load() -> None:
        with (
            database.connect() as connection,
            file.open("rb") as source,
            connection.cursor().copy(b"COPY bench_copied FROM STDIN (FORMAT csv, HEADER)") as copy,
        ):
            while block := source.read(_BLOCK_BYTES):
                copy.write(block)

    seconds = []
    for _ in range(REPETITIONS):
        database.execute("DROP TABLE IF EXISTS bench_copied")
        database.execute(_TABLE)
        seconds.append(seconds_of(load))
    database.execute("DROP TABLE bench_copied")
    return statistics.median(seconds)


def import_export_seconds_per_row(file: Path, *, rows: int) -> float:
    """Load some rows of metrics with django-import-export's default resource of the model.

    The players themselves are there already, which spares it half the work.
    """
    dataset = _metrics_dataset(file, rows=rows)
    Player.objects.bulk_create(Player(player_id=player_id) for player_id in dataset["player"])
    text = dataset.export("csv")

    def load() -> None:
        _MetricsResource().import_data(Dataset().load(text, format="csv"), raise_errors=True)

    return seconds_of(load) / rows


def _metrics_dataset(file: Path, *, rows: int) -> Dataset:
    with file.open() as source:
        lines = [line.rstrip("\n").split(",") for line in islice(source, 1, rows + 1)]
    return Dataset(*(line[: len(_METRICS_COLUMNS)] for line in lines), headers=_METRICS_COLUMNS)
