"""The statement of a player: opening balances, entries and closing balances of a period, as a bank would print it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db.models import QuerySet

from core.errors import InvalidInputError, LoyaltyError, NotFoundError
from core.expressions import fetch_rows
from core.money import ZERO
from players.models import Player
from wallet.ledger_shape import PLAYER_LEDGER
from wallet.models import CurrencyType, LedgerEntry

PAGE_SIZE = 50
PAGE_SIZE_MAX = 500
LOTS_ADDED_UP_MAX = 200
_BATCH_ENTRIES = 2_000
# How many entries a page may read in vain above the one it begins below.
_SLACK_ENTRIES = 64


class StatementDifferenceError(LoyaltyError):
    """Raised when a statement does not add up: somebody wrote past the posting core."""

    code = "statement_difference"
    status = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementBalance:
    """What one currency came from and to; `total_out` is signed, so opening + in + out = closing.

    The totals of a whole history of more than LOTS_ADDED_UP_MAX lots are None: ask for a period.
    """

    currency: str
    opening: Decimal
    total_in: Decimal | None
    total_out: Decimal | None
    closing: Decimal

    @property
    def currency_label(self) -> str:
        """The currency as people call it."""
        return str(CurrencyType(self.currency).label)


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """A player's statement from `since` (included) until `until` (not included); None: from the first entry, until now.

    `entries` is one page, the newest first; `next_before` is the number the next page begins below, None on the last.
    `head_number` is the player's last entry when the statement was drawn: later ones belong to a later statement.
    """

    player_id: str
    since: datetime | None
    until: datetime | None
    currency: str | None
    head_number: int
    balances: list[StatementBalance]
    entries: list[LedgerEntry] = field(default_factory=list)
    next_before: int | None = None


def statement_of(
    *,
    player_id: str,
    since: datetime | None = None,
    until: datetime | None = None,
    currency: str | None = None,
    before_number: int | None = None,
    size: int = PAGE_SIZE,
) -> Statement:
    """Return one page of a player's statement, of one currency or of all.

    A page costs the same however long the history is; totals of a period add up that period's entries, those of the
    whole history come from the lots while these are few.

    Raises NotFoundError, InvalidInputError and StatementDifferenceError.
    """
    _check_period(since=since, until=until, currency=currency)
    if not 1 <= size <= PAGE_SIZE_MAX:
        raise InvalidInputError(f"size is {size}: 1 to {PAGE_SIZE_MAX} entries make a page", field="size")
    head_number, balances = _balances(player_id=player_id, since=since, until=until, currency=currency)
    rows = _entries(player_id=player_id, head_number=head_number, since=since, until=until, currency=currency)
    if before_number is not None:
        at = _latest_time_below(player_id=player_id, number=before_number)
        rows = rows.filter(number__lt=before_number, created_at__lte=at) if at else rows.none()
    entries = list(rows.order_by("-created_at", "-number")[: size + 1])
    return Statement(
        player_id=player_id,
        since=since,
        until=until,
        currency=currency,
        head_number=head_number,
        balances=balances,
        entries=entries[:size],
        next_before=entries[size - 1].number if len(entries) > size else None,
    )


def iterate_entries(statement: Statement) -> Iterator[LedgerEntry]:
    """Yield all entries of the statement's period, the oldest first, a batch in memory at a time."""
    rows = _entries(
        player_id=statement.player_id,
        head_number=statement.head_number,
        since=statement.since,
        until=statement.until,
        currency=statement.currency,
    ).order_by("created_at", "number")
    batch = list(rows[:_BATCH_ENTRIES])
    while batch:
        yield from batch
        last = batch[-1]
        batch = list(rows.filter(created_at__gte=last.created_at, number__gt=last.number)[:_BATCH_ENTRIES])


