"""Players given as a file's name or as rows from a program, through the one importer."""

from __future__ import annotations

import csv
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from core.errors import InvalidInputError
from players.importing.jobs import import_players
from players.importing.options import ImportOptions
from players.importing.results import ImportSummary


def import_player_data(file_path: str | Path) -> ImportSummary:
    """Import a file with the careful choice of every option. Raises ImportRefusedError."""
    return import_players(file_path)


def process_player_batch(
    players: Sequence[Mapping[str, object]], *, options: ImportOptions | None = None
) -> ImportSummary:
    """Import rows given as mappings from column names to values, as if they stood in a file.

    Raises InvalidInputError for an empty batch and ImportRefusedError for bad rows; then nothing has changed.
    """
    if not players:
        raise InvalidInputError("the batch is empty: at least one player is needed")
    headings = list(dict.fromkeys(name for player in players for name in player))
    with tempfile.TemporaryDirectory(prefix="players-") as folder:
        path = Path(folder) / "batch.csv"
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(headings)
            writer.writerows([_written(player.get(name)) for name in headings] for player in players)
        return import_players(path, options=options)


def _written(value: object) -> str:
    return "" if value is None else str(value)
