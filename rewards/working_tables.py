"""The unlogged working tables across runs: emptied before a night, missed after a crash of the database."""

from __future__ import annotations

from core.expressions import fetch_rows, run_statement
from core.models import Run, RunKind, RunStatus
from rewards.facts import forget_facts

FACTS = "player_facts"
MATCHES = ("player_matches", "rule_candidates", "rule_allocations")


def forget_earlier_runs(*, run_id: int) -> None:
    """Empty the working tables of finished nights; at once where no other night is under way."""
    if not _is_other_night_open(run_id):
        run_statement(f"TRUNCATE {', '.join((FACTS, *MATCHES))}", [])
        return
    finished = Run.objects.filter(kind=RunKind.NIGHT, status=RunStatus.SUCCEEDED).exclude(pk=run_id)
    for (earlier,) in fetch_rows("SELECT DISTINCT run_id FROM player_facts WHERE run_id <> %s", [run_id]):
        if finished.filter(pk=earlier).exists():
            forget_facts(run_id=earlier)


def forget_matches(*, run_id: int) -> None:
    """Empty what a night needed between matching and posting, so that live evaluation works on small tables.

    The facts stay until the next night: "why?" is answered from them.
    """
    if not _is_other_night_open(run_id):
        run_statement(f"TRUNCATE {', '.join(MATCHES)}", [])
        return
    for table in MATCHES:
        run_statement(f"DELETE FROM {table} WHERE run_id = %s", [run_id])


def summarize_blocks(table: str) -> None:
    """Bring the block ranges of a working table's index up to the rows just written."""
    fetch_rows("SELECT brin_summarize_new_values(%s)", [_BLOCKS[table]])


_BLOCKS = {
    "player_matches": "idx_player_match_blocks",
    "rule_candidates": "idx_rule_candidate_blocks",
    "rule_allocations": "idx_rule_allocation_blocks",
}


def _is_other_night_open(run_id: int) -> bool:
    others = Run.objects.filter(kind=RunKind.NIGHT).exclude(pk=run_id)
    return others.exclude(status=RunStatus.SUCCEEDED).exists()


def working_tables_hold(*, run_id: int) -> bool:
    """Tell whether the facts of a run are still there; an unlogged table is empty after the server crashed."""
    return bool(fetch_rows("SELECT EXISTS (SELECT 1 FROM player_facts WHERE run_id = %s)", [run_id])[0][0])