def _check_period(*, since: datetime | None, until: datetime | None, currency: str | None) -> None:
    if currency is not None and currency not in CurrencyType.values:
        known = ", ".join(CurrencyType.values)
        raise InvalidInputError(f"currency is {currency!r}: one of {known} is needed", field="currency")
    if since is not None and until is not None and since >= until:
        raise InvalidInputError(
            f"the period ends ({until.isoformat()}) before it begins ({since.isoformat()})", field="until"
        )


def _entries(
    *, player_id: str, head_number: int, since: datetime | None, until: datetime | None, currency: str | None
) -> QuerySet[LedgerEntry]:
    rows = LedgerEntry.objects.filter(player_id=player_id, number__lte=head_number)
    if since is not None:
        rows = rows.filter(created_at__gte=since)
    if until is not None:
        rows = rows.filter(created_at__lt=until)
    return rows.filter(currency_type=currency) if currency else rows


def _balances(
    *, player_id: str, since: datetime | None, until: datetime | None, currency: str | None
) -> tuple[int, list[StatementBalance]]:
    """Return the number of the last entry and the balances, read in one statement so that they belong together."""
    wanted = [currency] if currency else list(CurrencyType.values)
    sql, params = _balances_sql(player_id=player_id, since=since, until=until, currencies=wanted)
    rows = fetch_rows(sql, params)
    if not rows and not Player.objects.filter(pk=player_id).exists():
        raise NotFoundError(f"there is no player {player_id!r}", player_id=player_id)
    found = {
        row[1]: StatementBalance(currency=row[1], opening=row[2], total_in=row[3], total_out=row[4], closing=row[5])
        for row in rows
    }
    for balance in found.values():
        _check_balance(player_id, balance)
    nothing = {"opening": ZERO, "total_in": ZERO, "total_out": ZERO, "closing": ZERO}
    balances = [found.get(code) or StatementBalance(currency=code, **nothing) for code in wanted]
    return (rows[0][0] if rows else 0), balances


def _check_balance(player_id: str, balance: StatementBalance) -> None:
    if balance.total_in is None or balance.total_out is None:
        return
    sums_to = balance.opening + balance.total_in + balance.total_out
    if sums_to != balance.closing:
        raise StatementDifferenceError(
            f"player {player_id}, {balance.currency}: opening {balance.opening}, in {balance.total_in} and out "
            f"{balance.total_out} make {sums_to}, but the closing balance is {balance.closing}, "
            f"{balance.closing - sums_to} more; `manage.py reconcile --player {player_id}` names the entry",
            player_id=player_id,
            currency=balance.currency,
            difference=str(balance.closing - sums_to),
        )


def _balances_sql(
    *, player_id: str, since: datetime | None, until: datetime | None, currencies: Sequence[str]
) -> tuple[str, list[Any]]:
    held = ", ".join(
        f"('{code}', b.{column}::numeric(18, 2))" for code, column in PLAYER_LEDGER.balance_columns.items()
    )
    opening, opening_params = ("0.00", []) if since is None else (_BALANCE_BEFORE, [since, since])
    closing, closing_params = ("h.balance", []) if until is None else (_BALANCE_BEFORE, [until, until])
    flows, flow_params = _flows_sql(player_id, since=since, until=until)
    sql = f"""
        SELECT b.head_number, h.code, {opening}, CASE WHEN f.currency_type IS NULL THEN 0.00 ELSE f.total_in END,
               CASE WHEN f.currency_type IS NULL THEN 0.00 ELSE coalesce(f.total_out, h.balance - f.total_in) END,
               {closing}
        FROM loyalty_balances b CROSS JOIN LATERAL (VALUES {held}) h (code, balance)
        LEFT JOIN ({flows}) f ON f.currency_type = h.code
        WHERE b.player_id = %s AND h.code = ANY (%s)
    """
    return sql, [*opening_params, *closing_params, player_id, *flow_params, player_id, list(currencies)]


