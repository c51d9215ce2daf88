"""50,000 real bets as events of the feed. The file is no part of the project; REAL_DATA_FOLDER says where it is."""

from __future__ import annotations

import csv
import gzip
import os
from decimal import Decimal
from pathlib import Path
from typing import Any

from core.environment import PROJECT_FOLDER

FILE = Path(os.environ.get("REAL_DATA_FOLDER", PROJECT_FOLDER.parent / "shared" / "data")) / "bustabit_bets.csv.gz"
MISSING = f"the real bets are not at {FILE}; REAL_DATA_FOLDER says where they are"


def real_bets() -> list[list[dict[str, Any]]]:
    """Return each bet as its events: the stake, and what it paid where it won."""
    with gzip.open(FILE, "rt", newline="") as file:
        return [_events_of(row) for row in csv.DictReader(file)]


def _events_of(row: dict[str, str]) -> list[dict[str, Any]]:
    bet = {
        "player_id": row["Username"],
        "bet_id": row["Id"],
        "occurred_at": row["PlayDate"],
        "game_category": "other",
    }
    stake = Decimal(row["Bet"])
    events = [{**bet, "kind": "WAGER", "external_id": f"{row['Id']}-bet", "amount": stake}]
    if row["Profit"] != "NA":
        paid = stake + Decimal(row["Profit"])
        events.append({**bet, "kind": "WIN", "external_id": f"{row['Id']}-win", "amount": paid})
    return events
