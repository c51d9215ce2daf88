"""Players as they stood on earlier business dates: copies that start before a period and are carried on day by day.

Totals are those of now less all later days. Segment, tier and risk score follow their histories. What no history is
kept of stays as it is today; `unreconstructed` names what of that the rules read.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from django.conf import settings
from django.utils import timezone

from core.expressions import compile_expression, fetch_rows, run_statement
from players.metrics import derived_metrics
from players.models import PlayerMetrics
from rewards.facts import keep_house_edges, keep_windows, moved_windows_sql
from rewards.fields import COLUMNS, MEASURE_DAILY_COLUMNS, WINDOWS
from rewards.guard import rule_guard
from rewards.simulation.sandbox import analyze, original, rewrite, shadow_copy
from safety.caps import window_starts
from safety.policies import PROFIT_HORIZON_DAYS
from safety.profitability import refresh_segment_baselines

# What is copied of each history: the table, its columns before and after, and the column of players.
_HISTORIES = {
    "segment": ("player_segment_changes", "segment_before", "segment_after"),
    "tier": ("player_tier_changes", "tier_before", "tier_after"),
    "risk_score": ("player_risk_score_changes", "risk_score_before", "risk_score_after"),
}
# What facts of every day would add up again, kept from day to day.
KEPT = {"games": "replayed_house_edges", "days": "replayed_windows"}
_TYPES = {"risk_score": "smallint"}
# What players were granted: lots of the wallet, and cash.
_GRANTS = ("wallet_lots", "safety_cash_grants")


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What a replay needs of the past: its first day, the rules whose real rewards are left out, the facts read."""

    since: date
    until: date
    rule_numbers: tuple[int, ...]
    columns: tuple[str, ...]

    @property
    def days_before(self) -> int:
        """How many days before the first one the longest window reads."""
        return max(days for days in WINDOWS if any(COLUMNS[name].source == f"days_{days}" for name in self.columns))

    @property
    def has_balances(self) -> bool:
        """Whether the rules read balances, which then must be carried on as well."""
        return any(COLUMNS[name].source == "balance" for name in self.columns)


def start_of(on: date) -> datetime:
    """Return the moment a business date begins."""
    return timezone.make_aware(datetime.combine(on, time.min))


def begin_history(scope: Scope) -> None:
    """Make copies of the players, their measures and grants as they stood before the first day."""
    _copy_days(scope)
    _copy_changes(scope)
    _copy_players(scope)
    _copy_metrics(scope)
    _copy_grants(scope)
    run_statement(
        f"""CREATE TEMPORARY TABLE player_restrictions AS
        SELECT id, player_id, kind, starts_at, ends_at, created_at FROM {original("player_restrictions")} LIMIT 0""",
        [],
    )
    shadow_copy("safety_segment_baselines", unique="segment")
    keep_house_edges(KEPT["games"])
    keep_windows(KEPT["days"], on=scope.since - timedelta(days=1), columns=scope.columns)
    analyze(*KEPT.values())


def carry_to(on: date, *, scope: Scope) -> None:
    """Carry the copies on by one day: to the evening of a business date, as its night finds them."""
    _add_measures(on)
    rewrite(KEPT["days"], moved_windows_sql(KEPT["days"], on=on, columns=scope.columns), [])
    _follow_changes(on)
    _follow_profiles(on, scope=scope)
    _follow_restrictions(on)
    _follow_grants(on)
    refresh_segment_baselines(on=on)


def _copy_days(scope: Scope) -> None:
    """Only the days that windows reach and all since, narrow and in order of the dates."""
    sums = ", ".join(MEASURE_DAILY_COLUMNS.values())
    run_statement(
        f"""CREATE TEMPORARY TABLE player_days AS
        SELECT player_id, "on", {sums} FROM {original("player_days")} WHERE "on" >= %s ORDER BY "on", player_id""",
        [scope.since - timedelta(days=scope.days_before)],
    )
    run_statement('CREATE INDEX ON player_days ("on")', [])
    analyze("player_days")


def _copy_changes(scope: Scope) -> None:
    """All histories in one table, as text; the first change since tells what was before it."""
    selected = " UNION ALL ".join(
        f"""SELECT '{column}' AS what, id, player_id, "on", {before}::text AS value_before, {after}::text AS value_after
        FROM {original(table)} WHERE "on" >= %s"""
        for column, (table, before, after) in _HISTORIES.items()
    )
    run_statement(f"CREATE TEMPORARY TABLE replayed_changes AS {selected}", [scope.since] * len(_HISTORIES))
    run_statement('CREATE INDEX ON replayed_changes ("on")', [])
    analyze("replayed_changes")


_BEFORE_SQL = """LEFT JOIN (
    SELECT DISTINCT ON (player_id) player_id, value_before FROM replayed_changes WHERE what = '{column}'
    ORDER BY player_id, "on", id
) {column} ON {column}.player_id = p.player_id"""


