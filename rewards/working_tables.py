"""The unlogged working tables across runs: emptied before a night, missed after a crash of the database."""

from __future__ import annotations

from core.expressions import fetch_rows, run_statement
from core.models import Run, RunKind, RunStatus
from rewards.facts import forget_facts

TABLES = ("player_facts", "rule_matches", "rule_allocations")


def forget_earlier_runs(*, run_id: int) -> None:
    """Empty the working tables of finished nights; all at once where no other night is under way."""
    others = Run.objects.filter(kind=RunKind.NIGHT).exclude(pk=run_id)
    if not others.exclude(status=RunStatus.SUCCEEDED).exists():
        run_statement(f"TRUNCATE {', '.join(TABLES)}", [])
        return
    for (finished,) in fetch_rows("SELECT DISTINCT run_id FROM player_facts WHERE run_id <> %s", [run_id]):
        if others.filter(pk=finished, status=RunStatus.SUCCEEDED).exists():
            forget_facts(run_id=finished)


def working_tables_hold(*, run_id: int) -> bool:
    """Tell whether the facts of a run are still there; an unlogged table is empty after the server crashed."""
    return bool(fetch_rows("SELECT EXISTS (SELECT 1 FROM player_facts WHERE run_id = %s)", [run_id])[0][0])
