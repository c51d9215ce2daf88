"""The columns a file of players may have, what each holds, and where it goes."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from core.spreadsheets.columns import CellKind, Column


class Kind(Enum):
    """What the cells of a column mean."""

    ID = "id"
    AMOUNT = "amount"
    INTEGER = "integer"
    HOURS = "hours"
    DATE = "date"
    MOMENT = "moment"
    TEXT = "text"
    EMAIL = "email"
    CURRENCY = "currency"

    @property
    def is_number(self) -> bool:
        return self in {Kind.AMOUNT, Kind.INTEGER, Kind.HOURS}

    @property
    def is_date(self) -> bool:
        return self in {Kind.DATE, Kind.MOMENT}

    @property
    def is_text(self) -> bool:
        return self in {Kind.TEXT, Kind.EMAIL, Kind.CURRENCY}

    @property
    def sql_type(self) -> str:
        """Return the type of a cell once it is understood."""
        return _SQL_TYPES.get(self, "text")

    @property
    def cell_kind(self) -> CellKind:
        """Return what the reader has to know about the column."""
        if self.is_number:
            return CellKind.NUMBER
        if self.is_date:
            return CellKind.DATE
        return CellKind.ID if self is Kind.ID else CellKind.TEXT


_SQL_TYPES = {
    Kind.ID: 'varchar(50) COLLATE "C"',
    Kind.AMOUNT: "numeric(18,2)",
    Kind.INTEGER: "integer",
    Kind.HOURS: "numeric(12,2)",
    Kind.DATE: "date",
    Kind.MOMENT: "timestamptz",
}


class Table(Enum):
    """The table a column is written to."""

    PLAYERS = "players"
    METRICS = "player_metrics"
    NONE = ""


@dataclass(frozen=True, kw_only=True)
class PlayerColumn:
    """A column of the file and the column of the database it fills."""

    name: str
    kind: Kind
    table: Table
    target: str
    aliases: tuple[str, ...] = ()
    weak_aliases: tuple[str, ...] = ()
    is_required: bool = False
    is_total: bool = False
    """Grows over a player's life; a difference between two files is activity."""
    day: str = ""
    """The column of PlayerDay that takes a total's difference."""
    length_max: int = 0
    value_max: int = 0


ID = PlayerColumn(
    name="player_id",
    kind=Kind.ID,
    table=Table.PLAYERS,
    target="player_id",
    aliases=(
        "playerid",
        "player",
        "player_no",
        "player_number",
        "player_code",
        "user_id",
        "userid",
        "customer_id",
        "customerid",
        "client_id",
        "account_id",
        "member_id",
    ),
    weak_aliases=("id", "user", "username", "user_name", "account", "customer", "login"),
    is_required=True,
    length_max=50,
)


def _total(
    name: str,
    *,
    aliases: tuple[str, ...],
    day: str,
    kind: Kind = Kind.AMOUNT,
    target: str = "",
    is_required: bool = False,
    value_max: int = 0,
) -> PlayerColumn:
    return PlayerColumn(
        name=name,
        kind=kind,
        table=Table.METRICS,
        target=target or name,
        aliases=aliases,
        is_required=is_required,
        is_total=True,
        day=day,
        value_max=value_max,
    )


def _profile(
    name: str, *, kind: Kind, target: str = "", aliases: tuple[str, ...] = (), length_max: int = 0, value_max: int = 0
) -> PlayerColumn:
    return PlayerColumn(
        name=name,
        kind=kind,
        table=Table.PLAYERS,
        target=target or name,
        aliases=aliases,
        length_max=length_max,
        value_max=value_max,
    )


def _moment(name: str, *, target: str, aliases: tuple[str, ...], table: Table = Table.METRICS) -> PlayerColumn:
    return PlayerColumn(name=name, kind=Kind.MOMENT, table=table, target=target, aliases=aliases)


INTEGER_MAX = 2_147_483_647
_HOURS_MAX = 100_000_000

