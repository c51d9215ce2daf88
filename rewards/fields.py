"""The registry of everything a rule can ask about a player.

A *column* is stored in `player_facts`, filled once per run by `rewards.facts`. A *field* is a name staff may use in
conditions and formulas: a column, or an expression over columns (see `rewards.expressions`). Pure data, no Django.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

WINDOWS = (7, 30, 90)
SINCE_LAST_REWARD = "_since_last_reward"
NUMBER_MAX = Decimal(10) ** 15  # the largest number that rules may name


class Kind(StrEnum):
    """What values a field takes; `NUMBER` is exact decimal."""

    NUMBER = "number"
    INTEGER = "integer"
    TEXT = "text"
    BOOLEAN = "boolean"
    TAGS = "tags"
    COUNTS = "counts"

    @property
    def is_numeric(self) -> bool:
        return self in (Kind.NUMBER, Kind.INTEGER)


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A stored fact. `sql` reads it from the relations that `rewards.facts` joins; `source` names the one it needs."""

    name: str
    kind: Kind
    sql: str
    source: str = "metrics"
    decimal_places: int = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """A name for rules: its type, unit and help, and the columns it is computed from."""

    name: str
    kind: Kind
    unit: str
    help: str
    columns: tuple[str, ...]
    window_days: int | None = None
    is_lifetime_total: bool = False
    is_since_last_reward: bool = False

    @property
    def is_net_loss(self) -> bool:
        """Whether it is cut to what is not below 0."""
        return self.name.startswith("net_loss")


# name, kind, decimal places, unit, help: the lifetime measures that also exist per window, from their daily column.
_MEASURES = (
    ("total_deposited", "deposited", Kind.NUMBER, "money", "Real money paid in."),
    ("total_withdrawn", "withdrawn", Kind.NUMBER, "money", "Real money paid out."),
    ("total_wagered", "wagered", Kind.NUMBER, "money", "Turnover: the sum of all real stakes."),
    ("total_won", "won", Kind.NUMBER, "money", "Payouts on real stakes."),
    ("total_bets", "bets", Kind.INTEGER, "bets", "Number of bets."),
    ("total_sessions", "sessions", Kind.INTEGER, "sessions", "Number of sessions."),
    ("total_playtime_hours", "playtime_hours", Kind.NUMBER, "hours", "Time played."),
)
MEASURE_DAILY_COLUMNS = {total: daily for total, daily, *_ in _MEASURES}
LIFETIME_MEASURES = tuple(MEASURE_DAILY_COLUMNS)

# name, columns it needs (each also exists per window), unit, help.
_RESULTS = (
    ("net_pnl", ("total_won", "total_wagered"), "money", "The player's own result: won − wagered."),
    ("net_loss", ("total_won", "total_wagered"), "money", "What the player lost: wagered − won, never below 0."),
    ("house_edge_contribution", ("total_won", "total_wagered"), "money", "GGR: wagered − won."),
    ("win_loss_ratio", ("total_won", "total_wagered"), "ratio", "Won ÷ wagered, 0 where nothing was wagered."),
    ("avg_bet_size", ("total_wagered", "total_bets"), "money", "Wagered ÷ bets, unknown without bets."),
    ("avg_session_duration", ("total_playtime_hours", "total_sessions"), "hours", "Playtime ÷ sessions."),
    ("bets_per_session", ("total_bets", "total_sessions"), "bets", "Bet frequency: bets ÷ sessions."),
)
# Lifetime results that the metrics step stores; the rest are computed from columns.
_STORED_RESULTS = {
    "net_pnl",
    "house_edge_contribution",
    "win_loss_ratio",
    "avg_bet_size",
    "avg_session_duration",
    "bets_per_session",
}
# The lifetime net loss follows the stored result, whatever basis that has.
_STORED_AS = {"net_loss": "net_pnl"}

