"""The liability: what players hold, how it came about in a period, and the proof that it adds up to the cent.

opening + issued − redeemed − converted − expired − forfeited − lost − bonus stakes + bonus wins ± adjustments
± reversed = closing. Lines are signed: what takes away is negative. Closing is never the sum of the lines: it is read
from what players hold.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from core.errors import InvalidInputError, LoyaltyError
from core.expressions import fetch_rows
from core.money import ZERO, round_to_cent
from reporting.models import LINES
from reporting.periods import end_of_day, start_of_day
from safety.models import UnitValue
from wallet.ledger_shape import PLAYER_LEDGER
from wallet.models import CurrencyType, TransactionType

LINE_OF_TYPE: Mapping[str, str] = {
    TransactionType.REWARD: "issued",
    TransactionType.BONUS_ISSUED: "issued",
    TransactionType.LP_EARNED: "issued",
    TransactionType.OPENING: "issued",
    TransactionType.LP_REDEEMED: "redeemed",
    TransactionType.RP_REDEEMED: "redeemed",
    TransactionType.TICKETS_USED: "redeemed",
    TransactionType.BONUS_CONVERTED: "converted",
    TransactionType.BONUS_EXPIRED: "expired",
    TransactionType.LP_EXPIRED: "expired",
    TransactionType.RP_EXPIRED: "expired",
    TransactionType.TICKETS_EXPIRED: "expired",
    TransactionType.BONUS_FORFEITED: "forfeited",
    TransactionType.BONUS_CANCELLED: "forfeited",
    # A lost bonus holds nothing any more, so nothing is posted for it today.
    "BONUS_LOST": "lost",
    TransactionType.WAGER: "bonus_stakes",
    TransactionType.WIN: "bonus_wins",
    TransactionType.ADJUSTMENT: "adjustments",
    TransactionType.REVERSAL: "reversed",
}
SAID_BY_ENTRIES = "the players' last entries of the period"
SAID_BY_BALANCES = "the balances, less what was posted after the period,"
NEVER_POSTED = frozenset({TransactionType.DEPOSIT, TransactionType.WITHDRAWAL})
"""Types of real money, which the platform holds: an entry of one of them has no place here."""


class UnknownEntryTypeError(LoyaltyError):
    """Raised when an entry's type belongs to no line of the liability."""

    code = "unknown_entry_type"
    status = 500


class LiabilityDifferenceError(LoyaltyError):
    """Raised when the liability does not close; `details` has currency, figures and difference."""

    code = "liability_difference"
    status = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """How much of a currency all players hold, and what it is worth."""

    currency: CurrencyType
    amount: Decimal
    money: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class RollForward:
    """One currency from the beginning of `since` to the end of `until`, both business dates."""

    since: date
    until: date
    currency: str
    opening: Decimal
    lines: dict[str, Decimal]
    closing: Decimal
    unit_value: Decimal | None

    @property
    def currency_label(self) -> str:
        """The currency as people call it."""
        return str(CurrencyType(self.currency).label)

    def amounts(self) -> dict[str, Decimal]:
        """Return opening, lines and closing, in order."""
        return {"opening": self.opening, **self.lines, "closing": self.closing}

    def money(self) -> dict[str, Decimal | None]:
        """Return the same in money by the unit value.

        Each line is the difference of two rounded balances, so that the money closes to the cent as the units do.
        """
        if self.unit_value is None:
            return dict.fromkeys(self.amounts())
        held, lines = self.opening, {}
        for line, amount in self.lines.items():
            lines[line] = round_to_cent((held + amount) * self.unit_value) - round_to_cent(held * self.unit_value)
            held += amount
        return {
            "opening": round_to_cent(self.opening * self.unit_value),
            **lines,
            "closing": round_to_cent(self.closing * self.unit_value),
        }


def line_of(transaction_type: str) -> str:
    """Return the line an entry of a type belongs to. Raises UnknownEntryTypeError."""
    line = LINE_OF_TYPE.get(transaction_type)
    if line is None:
        raise UnknownEntryTypeError(
            f"entries of type {transaction_type!r} belong to no line of the liability; reporting/liability.py must say "
            "which",
            transaction_type=transaction_type,
        )
    return line


def empty_lines() -> dict[str, Decimal]:
    """Return all lines with nothing in them."""
    return dict.fromkeys(LINES, ZERO)


def unit_values() -> dict[str, Decimal]:
    """Return what one unit of each currency is worth now."""
    return dict(UnitValue.objects.values_list("currency_type", "money_value"))


@dataclass(slots=True)
class _Figures:
    """What one statement read of one currency; `flows` by line."""

    opening: Decimal = ZERO
    flows: dict[str, Decimal] = field(default_factory=empty_lines)
    closing: Decimal = ZERO
    after: Decimal = ZERO
    held: Decimal = ZERO


