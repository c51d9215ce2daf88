"""Fill `player_facts`: everything the compiled expressions of one run read, windows computed once and not per rule."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django.conf import settings

from core.expressions import run_statement
from core.runs import ALL_KEYS, KeyRange
from players.models import GameCategory
from rewards.definitions import RuleDefinition
from rewards.fields import COLUMNS, MEASURE_DAILY_COLUMNS, SAFETY_COLUMNS, WINDOWS
from safety.caps import window_starts
from safety.policies import PROFIT_HORIZON_DAYS
from safety.profitability import DEFAULT_CATEGORY, get_house_edge


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedPlayers:
    """Some players by name, where a `KeyRange` would be too coarse."""

    player_ids: Sequence[str]

    def condition(self, column: str) -> tuple[str, list[Any]]:
        """Return SQL and parameters that hold for `column` among the names."""
        return f"{column} = ANY (%s)", [list(self.player_ids)]


Scope = KeyRange | NamedPlayers


def needed_columns(rules: Iterable[RuleDefinition]) -> list[str]:
    """Return the columns that a run of these rules must fill: theirs and those safety reads, in the table's order."""
    wanted = {column for rule in rules for column in rule.columns} | set(SAFETY_COLUMNS)
    return [name for name in COLUMNS if name in wanted]


def fill_facts(
    *,
    run_id: int,
    on: date,
    columns: Sequence[str],
    keys: KeyRange = ALL_KEYS,
    player_ids: Sequence[str] | None = None,
) -> int:
    """Write one row of facts per active player of the range, as of the business date; return how many."""
    sources = {COLUMNS[name].source for name in columns}
    values = {"as_of": f"DATE '{on:%Y-%m-%d}'", "zone": f"'{settings.TIME_ZONE}'"}
    selected = ", ".join(COLUMNS[name].sql % values for name in columns)
    # Inside the grouped relations too: a test of one player must not add up everybody's days.
    scope = keys if player_ids is None else NamedPlayers(player_ids=player_ids)
    joins = [_JOINS[source](on, scope) for source in _JOINS if source in sources]
    joins += [_days_join(on, scope, columns)] if any(source.startswith("days_") for source in sources) else []
    in_range, params = keys.condition("p.player_id")
    metrics_in_range, _ = keys.condition("m.player_id")
    named, named_params = ("", []) if player_ids is None else ("AND p.player_id = ANY (%s)", [list(player_ids)])
    sql = f"""
        INSERT INTO player_facts (run_id, player_id, as_of, {", ".join(columns)})
        SELECT %s, p.player_id, {values["as_of"]}, {selected}
        FROM players p JOIN player_metrics m ON m.player_id = p.player_id
        {" ".join(sql for sql, _ in joins)}
        WHERE p.is_active AND {in_range} AND {metrics_in_range} {named}
        ORDER BY p.player_id
    """
    join_params = [param for _, params_of_join in joins for param in params_of_join]
    return run_statement(sql, [run_id, *join_params, *params, *params, *named_params])


def _balance_join(_on: date, scope: Scope) -> tuple[str, list[Any]]:
    in_range, params = scope.condition("b.player_id")
    return f"LEFT JOIN loyalty_balances b ON b.player_id = p.player_id AND {in_range}", params


def _tier_join(_on: date, _scope: Scope) -> tuple[str, list[Any]]:
    return "LEFT JOIN tiers t ON t.tier_level = p.tier", []


def _games_join(_on: date, _scope: Scope) -> tuple[str, list[Any]]:
    """The player's own mix of games by number of bets; unknown where no category is known."""
    edges = dict(GameCategory.objects.values_list("code", "house_edge_rate"))
    # As constants: a join of the few categories for each player takes three times as long.
    whens = " ".join("WHEN %s THEN %s" for _ in edges)
    sql = f"""
        LEFT JOIN LATERAL (
            SELECT sum(g.value::numeric * CASE g.key {whens} ELSE %s END) / nullif(sum(g.value::numeric), 0)
                AS house_edge_rate
            FROM jsonb_each_text(m.games_played) g
        ) h ON m.games_played <> '{{}}'"""
    other = edges[DEFAULT_CATEGORY] if DEFAULT_CATEGORY in edges else get_house_edge(DEFAULT_CATEGORY)
    return sql, [*(value for pair in edges.items() for value in pair), other]


def _grants_join(on: date, scope: Scope) -> tuple[str, list[Any]]:
    starts = window_starts(on)
    horizon = on - timedelta(days=PROFIT_HORIZON_DAYS.value())
    in_range, params = scope.condition("l.player_id")
    granted = ", ".join(
        f"sum(l.promotional_value) FILTER (WHERE l.granted_on >= DATE '{start}') AS granted_value_{window}"
        for window, start in starts.items()
    )
    sql = f"""
        LEFT JOIN (
            SELECT l.player_id, {granted},
                   sum(l.expected_cost) FILTER (WHERE l.granted_on > DATE '{horizon}') AS expected_cost_horizon
            FROM wallet_lots l
            WHERE {in_range} AND l.granted_on >= DATE '{min(horizon, *starts.values())}' AND l.granted_on <= DATE '{on}'
            GROUP BY l.player_id
        ) g ON g.player_id = p.player_id"""
    return sql, params


_JOINS = {"balance": _balance_join, "tier": _tier_join, "games": _games_join, "grants": _grants_join}


def _days_join(on: date, scope: Scope, columns: Sequence[str]) -> tuple[str, list[Any]]:
    """One pass over the daily rows for every window the run needs, and only for the measures it needs of each."""
    windows = [days for days in WINDOWS if any(COLUMNS[name].source == f"days_{days}" for name in columns)]
    first = on - timedelta(days=max(windows) - 1)
    sums = ", ".join(_window_sums(on, days, columns=columns, is_longest=days == max(windows)) for days in windows)
    in_range, params = scope.condition("d.player_id")
    sql = f"""
        LEFT JOIN (
            SELECT d.player_id, {sums} FROM player_days d
            WHERE {in_range} AND d.on >= DATE '{first}' AND d.on <= DATE '{on}' GROUP BY d.player_id
        ) d ON d.player_id = p.player_id"""
    return sql, params


def _window_sums(on: date, days: int, *, columns: Sequence[str], is_longest: bool) -> str:
    start = on - timedelta(days=days - 1)
    # The longest window is what the WHERE clause leaves; testing each row again would cost a third of the scan.
    within = "" if is_longest else f" FILTER (WHERE d.on >= DATE '{start}')"
    active = f"d.on >= DATE '{start}' AND d.wagered > 0"
    sums = [
        f"sum(d.{daily}){within} AS {daily}_{days}d"
        for total, daily in MEASURE_DAILY_COLUMNS.items()
        if f"{total}_{days}d" in columns
    ]
    if f"active_days_{days}d" in columns:
        sums.append(f"count(*) FILTER (WHERE {active}) AS active_days_{days}d")
    return ", ".join(sums)


def forget_facts(*, run_id: int) -> None:
    """Empty the working tables of one run, in one statement."""
    matches, candidates, allocations = (
        f"DELETE FROM {table} WHERE run_id = %s" for table in ("rule_matches", "rule_candidates", "rule_allocations")
    )
    run_statement(
        f"WITH m AS ({matches}), c AS ({candidates}), a AS ({allocations}) DELETE FROM player_facts WHERE run_id = %s",
        [run_id] * 4,
    )