_PROFILE = (
    ("segment", Kind.TEXT, "p.segment", "segment", "NEW, WINNING, BREAKEVEN, LOSING or VIP."),
    ("tier", Kind.TEXT, "p.tier", "tier", "The player's tier level."),
    ("country", Kind.TEXT, "nullif(p.country, '')", "text", "Country as the source gives it."),
    ("language", Kind.TEXT, "nullif(p.language, '')", "text", "Language as the source gives it."),
    ("gender", Kind.TEXT, "nullif(p.gender, '')", "text", "Gender as the source gives it."),
    ("age", Kind.INTEGER, "p.age", "years", "Age in years."),
    ("tags", Kind.TAGS, "p.tags", "tags", "Labels staff gave the player."),
    ("kyc_completed", Kind.BOOLEAN, "p.kyc_completed_at IS NOT NULL", "yes/no", "Identity checks completed."),
    ("profile_depth", Kind.INTEGER, "p.profile_depth", "percent", "How much of the profile is filled in, 0–100."),
    ("risk_score", Kind.INTEGER, "p.risk_score", "points", "Risk score 0–100."),
    (
        "days_since_last_activity",
        Kind.INTEGER,
        "%(as_of)s - (p.last_activity_at AT TIME ZONE %(zone)s)::date",
        "days",
        "Business days since the last reported activity.",
    ),
    (
        "days_since_registration",
        Kind.INTEGER,
        "%(as_of)s - p.registered_on",
        "days",
        "Business days since registration.",
    ),
)
_MEASURED = (
    (
        "days_since_last_deposit",
        Kind.INTEGER,
        "%(as_of)s - (m.last_deposit_at AT TIME ZONE %(zone)s)::date",
        "days",
        "Business days since the last deposit.",
    ),
    ("bonus_abuse_score", Kind.INTEGER, "m.bonus_abuse_score", "points", "Abuse score 0–100."),
    ("game_diversity", Kind.INTEGER, "m.game_diversity", "categories", "Number of game categories played."),
    ("volatility_score", Kind.NUMBER, "m.volatility_score", "ratio", "Deviation of daily results ÷ mean daily stake."),
)
# Of these, the ones that also exist per window, with how a column reads them from what the days were gathered to.
_WINDOWED_MEASURED = {
    "game_diversity": """nullif((
        SELECT count(DISTINCT category.name)
        FROM jsonb_array_elements(d.games_%(days)sd) played (games), jsonb_each(played.games) category (name, sums)
        WHERE (category.sums ->> 'bets')::integer > 0
    ), 0)""",
    "volatility_score": "d.volatility_%(days)sd",
}
_BALANCES = (
    ("lp_balance", Kind.NUMBER, "points", "Loyalty points held."),
    ("rp_balance", Kind.NUMBER, "points", "Reward points held."),
    ("bonus_balance", Kind.NUMBER, "money", "Bonus money held."),
    ("tickets_balance", Kind.INTEGER, "tickets", "Tickets held."),
    ("lp_earned", Kind.NUMBER, "points", "Loyalty points ever earned."),
)
# Tier benefits that formulas may use, with the value of a tier that does not name them.
TIER_BENEFITS = (
    ("cashback_multiplier", "1", "factor", "Cashback multiplier of the player's tier."),
    ("lp_multiplier", "1", "factor", "Multiplier on points from play of the player's tier."),
    ("free_plays", "0", "plays", "Free plays of the player's tier."),
    ("tournament_tickets", "0", "tickets", "Tournament tickets of the player's tier."),
)
# The player's bets by game category, which only the cost of a bonus that must be wagered asks for.
GAMES_COLUMN = "games_played"
# What safety reads beside the rule's own fields.
_SAFETY = (
    ("house_edge_rate", "games", "h", 6),
    ("granted_value_day", "grants", "g", 2),
    ("granted_value_week", "grants", "g", 2),
    ("granted_value_month", "grants", "g", 2),
    ("expected_cost_horizon", "grants", "g", 2),
)

