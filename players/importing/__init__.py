"""Spreadsheets of players' totals become players, metrics and estimated days.

Read as text in a confined child process, staged by COPY, understood and checked set-based, written in one transaction
that touches only what changes. `docs/importing.md` says what a file may look like.
"""

from players.importing.batches import import_player_data, process_player_batch
from players.importing.errors import ImportConflictError, ImportRefusedError, ImportRunningError
from players.importing.jobs import check_import, import_players, run_import, start_import, validate_excel_format
from players.importing.options import ImportOptions
from players.importing.results import ImportSummary

__all__ = [
    "ImportConflictError",
    "ImportOptions",
    "ImportRefusedError",
    "ImportRunningError",
    "ImportSummary",
    "check_import",
    "import_player_data",
    "import_players",
    "process_player_batch",
    "run_import",
    "start_import",
    "validate_excel_format",
]