def roll_forward(*, since: date, until: date) -> list[RollForward]:
    """Return the roll-forward of a period, one per currency, read from the whole ledger and proved twice.

    Closing is what the players' last entries before the end say, and what they hold now less what came after. Raises
    LiabilityDifferenceError, UnknownEntryTypeError, and InvalidInputError for a period that ends before it begins.
    """
    if since > until:
        raise InvalidInputError(f"the period ends ({until}) before it begins ({since})", field="until")
    units = unit_values()
    found = _figures(begins_at=start_of_day(since), ends_at=end_of_day(until))
    rolled = []
    for currency in CurrencyType.values:
        figures = found.get(currency, _Figures())
        rolled.append(
            RollForward(
                since=since,
                until=until,
                currency=currency,
                opening=figures.opening,
                lines=figures.flows,
                closing=figures.closing,
                unit_value=units.get(currency),
            )
        )
        check_closing(rolled[-1], closing=figures.closing, said_by="the players' last entries of the period")
        check_closing(
            rolled[-1],
            closing=figures.held - figures.after,
            said_by="the balances, less what was posted after the period",
        )
    return rolled


def held_now() -> list[Held]:
    """Return what all players hold at this moment, by currency, in units and in money by today's unit values."""
    columns = ", ".join(f"coalesce(sum({column}), 0)" for column in PLAYER_LEDGER.balance_columns.values())
    (sums,) = fetch_rows(f"SELECT {columns} FROM loyalty_balances", [])
    units = unit_values()
    return [
        Held(currency=CurrencyType(currency), amount=amount, money=round_to_cent(amount * units.get(currency, ZERO)))
        for currency, amount in zip(PLAYER_LEDGER.balance_columns, sums, strict=True)
    ]


def check_closing(rolled: RollForward, *, closing: Decimal, said_by: str) -> None:
    """Raise LiabilityDifferenceError unless opening and lines make `closing`."""
    flows = sum(rolled.lines.values(), ZERO)
    expected = rolled.opening + flows
    difference = closing - expected
    if difference:
        raise LiabilityDifferenceError(
            f"{rolled.currency} from {rolled.since} to {rolled.until} does not close: opening {rolled.opening} and "
            f"flows {flows} make {expected}, but {said_by} make {closing}, a difference of {difference}",
            currency=rolled.currency,
            opening=str(rolled.opening),
            **{line: str(amount) for line, amount in rolled.lines.items()},
            closing=str(closing),
            difference=str(difference),
        )


def _figures(*, begins_at: datetime, ends_at: datetime) -> dict[str, _Figures]:
    found: dict[str, _Figures] = {}
    sql = f"{flows_sql(by_day='NULL::date')} UNION ALL {HELD_SQL} UNION ALL {AFTER_SQL}"
    sql += "".join(f" UNION ALL {last_entries_sql(kind)}" for kind in ("opening", "closing"))
    for kind, _, currency, transaction_type, amount in fetch_rows(
        sql, [begins_at, ends_at, ends_at, begins_at, ends_at]
    ):
        figures = found.setdefault(currency, _Figures())
        if kind == "flow":
            figures.flows[line_of(transaction_type)] += amount
        else:
            setattr(figures, kind, amount)
    return found


def flows_sql(*, by_day: str) -> str:
    """Return what sums the entries between two instants; `by_day` is the SQL of the date they are counted to."""
    return f"""
        SELECT 'flow' AS kind, {by_day} AS on, e.currency_type, e.transaction_type, sum(e.amount) AS amount
        FROM transactions e WHERE e.created_at >= %s AND e.created_at < %s GROUP BY 2, 3, 4
    """


def last_entries_sql(kind: str) -> str:
    """Return what adds up every player's balances just before an instant, by the last entry of each currency."""
    return f"""
        SELECT '{kind}', NULL, l.currency_type, NULL, sum(l.balance_after) FROM (
            SELECT DISTINCT ON (e.player_id, e.currency_type) e.currency_type, e.balance_after
            FROM transactions e WHERE e.created_at < %s ORDER BY e.player_id, e.currency_type, e.number DESC
        ) l GROUP BY 3
    """


AFTER_SQL = """
    SELECT 'after', NULL, e.currency_type, NULL, sum(e.amount) FROM transactions e WHERE e.created_at >= %s GROUP BY 3
"""
"""What was posted from an instant on."""
HELD_SQL = """
    SELECT 'held', NULL, h.code, NULL, sum(h.balance)
    FROM loyalty_balances b CROSS JOIN LATERAL (VALUES {held}) h (code, balance) GROUP BY 3
""".format(
    held=", ".join(f"('{code}', b.{column}::numeric(18, 2))" for code, column in PLAYER_LEDGER.balance_columns.items())
)
"""What players hold now. In one statement with the flows, so that both see the same entries."""


def liability_rows(rolled: Iterable[RollForward]) -> Iterator[tuple[Any, ...]]:
    """Yield the lines of a .csv: a heading, then one line per period and currency, in units and in money."""
    columns = ("opening", *LINES, "closing")
    yield ("from", "to", "currency", *columns, "unit_value", *(f"{column}_money" for column in columns))
    for row in rolled:
        money = ("" if amount is None else amount for amount in row.money().values())
        unit_value = "" if row.unit_value is None else row.unit_value
        yield (row.since.isoformat(), row.until.isoformat(), row.currency, *row.amounts().values(), unit_value, *money)