# What jurisdictions ask about a player, read per player and not per match. `vip_lacks` is empty where an approval holds
# and unknown where none was ever recorded.
ELSEWHERE_SQL = "(SELECT u.code FROM jurisdictions u WHERE u.takes_unknown_countries), 'DEFAULT'"
_OF_JURISDICTIONS = (
    (
        "jurisdiction",
        Kind.TEXT,
        f"coalesce(p.jurisdiction, cj.jurisdiction, {ELSEWHERE_SQL})",
        "jurisdiction",
    ),
    ("has_harm", Kind.BOOLEAN, "hr.player_id IS NOT NULL", "harm"),
    ("vip_lacks", Kind.TEXT, "va.lacks", "vip"),
)

ALIASES = {
    "session_count": "total_sessions",
    "sessions": "total_sessions",
    "bet_frequency": "bets_per_session",
    "playtime_hours": "total_playtime_hours",
    "net_profit": "net_pnl",
    "ggr": "house_edge_contribution",
    "abuse_score": "bonus_abuse_score",
}


def _window_columns() -> list[Column]:
    columns = []
    for days in WINDOWS:
        for total, daily, kind, *_ in _MEASURES:
            columns.append(_window_column(name=f"{total}_{days}d", daily=daily, kind=kind, days=days))
        columns.append(_window_column(name=f"active_days_{days}d", daily="active_days", kind=Kind.INTEGER, days=days))
        columns += [
            Column(
                name=f"{name}_{days}d",
                kind=kind,
                sql=_if_covered(_WINDOWED_MEASURED[name] % {"days": days}, days=days),
                source=f"days_{days}",
                decimal_places=_measured_places(name),
            )
            for name, kind, *_ in _MEASURED
            if name in _WINDOWED_MEASURED
        ]
    return columns


def _window_column(*, name: str, daily: str, kind: Kind, days: int) -> Column:
    covered = _if_covered(f"coalesce(d.{daily}_{days}d, 0)", days=days)
    return Column(name=name, kind=kind, sql=covered, source=f"days_{days}")


def _if_covered(sql: str, *, days: int) -> str:
    # A window that starts before the first daily row is unknown, not small.
    return f"CASE WHEN m.days_from <= %(as_of)s - {days - 1} THEN {sql} END"


def _measured_places(name: str) -> int:
    return 4 if name == "volatility_score" else 2


def _benefit_column(name: str, default: str) -> Column:
    sql = f"coalesce((t.benefits ->> '{name}')::numeric, {default})"
    return Column(name=name, kind=Kind.NUMBER, sql=sql, source="tier", decimal_places=4)


def _stored_result_column(name: str) -> Column:
    places = 4 if name in {"win_loss_ratio", "avg_session_duration", "bets_per_session"} else 2
    return Column(name=name, kind=Kind.NUMBER, sql=f"m.{name}", decimal_places=places)


def _columns() -> tuple[Column, ...]:
    columns = [Column(name=n, kind=k, sql=sql, source="players") for n, k, sql, *_ in _PROFILE]
    columns += [Column(name=n, kind=k, sql=f"m.{n}") for n, _, k, *_ in _MEASURES]
    columns += [_stored_result_column(name) for name, *_ in _RESULTS if name in _STORED_RESULTS]
    columns += [Column(name=n, kind=k, sql=sql, decimal_places=_measured_places(n)) for n, k, sql, *_ in _MEASURED]
    columns += [Column(name=n, kind=k, sql=f"coalesce(b.{n}, 0)", source="balance") for n, k, *_ in _BALANCES]
    columns += [_benefit_column(name, default) for name, default, *_ in TIER_BENEFITS]
    columns += _window_columns()
    columns += [
        Column(name=n, kind=Kind.NUMBER, sql=f"{alias}.{n}", source=source, decimal_places=places)
        for n, source, alias, places in _SAFETY
    ]
    columns += [Column(name=n, kind=k, sql=sql, source=source) for n, k, sql, source in _OF_JURISDICTIONS]
    columns.append(Column(name=GAMES_COLUMN, kind=Kind.COUNTS, sql=f"h.{GAMES_COLUMN}", source="games"))
    return tuple(columns)


