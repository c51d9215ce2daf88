"""A sandbox for evaluations of which nothing may last: temporary tables under the names of the house's own.

PostgreSQL looks for a relation among the session's temporary ones first, so the night's own statements, unchanged, read
and write copies here. No other session sees them, no row of a real table is locked, and the transaction ends with a
rollback in any case: what is not covered by a copy is undone as well. Statements must not be prepared on the server
across this border (they are not, see `prepare_threshold` of Django), or an old plan would go past the copies.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from typing import Any

from django.db import transaction

from core.expressions import fetch_rows, run_statement
from core.models import Run, RunKind
from core.policies import saved_policies_read_once
from rewards.definitions import RuleDefinition
from rewards.working_tables import FACTS, MATCHES

WORKING_TABLES = (FACTS, *MATCHES)
# What rule by rule allocation looks its rows up by.
_INDEXES = {
    "rule_candidates": ("rule_number",),
    "rule_allocations": ("player_id", "rule_number"),
}


@contextmanager
def sandbox(*, kind: RunKind, on: date) -> Iterator[Run]:
    """Yield a run with empty working tables of its own; afterwards everything is as it was.

    The run's number is new, as statements are compiled once per run.
    """
    # The policies too stay what they were at the beginning: asked for every day anew they are 1,700 queries a month.
    with transaction.atomic(), saved_policies_read_once():
        run = Run.objects.create(kind=kind, business_date=on)
        for name in WORKING_TABLES:
            _shadow_unlocked(name)
            for column in _INDEXES.get(name, ()):
                run_statement(f"CREATE INDEX ON {name} ({column})", [])
        run_statement(_RULE_MATCHES_SQL, [])
        yield run
        transaction.set_rollback(True)


# The house's view reads the house's table, whatever stands in its place.
_RULE_MATCHES_SQL = """
    CREATE TEMPORARY VIEW rule_matches AS
    SELECT p.run_id, m.rule_number, p.player_id, m.amount FROM player_matches p CROSS JOIN LATERAL unnest(p.matches) m
"""
# LIKE would hold a lock on the house's own table to the end, and the night, which truncates it, would have to wait.
_SHAPE_SQL = """
    SELECT string_agg(format('%%I %%s%%s', a.attname, format_type(a.atttypid, a.atttypmod),
               CASE WHEN a.attcollation <> t.typcollation THEN format(' COLLATE %%I', c.collname) ELSE '' END),
               ', ' ORDER BY a.attnum)
    FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid LEFT JOIN pg_collation c ON c.oid = a.attcollation
    WHERE a.attrelid = %s::regclass AND a.attnum > 0 AND NOT a.attisdropped
"""


def _shadow_unlocked(name: str) -> None:
    """Put an empty table in the place of a working table by its columns alone."""
    columns = fetch_rows(_SHAPE_SQL, [original(name)])[0][0]
    run_statement(f"CREATE TEMPORARY TABLE {name} ({columns})", [])


def original(name: str) -> str:
    """Return the full name of the house's own table, which a copy cannot stand in for."""
    return f'"{fetch_rows("SELECT current_schema()", [])[0][0]}".{name}'


def shadow_empty(name: str) -> None:
    """Put an empty table in the place of one of the house's; numbers of new rows are its own."""
    run_statement(
        f"CREATE TEMPORARY TABLE {name} "
        f"(LIKE {original(name)} INCLUDING DEFAULTS INCLUDING IDENTITY INCLUDING GENERATED)",
        [],
    )


def shadow_copy(name: str, *, index: str = "", unique: str = "") -> None:
    """Put a full copy in the place of one of the house's tables, with an index where it is looked up."""
    run_statement(f"CREATE TEMPORARY TABLE {name} AS SELECT * FROM {original(name)}", [])
    if index:
        run_statement(f"CREATE INDEX ON {name} ({index})", [])
    if unique:
        run_statement(f"CREATE UNIQUE INDEX ON {name} ({unique})", [])
    analyze(name)


