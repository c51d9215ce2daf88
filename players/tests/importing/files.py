"""Write small files and import them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from players.importing import ImportOptions, ImportRefusedError, ImportSummary, import_players
from players.importing.problems import Problem
from players.models import PlayerMetrics

HEADER = "player_id,total_deposited,total_wagered,total_won"


def write(folder: Path, *rows: str, header: str = HEADER, name: str = "players.csv") -> Path:
    """Write a .csv of these rows below the header."""
    path = folder / name
    path.write_text("\n".join([header, *rows, ""]), encoding="utf-8")
    return path


def imported(folder: Path, *rows: str, header: str = HEADER, **options: Any) -> ImportSummary:
    """Import a .csv of these rows."""
    return import_players(write(folder, *rows, header=header), options=ImportOptions(**options))


def refused(folder: Path, *rows: str, header: str = HEADER, **options: Any) -> list[Problem]:
    """Return what an import of these rows is refused for."""
    with pytest.raises(ImportRefusedError) as refusal:
        imported(folder, *rows, header=header, **options)
    return refusal.value.problems


def totals(player_id: str, *names: str) -> tuple[Any, ...]:
    """Return columns of a player's metrics; the four documented totals by default."""
    chosen = names or ("total_deposited", "total_wagered", "total_won")
    return tuple(PlayerMetrics.objects.values_list(*chosen).get(player_id=player_id))


def codes(notices: list[dict[str, Any]]) -> list[str]:
    """Return what was taken notice of."""
    return [notice["code"] for notice in notices]