COLUMNS: tuple[PlayerColumn, ...] = (
    ID,
    _total(
        "total_deposited",
        aliases=(
            "deposited",
            "total_deposit",
            "total_deposits",
            "total_deposit_amount",
            "deposit_total",
            "deposit_amount",
            "lifetime_deposits",
        ),
        day="deposited",
        is_required=True,
    ),
    _total(
        "total_wagered",
        aliases=(
            "wagered",
            "total_wager",
            "total_wagers",
            "wager_amount",
            "total_staked",
            "total_stake",
            "total_stakes",
            "staked",
            "stakes",
            "turnover",
            "total_turnover",
            "lifetime_wagered",
        ),
        day="wagered",
        is_required=True,
    ),
    _total(
        "total_won",
        aliases=("won", "total_winnings", "winnings", "total_payout", "total_payouts", "payouts", "lifetime_won"),
        day="won",
        is_required=True,
    ),
    _total(
        "total_withdrawn",
        aliases=("withdrawn", "total_withdrawal", "total_withdrawals", "withdrawal_total", "withdrawal_amount"),
        day="withdrawn",
    ),
    _total(
        "sessions",
        kind=Kind.INTEGER,
        target="total_sessions",
        aliases=("total_sessions", "session_count", "sessions_count", "number_of_sessions", "num_sessions"),
        day="sessions",
        value_max=INTEGER_MAX,
    ),
    _total(
        "bets",
        kind=Kind.INTEGER,
        target="total_bets",
        aliases=("total_bets", "bet_count", "bets_count", "number_of_bets", "num_bets"),
        day="bets",
        value_max=INTEGER_MAX,
    ),
    _total(
        "playtime_hours",
        kind=Kind.HOURS,
        target="total_playtime_hours",
        aliases=(
            "total_playtime_hours",
            "play_time_hours",
            "hours_played",
            "play_hours",
            "playtime_h",
            "playtime_hrs",
            "total_playtime_h",
        ),
        day="playtime_hours",
        value_max=_HOURS_MAX,
    ),
    _moment(
        "last_deposit_date",
        target="last_deposit_at",
        aliases=("last_deposit_at", "last_deposit_on", "last_deposit_time", "last_deposit"),
    ),
    _moment(
        "first_deposit_date",
        target="first_deposit_at",
        aliases=("first_deposit_at", "first_deposit_on", "first_deposit_time", "first_deposit"),
    ),
    _moment(
        "last_wager_date",
        target="last_wager_at",
        aliases=("last_wager_at", "last_wager", "last_bet_date", "last_bet_at", "last_bet", "last_stake_date"),
    ),
    _moment(
        "last_active_date",
        target="last_activity_at",
        aliases=(
            "last_activity_at",
            "last_activity",
            "last_activity_date",
            "last_active",
            "last_active_at",
            "last_active_on",
            "last_seen",
            "last_seen_at",
        ),
        table=Table.PLAYERS,
    ),
    _profile(
        "registration_date",
        kind=Kind.DATE,
        target="registered_on",
        aliases=(
            "registered_on",
            "registered_at",
            "registered",
            "registration",
            "signup_date",
            "sign_up_date",
            "join_date",
            "date_joined",
        ),
    ),
    _moment(
        "kyc_completed_date",
        target="kyc_completed_at",
        aliases=("kyc_completed_at", "kyc_completed_on", "kyc_date"),
        table=Table.PLAYERS,
    ),
    _profile("email", kind=Kind.EMAIL, aliases=("e_mail", "email_address", "e_mail_address", "mail"), length_max=255),
    _profile("name", kind=Kind.TEXT, aliases=("player_name", "full_name", "fullname", "display_name"), length_max=255),
    _profile("country", kind=Kind.TEXT, aliases=("country_name", "country_code"), length_max=60),
    _profile("language", kind=Kind.TEXT, aliases=("lang", "language_code"), length_max=60),
    _profile("gender", kind=Kind.TEXT, aliases=("sex",), length_max=30),
    _profile("age", kind=Kind.INTEGER, aliases=("age_years",), value_max=150),
    PlayerColumn(
        name="opening_lp",
        kind=Kind.AMOUNT,
        table=Table.METRICS,
        target="opening_lp",
        aliases=("loyalty_points", "lp", "lp_balance", "opening_points"),
    ),
    PlayerColumn(name="currency", kind=Kind.CURRENCY, table=Table.NONE, target="", aliases=("currency_code",)),
)
BY_NAME = {column.name: column for column in COLUMNS}
TOTALS = tuple(column for column in COLUMNS if column.is_total)


def columns_to_read(currency_words: tuple[str, ...]) -> list[Column]:
    """Return the columns as the reader has to know them; amounts may name the operator's currency in their heading."""
    return [
        Column(
            name=column.name,
            kind=column.kind.cell_kind,
            aliases=column.aliases,
            weak_aliases=column.weak_aliases,
            units=currency_words if column.kind is Kind.AMOUNT else (),
            is_required=column.is_required,
        )
        for column in COLUMNS
    ]