def shadow_budgets(rules: Sequence[RuleDefinition], *, is_empty: bool) -> None:
    """Give the sandbox budgets of its own: as they stand, or unspent; and the rules with the priorities under test."""
    shadow_empty("rule_budget_days")
    run_statement('CREATE UNIQUE INDEX ON rule_budget_days (rule_id, "on")', [])
    if not is_empty:
        run_statement(
            f"""INSERT INTO rule_budget_days (rule_id, "on", given_value, given_count)
            SELECT rule_id, "on", given_value, given_count FROM {original("rule_budget_days")}""",
            [],
        )
    shadow_empty("rule_places")
    run_statement("CREATE UNIQUE INDEX ON rule_places (rule_number, player_id, run_id)", [])
    if not is_empty:
        run_statement(f"INSERT INTO rule_places SELECT * FROM {original('rule_places')}", [])
    _shadow_pools(is_empty=is_empty)
    # A rule that reaches its guardrail is paused here alone, and nobody hears of it.
    shadow_empty("rule_events")
    shadow_empty("outbox_events")
    shadow_copy("reward_rules", index="number")
    for rule in rules:
        # A guardrail was approved with the version that runs; it says nothing of a draft.
        run_statement(
            """UPDATE reward_rules
            SET priority = %s, forecast_cost = CASE WHEN version = %s THEN forecast_cost END WHERE number = %s""",
            [rule.priority, rule.version, rule.number],
        )


def _shadow_pools(*, is_empty: bool) -> None:
    """Give the sandbox the groups' shared caps with what was counted into them, as it stands or nothing."""
    shadow_copy("safety_caps", index="id")
    shadow_empty("safety_pool_releases")
    shadow_empty("safety_pool_days")
    run_statement('CREATE UNIQUE INDEX ON safety_pool_days (segment, tier, "on")', [])
    shadow_empty("safety_pool_members")
    run_statement('CREATE UNIQUE INDEX ON safety_pool_members (player_id, "on")', [])
    if not is_empty:
        for name in ("safety_pool_days", "safety_pool_members"):
            run_statement(f"INSERT INTO {name} SELECT * FROM {original(name)}", [])
        run_statement(
            f"""INSERT INTO safety_pool_releases (segment, tier, "on", value)
            SELECT segment, tier, "on", value FROM {original("safety_pool_releases")}""",
            [],
        )


def shadow_decision_numbers() -> None:
    """Draw the numbers of decisions from a sequence of the sandbox."""
    run_statement("CREATE TEMPORARY SEQUENCE reward_decisions_id_seq", [])


def empty_working_tables() -> None:
    """Make room for the next day of a replay."""
    run_statement(f"TRUNCATE {', '.join(WORKING_TABLES)}", [])


def rewrite(name: str, sql: str, params: list[Any]) -> None:
    """Put what a query over a temporary table says in its place."""
    run_statement(f"CREATE TEMPORARY TABLE rewritten AS {sql}", params)
    run_statement(f"DROP TABLE pg_temp.{name}", [])
    run_statement(f"ALTER TABLE pg_temp.rewritten RENAME TO {name}", [])
    analyze(name)


def analyze(*names: str) -> None:
    """Refresh the planner's statistics of what was just filled; nobody else does for temporary tables."""
    for name in names:
        run_statement(f"ANALYZE {name} {_JOINED_COLUMNS.get(name, '')}", [])


# Only what is joined and looked up by: sampling every column takes longer than the statement that gains by it.
_JOINED_COLUMNS = {
    "player_facts": "(run_id, player_id)",
    "player_days": '(player_id, "on")',
    "players": "(player_id, is_active)",
    "player_metrics": "(player_id)",
    "wallet_lots": "(player_id, granted_on)",
    "safety_cash_grants": "(player_id, granted_on)",
    "replayed_windows": "(player_id)",
    "player_matches": "(run_id, player_id)",
    "rule_candidates": "(run_id, rule_number, player_id)",
    "rule_allocations": "(run_id, rule_number, player_id, amount_given)",
}
