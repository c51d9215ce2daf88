"""Fill `player_facts`: everything the compiled expressions of one run read, windows computed once and not per rule."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from django.conf import settings

from core.expressions import run_statement
from core.plans import run_planned
from core.runs import ALL_KEYS, KeyRange, NamedKeys
from players.metrics import PLAYED_SQL
from rewards.definitions import RuleDefinition
from rewards.fields import COLUMNS, GAMES_COLUMN, MEASURE_DAILY_COLUMNS, SAFETY_COLUMNS, WINDOWS
from safety.standing import games_join, grants_join
from safety.vip_approvals import VIP_STANDINGS_SQL

Scope = KeyRange | NamedKeys


def needed_columns(rules: Iterable[RuleDefinition]) -> list[str]:
    """Return the columns that a run of these rules must fill: theirs and those safety reads, in the table's order."""
    wanted = {column for rule in rules for column in rule.columns} | set(SAFETY_COLUMNS)
    if any(rule.reward.terms.is_wagered for rule in rules):
        wanted.add(GAMES_COLUMN)
    return [name for name in COLUMNS if name in wanted]


def fill_facts(
    *,
    run_id: int,
    on: date,
    columns: Sequence[str],
    keys: KeyRange = ALL_KEYS,
    player_ids: Sequence[str] | None = None,
    kept: Mapping[str, str] | None = None,
) -> int:
    """Write one row of facts per active player of the range, as of the business date; return how many.

    `kept` names tables, by player, that hold what would be added up here: the sums of `days`, the rate of `games`.
    """
    sources = {COLUMNS[name].source for name in columns}
    values = {"as_of": f"DATE '{on:%Y-%m-%d}'", "zone": f"'{settings.TIME_ZONE}'"}
    selected = ", ".join(COLUMNS[name].sql % values for name in columns)
    # Inside the grouped relations too: a test of one player must not add up everybody's days.
    scope = keys if player_ids is None else NamedKeys(keys=player_ids)
    joins = [_join(source, kept) or _JOINS[source](on, scope) for source in _JOINS if source in sources]
    if any(source.startswith("days_") for source in sources):
        joins.append(_join("days", kept) or _days_join(on, scope, columns))
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
    return run_planned(sql, [run_id, *join_params, *params, *params, *named_params])


def _join(source: str, kept: Mapping[str, str] | None) -> tuple[str, list[Any]] | None:
    table = (kept or {}).get(source)
    return (
        None
        if table is None
        else (
            f"LEFT JOIN {table} {_KEPT[source]} ON {_KEPT[source]}.player_id = p.player_id",
            [],
        )
    )


_KEPT = {"games": "h", "days": "d"}


def keep_house_edges(table: str) -> None:
    """Store every player's mix of games and its rate in a temporary table, for facts of many dates."""
    sql, params = games_join()
    run_statement(
        f"""CREATE TEMPORARY TABLE {table} AS
        SELECT m.player_id, h.house_edge_rate, h.games_played FROM player_metrics m {sql}""",
        params,
    )


def keep_windows(table: str, *, on: date, columns: Sequence[str]) -> None:
    """Store the sums of every player's windows as of a date in a temporary table; `moved_windows_sql` moves them on."""
    sql, params = _days_join(on, ALL_KEYS, columns)
    names = ", ".join(f"coalesce(d.{name}, 0) AS {name}" for _, _, name in _windowed(columns))
    run_statement(f"CREATE TEMPORARY TABLE {table} AS SELECT p.player_id, {names} FROM players p {sql}", params)


def moved_windows_sql(table: str, *, on: date, columns: Sequence[str]) -> str:
    """Return a query of the sums of windows moved on by a day, to end on `on`."""
    windowed = _windowed(columns)
    changes = ", ".join(
        f"""sum(CASE d."on" WHEN DATE '{on}' THEN {daily} WHEN DATE '{on - timedelta(days=days)}' THEN -{daily}
            ELSE 0 END) AS {name}"""
        for daily, days, name in windowed
    )
    touched = {on, *(on - timedelta(days=days) for _, days, _ in windowed)}
    dates = ", ".join(f"DATE '{day}'" for day in sorted(touched))
    moved = ", ".join(f"w.{name} + coalesce(d.{name}, 0) AS {name}" for _, _, name in windowed)
    return f"""
        SELECT w.player_id, {moved} FROM {table} w LEFT JOIN (
            SELECT d.player_id, {changes} FROM player_days d WHERE d."on" IN ({dates}) GROUP BY d.player_id
        ) d ON d.player_id = w.player_id
    """