def _flows_sql(player_id: str, *, since: datetime | None, until: datetime | None) -> tuple[str, list[Any]]:
    """Return what adds up the period; its first parameter is the player.

    Of the whole history only the lots are read: they know everything ever credited, and the balance says what is left.
    """
    if since is None and until is None:
        # The first of its parameters is the player's already.
        return _CREDITS_OF_LOTS, [player_id]
    conditions = [("t.created_at >= %s", since), ("t.created_at < %s", until)]
    given = [(condition, edge) for condition, edge in conditions if edge is not None]
    return _FLOWS + "".join(f" AND {condition}" for condition, _ in given) + " GROUP BY 1", [edge for _, edge in given]


# The first entry of a currency makes a lot; where there is none yet, no history needs to be searched in vain.
_BALANCE_BEFORE = """
    CASE WHEN EXISTS (
        SELECT 1 FROM wallet_lots l
        WHERE l.player_id = b.player_id AND l.currency_type = h.code AND l.created_at < %s
    ) THEN coalesce((
        SELECT t.balance_after FROM transactions t
        WHERE t.player_id = b.player_id AND t.currency_type = h.code AND t.created_at < %s
        ORDER BY t.created_at DESC, t.number DESC LIMIT 1
    ), 0.00) ELSE 0.00 END
"""
# Lots that are too many are not read at all, so that a page of a long history costs what one of a short one does.
_CREDITS_OF_LOTS = f"""
    SELECT k.code AS currency_type, NULL::numeric AS total_out,
           CASE WHEN n.lots <= {LOTS_ADDED_UP_MAX} THEN coalesce(s.total_in, 0.00) END AS total_in
    FROM (
        SELECT count(*) AS lots
        FROM (SELECT 1 FROM wallet_lots WHERE player_id = %s LIMIT {LOTS_ADDED_UP_MAX + 1}) few
    ) n
    CROSS JOIN unnest(ARRAY['LP', 'RP', 'BONUS', 'TICKETS']) k (code)
    LEFT JOIN LATERAL (
        SELECT sum(l.amount) AS total_in FROM wallet_lots l
        WHERE n.lots <= {LOTS_ADDED_UP_MAX} AND l.player_id = %s AND l.currency_type = k.code
    ) s ON true
"""
_FLOWS = """
    SELECT t.currency_type, coalesce(sum(t.amount) FILTER (WHERE t.amount > 0), 0.00) AS total_in,
           coalesce(sum(t.amount) FILTER (WHERE t.amount < 0), 0.00) AS total_out
    FROM transactions t WHERE t.player_id = %s
"""


def _latest_time_below(*, player_id: str, number: int) -> datetime | None:
    """Return a time at or after that of every entry below a number, and close to it; None without entries.

    Numbers have no index of their own, but they rise with the time: the time is found by halving.
    """
    rows = fetch_rows(_TIME_SQL, [player_id, number + _SLACK_ENTRIES, player_id, number])
    return rows[0][0] if rows else None


_TIME_SQL = """
    WITH RECURSIVE search (low, high, number) AS (
        SELECT (SELECT f.created_at FROM transactions f
                WHERE f.player_id = b.player_id ORDER BY f.created_at LIMIT 1), b.head_at, b.head_number
        FROM loyalty_balances b WHERE b.player_id = %s
        UNION ALL
        SELECT CASE WHEN m.number < n.wanted THEN s.middle ELSE s.low END,
               CASE WHEN m.number < n.wanted THEN s.high ELSE m.created_at END,
               CASE WHEN m.number < n.wanted THEN s.number ELSE m.number END
        FROM (
            SELECT r.*, r.low + (r.high - r.low) / 2 AS middle FROM search r
            WHERE r.number > %s AND r.high - r.low > interval '1 microsecond'
        ) s
        CROSS JOIN LATERAL (
            SELECT t.number, t.created_at FROM transactions t
            WHERE t.player_id = %s AND t.created_at <= s.middle
            ORDER BY t.created_at DESC, t.number DESC LIMIT 1
        ) m
        CROSS JOIN (SELECT %s::bigint AS wanted) n
    )
    SELECT min(high) FROM search
"""