def _copy_players(scope: Scope) -> None:
    """Profiles with segment, tier and risk score of before; who was not registered yet is not there yet."""
    replaced = {
        column: f"coalesce({column}.value_before::{_TYPES.get(column, 'text')}, p.{column})" for column in _HISTORIES
    }
    replaced["last_activity_at"] = "CASE WHEN p.last_activity_at < %s THEN p.last_activity_at ELSE d.active_at END"
    replaced["kyc_completed_at"] = "CASE WHEN p.kyc_completed_at < %s THEN p.kyc_completed_at END"
    replaced["is_active"] = "p.is_active AND (p.registered_on IS NULL OR p.registered_on < %s)"
    order = ("segment", "tier", "risk_score", "last_activity_at", "kyc_completed_at", "is_active")
    kept = [
        "player_id",
        "country",
        "jurisdiction",
        "language",
        "gender",
        "age",
        "tags",
        "profile_depth",
        "registered_on",
    ]
    columns = [*(f"p.{name}" for name in kept), *(f"{replaced[name]} AS {name}" for name in order)]
    begin = start_of(scope.since)
    run_statement(
        f"""CREATE TEMPORARY TABLE players AS
        SELECT {", ".join(columns)}, p.kyc_completed_at AS kyc_known_at, p.is_active AS is_active_now,
               now() AS updated_at
        FROM {original("players")} p
        {" ".join(_BEFORE_SQL.format(column=column) for column in _HISTORIES)}
        LEFT JOIN (
            SELECT player_id, max("on")::timestamp AT TIME ZONE %s AS active_at FROM player_days
            WHERE "on" < %s GROUP BY player_id
        ) d ON d.player_id = p.player_id""",
        [begin, begin, scope.since, settings.TIME_ZONE, scope.since],
    )
    run_statement("CREATE INDEX ON players (player_id)", [])
    analyze("players")


def _copy_metrics(scope: Scope) -> None:
    """Totals of now less all days since; the last deposit as far as daily rows tell it."""
    replaced: dict[str, str] = {
        total: f"m.{total} - coalesce(l.{daily}, 0)" for total, daily in MEASURE_DAILY_COLUMNS.items()
    }
    replaced["last_deposit_at"] = "CASE WHEN m.last_deposit_at < %s THEN m.last_deposit_at ELSE l.deposited_at END"
    names = [str(field.column) for field in PlayerMetrics._meta.concrete_fields]
    columns = ", ".join(f"{replaced[name]} AS {name}" if name in replaced else f"m.{name}" for name in names)
    sums = ", ".join(f'sum({daily}) FILTER (WHERE "on" >= %s) AS {daily}' for daily in MEASURE_DAILY_COLUMNS.values())
    run_statement(
        f"""CREATE TEMPORARY TABLE player_metrics AS
        SELECT {columns} FROM {original("player_metrics")} m
        LEFT JOIN (
            SELECT player_id, {sums},
                   max("on") FILTER (WHERE "on" < %s AND deposited > 0)::timestamp AT TIME ZONE %s AS deposited_at
            FROM player_days GROUP BY player_id
        ) l ON l.player_id = m.player_id""",
        [start_of(scope.since), *([scope.since] * (len(MEASURE_DAILY_COLUMNS) + 1)), settings.TIME_ZONE],
    )
    analyze("player_metrics")


def _copy_grants(scope: Scope) -> None:
    """What others granted, as caps, the guard and the profit horizon count it; the rules' own rewards are left out.

    Cash is kept apart, as it really is: where there is none, lots alone are read. Later grants are added day by day.
    """
    guard = rule_guard()
    horizon = max(PROFIT_HORIZON_DAYS.value(), guard.days if guard else 0)
    first = min(scope.since - timedelta(days=horizon), *window_starts(scope.since).values())
    for name in _GRANTS:
        later = f"replayed_{name}"
        run_statement(
            f"""CREATE TEMPORARY TABLE {later} AS
            SELECT player_id, granted_on, promotional_value, expected_cost, rule_number FROM {original(name)}
            WHERE granted_on BETWEEN %s AND %s AND NOT coalesce(rule_number = ANY (%s), false) ORDER BY granted_on""",
            [first, scope.until, list(scope.rule_numbers)],
        )
        run_statement(f"CREATE TEMPORARY TABLE {name} AS SELECT * FROM {later} WHERE granted_on < %s", [scope.since])
        for table in (later, name):
            run_statement(f"CREATE INDEX ON {table} (granted_on)", [])
        if guard is not None:
            run_statement(f"CREATE INDEX ON {name} (player_id, granted_on)", [])
        analyze(name)


def _follow_grants(on: date) -> None:
    """Let what others granted on the day count; what came later was not known to its night."""
    for name in _GRANTS:
        run_statement(f"INSERT INTO {name} SELECT * FROM replayed_{name} WHERE granted_on = %s", [on])