def _windowed(columns: Sequence[str]) -> list[tuple[str, int, str]]:
    """Return what a daily row adds to each window asked for: expression, days, name of the sum."""
    found = [
        (f"d.{daily}", days, f"{daily}_{days}d")
        for days in WINDOWS
        for total, daily in MEASURE_DAILY_COLUMNS.items()
        if f"{total}_{days}d" in columns
    ]
    active = [("(d.wagered > 0)::integer", days, f"active_days_{days}d") for days in WINDOWS]
    return found + [one for one in active if one[2] in columns]


def _balance_join(_on: date, scope: Scope) -> tuple[str, list[Any]]:
    in_range, params = scope.condition("b.player_id")
    return f"LEFT JOIN loyalty_balances b ON b.player_id = p.player_id AND {in_range}", params


def _tier_join(_on: date, _scope: Scope) -> tuple[str, list[Any]]:
    return "LEFT JOIN tiers t ON t.tier_level = p.tier", []


def _games_join(_on: date, _scope: Scope) -> tuple[str, list[Any]]:
    return games_join()


def _grants_join(on: date, scope: Scope) -> tuple[str, list[Any]]:
    in_range, params = scope.condition("l.player_id")
    return grants_join(on, in_range=in_range, params=params)


def _jurisdiction_join(_on: date, _scope: Scope) -> tuple[str, list[Any]]:
    return "LEFT JOIN country_jurisdictions cj ON cj.name = lower(btrim(p.country))", []


def _harm_join(_on: date, scope: Scope) -> tuple[str, list[Any]]:
    in_range, params = scope.condition("r.player_id")
    sql = f"""
        LEFT JOIN (
            SELECT DISTINCT r.player_id FROM player_restrictions r
            WHERE r.kind = 'RG_HARM' AND {in_range} AND r.starts_at <= now()
              AND (r.ends_at IS NULL OR r.ends_at > now())
        ) hr ON hr.player_id = p.player_id"""
    return sql, params


def _vip_join(on: date, scope: Scope) -> tuple[str, list[Any]]:
    in_range, params = scope.condition("a.player_id")
    standings = VIP_STANDINGS_SQL.format(on=f"DATE '{on}'", in_range=in_range)
    return f"LEFT JOIN ({standings}) va ON va.player_id = p.player_id", params


_JOINS = {
    "balance": _balance_join,
    "tier": _tier_join,
    "games": _games_join,
    "grants": _grants_join,
    "jurisdiction": _jurisdiction_join,
    "harm": _harm_join,
    "vip": _vip_join,
}


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
    if f"game_diversity_{days}d" in columns:
        sums.append(
            f"jsonb_agg(d.games) FILTER (WHERE d.on >= DATE '{start}' AND d.games IS NOT NULL) AS games_{days}d"
        )
    if f"volatility_score_{days}d" in columns:
        played = f"d.on >= DATE '{start}' AND ({PLAYED_SQL})"
        sums.append(_VOLATILITY_SQL.format(played=played, days=days))
    return ", ".join(sums)


# As `players.metrics` defines it for all days: of those with a stake or a payout, unknown with fewer than two, and
# where nothing was staked.
_VOLATILITY_SQL = """
    CASE WHEN count(*) FILTER (WHERE {played}) > 1 AND avg(d.wagered) FILTER (WHERE {played}) > 0
         THEN least(round(stddev_samp(d.won - d.wagered) FILTER (WHERE {played})
                          / avg(d.wagered) FILTER (WHERE {played}), 4), 99999999999999.9999)
    END AS volatility_{days}d"""


def forget_facts(*, run_id: int) -> None:
    """Empty the working tables of one run, in one statement."""
    matches, candidates, allocations = (
        f"DELETE FROM {table} WHERE run_id = %s" for table in ("player_matches", "rule_candidates", "rule_allocations")
    )
    run_planned(
        f"WITH m AS ({matches}), c AS ({candidates}), a AS ({allocations}) DELETE FROM player_facts WHERE run_id = %s",
        [run_id] * 4,
    )