def _window_fields(days: int) -> list[Field]:
    suffix, help_suffix = f"_{days}d", f" In the {days} business days that end on the business date."
    fields = [
        Field(name=n + suffix, kind=k, unit=u, help=h + help_suffix, columns=(n + suffix,), window_days=days)
        for n, _, k, u, h in _MEASURES
    ]
    fields += [
        Field(
            name=n + suffix,
            kind=Kind.NUMBER,
            unit=u,
            help=h + help_suffix,
            columns=tuple(c + suffix for c in columns),
            window_days=days,
        )
        for n, columns, u, h in _RESULTS
    ]
    fields += [
        Field(name=n + suffix, kind=k, unit=u, help=h + help_suffix, columns=(n + suffix,), window_days=days)
        for n, k, _, u, h in _MEASURED
        if n in _WINDOWED_MEASURED
    ]
    help_text = "Days with activity." + help_suffix
    name = "active_days" + suffix
    fields.append(Field(name=name, kind=Kind.INTEGER, unit="days", help=help_text, columns=(name,), window_days=days))
    return fields


def _since_last_reward_fields() -> list[Field]:
    suffix, help_suffix = SINCE_LAST_REWARD, " Since this rule last gave the player a reward."
    fields = [
        Field(name=n + suffix, kind=k, unit=u, help=h + help_suffix, columns=(n,), is_since_last_reward=True)
        for n, _, k, u, h in _MEASURES
    ]
    return fields + [
        Field(
            name=n + suffix, kind=Kind.NUMBER, unit=u, help=h + help_suffix, columns=columns, is_since_last_reward=True
        )
        for n, columns, u, h in _RESULTS
    ]


def _fields() -> tuple[Field, ...]:
    fields = [Field(name=n, kind=k, unit=u, help=h, columns=(n,)) for n, k, _, u, h in (*_PROFILE, *_MEASURED)]
    fields += [
        Field(name=n, kind=k, unit=u, help=h, columns=(n,), is_lifetime_total=n == "lp_earned")
        for n, k, u, h in _BALANCES
    ]
    fields += [Field(name=n, kind=Kind.NUMBER, unit=u, help=h, columns=(n,)) for n, _, u, h in TIER_BENEFITS]
    fields += [
        Field(name=n, kind=k, unit=u, help=h, columns=(n,), is_lifetime_total=True) for n, _, k, u, h in _MEASURES
    ]
    fields += [
        Field(
            name=n,
            kind=Kind.NUMBER,
            unit=u,
            help=h,
            columns=(_STORED_AS.get(n, n),),
            is_lifetime_total=True,
        )
        for n, columns, u, h in _RESULTS
    ]
    for days in WINDOWS:
        fields += _window_fields(days)
    return tuple(fields + _since_last_reward_fields())


def _aliases() -> dict[str, str]:
    suffixes = [*(f"_{days}d" for days in WINDOWS), SINCE_LAST_REWARD]
    windowed = {
        alias + suffix: target + suffix
        for alias, target in ALIASES.items()
        for suffix in suffixes
        if target + suffix in FIELDS
    }
    short = {total.removeprefix("total_") + suffix: total + suffix for total, *_ in _MEASURES for suffix in suffixes}
    return {**ALIASES, **windowed, **short}


COLUMNS: dict[str, Column] = {column.name: column for column in _columns()}
FIELDS: dict[str, Field] = {field.name: field for field in _fields()}
ALIASES = _aliases()
SAFETY_COLUMNS: tuple[str, ...] = (
    *(name for name, *_ in _SAFETY),
    *(name for name, *_ in _OF_JURISDICTIONS),
    "segment",
    "tier",
    "bonus_abuse_score",
    "total_wagered",
    "total_sessions",
    "days_since_registration",
    "total_wagered_30d",
    "active_days_30d",
)


def find_field(name: str) -> Field | None:
    """Return the field of that name or alias."""
    return FIELDS.get(ALIASES.get(name, name))