def _add_measures(on: date) -> None:
    """Write the measures anew with those of the day and what follows from them, as the night derives it.

    Anew and not in place: row versions that this transaction leaves behind are not cleaned up before it ends.
    """
    derived = {name: compile_expression(value, model=PlayerMetrics) for name, value in derived_metrics().items()}
    names = [str(field.column) for field in PlayerMetrics._meta.concrete_fields]
    selected = ", ".join(f"{derived[name][0]} AS {name}" if name in derived else name for name in names)
    replaced = {total: f"m.{total} + coalesce(d.{daily}, 0)" for total, daily in MEASURE_DAILY_COLUMNS.items()}
    replaced["last_deposit_at"] = "CASE WHEN d.deposited > 0 THEN %s ELSE m.last_deposit_at END"
    summed = ", ".join(f"{replaced[name]} AS {name}" if name in replaced else f"m.{name}" for name in names)
    sql = f"""
        SELECT {selected} FROM (
            SELECT {summed} FROM player_metrics m
            LEFT JOIN player_days d ON d.player_id = m.player_id AND d."on" = %s
        ) player_metrics
    """
    params = [param for name in names if name in derived for param in derived[name][1]]
    rewrite("player_metrics", sql, [*params, start_of(on), on])


def _follow_changes(on: date) -> None:
    """Let what changed on the day hold; of several changes the last."""
    for column in _HISTORIES:
        run_statement(
            f"""UPDATE players p SET {column} = c.value_after::{_TYPES.get(column, "text")}
            FROM (
                SELECT DISTINCT ON (player_id) player_id, value_after FROM replayed_changes
                WHERE what = '{column}' AND "on" = %s ORDER BY player_id, id DESC
            ) c WHERE c.player_id = p.player_id""",
            [on],
        )


def _follow_profiles(on: date, *, scope: Scope) -> None:
    """Let players register, be identified and be active on the day they were."""
    begin, end = start_of(on), start_of(on + timedelta(days=1))
    run_statement(
        """UPDATE players SET is_active = is_active_now,
            kyc_completed_at = CASE WHEN kyc_known_at < %s THEN kyc_known_at END
        WHERE registered_on = %s OR (kyc_known_at >= %s AND kyc_known_at < %s)""",
        [end, on, begin, end],
    )
    if "days_since_last_activity" in scope.columns:
        run_statement(
            """UPDATE players p SET last_activity_at = %s FROM player_days d
            WHERE d."on" = %s AND d.player_id = p.player_id""",
            [begin, on],
        )


def _follow_restrictions(on: date) -> None:
    """Let the restrictions of the evening hold, for the night's statement, which asks for those of now."""
    end = start_of(on + timedelta(days=1))
    run_statement("TRUNCATE player_restrictions", [])
    run_statement(
        f"""INSERT INTO player_restrictions (id, player_id, kind, starts_at, ends_at, created_at)
        SELECT id, player_id, kind, starts_at, CASE WHEN ends_at < %s THEN ends_at END, created_at
        FROM {original("player_restrictions")} WHERE starts_at < %s""",
        [end, end],
    )


# Columns of which no history is kept, and what stands in for it.
_AS_TODAY = {
    "bonus_abuse_score": "the abuse score is today's",
    "volatility_score": "the volatility score is today's",
    "game_diversity": "the number of game categories played is today's",
    "country": "the country is today's",
    "language": "the language is today's",
    "gender": "the gender is today's",
    "age": "the age is today's",
    "tags": "the tags are today's",
    "profile_depth": "the profile depth is today's",
}
_ALWAYS = (
    "the house edge of a player is that of today's mix of games",
    "policies, tier benefits, unit values and the effects of restrictions are today's",
    "jurisdictions of players and approvals of VIPs are today's; a clause counts from the date it holds",
    "caps that whole groups share are today's, and count only what the rules under test would give",
)


def unreconstructed(scope: Scope, *, has_groups: bool) -> list[str]:
    """Return, in words, what of the past is not known and what stands in for it."""
    found = [words for name, words in _AS_TODAY.items() if name in scope.columns]
    found += _counted(scope)
    if "last_deposit_at" in _sources(scope):
        found.append(
            "a last deposit is known to the day; one that lies before the daily rows, of a player who deposited "
            "again since, is unknown"
        )
    if has_groups:
        found.append("rewards that other rules of an exclusive group really gave are not looked at")
    if scope.has_balances:
        found.append("rewards of the replay are held to the end: nobody wagers or spends them, and none expires")
    return [*found, *_ALWAYS]


def _sources(scope: Scope) -> str:
    return " ".join(COLUMNS[name].sql for name in scope.columns)


def _counted(scope: Scope) -> list[str]:
    """Name how many players and days are less well known than the others."""
    without, later, estimated = fetch_rows(
        f"""
        SELECT (SELECT count(*) FROM {original("player_metrics")} WHERE days_from IS NULL),
               (SELECT count(*) FROM {original("player_metrics")} WHERE days_from > %s),
               (SELECT count(*) FROM {original("player_days")} WHERE is_estimated AND "on" BETWEEN %s AND %s)
        """,
        [scope.since, scope.since, scope.until],
    )[0]
    counted: list[tuple[Any, str]] = [
        (without, "{} player(s) have no daily rows: their totals are today's"),
        (later, "{} player(s) have daily rows only from a later day on: before it, their totals are those of that day"),
        (estimated, "{} daily row(s) of the period are estimates, spread from the difference of two files"),
    ]
    return [words.format(f"{count:,}") for count, words in counted if count]
