"""A statement adds up whatever the history and wherever it is cut, and its pages neither repeat nor lose an entry."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.errors import InvalidInputError, NotFoundError
from core.expressions import fetch_rows, run_statement
from players.tests.factories import make_player
from wallet import statements
from wallet.corrections import adjust_balance, reverse_operation
from wallet.ledger import post
from wallet.models import CurrencyType, LedgerEntry
from wallet.statements import Statement, StatementDifferenceError, iterate_entries, statement_of
from wallet.tests.bets import bet, play, void
from wallet.tests.factories import AT, credit, lp_posting, make_alice, make_bob_with_bonus, spend
from wallet.tests.test_reconciliation import corrupt

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)
HISTORIES = count()


def figures(statement: Statement) -> dict[str, tuple[str, str, str, str]]:
    """Return opening, in, out and closing of the currencies that are not all zero."""
    rows = {b.currency: (str(b.opening), str(b.total_in), str(b.total_out), str(b.closing)) for b in statement.balances}
    return {currency: row for currency, row in rows.items() if set(row) != {"0.00"}}


def numbers(statement: Statement) -> list[int]:
    return [entry.number for entry in statement.entries]


@pytest.fixture
def alice() -> None:
    """+10 LP and +3 tickets the day before, −4 LP at AT, +20 RP a day later."""
    make_alice()
    credit("alice", "10.00", key="a", at=AT - DAY)
    credit("alice", "3", currency="TICKETS", key="b", at=AT - DAY)
    spend("alice", "4.00", key="c", at=AT)
    credit("alice", "20.00", currency="RP", key="d", at=AT + DAY)


@pytest.mark.usefixtures("alice")
def test_a_statement_shows_opening_totals_closing_and_the_newest_entry_first() -> None:
    statement = statement_of(player_id="alice")

    assert figures(statement) == {
        "LP": ("0.00", "10.00", "-4.00", "6.00"),
        "RP": ("0.00", "20.00", "0.00", "20.00"),
        "TICKETS": ("0.00", "3.00", "0.00", "3.00"),
    }
    assert numbers(statement) == [4, 3, 2, 1]
    assert statement.next_before is None


@pytest.mark.usefixtures("alice")
def test_a_period_begins_with_its_first_instant_and_ends_before_its_last() -> None:
    statement = statement_of(player_id="alice", since=AT, until=AT + DAY)

    assert figures(statement) == {
        "LP": ("10.00", "0.00", "-4.00", "6.00"),
        "TICKETS": ("3.00", "0.00", "0.00", "3.00"),
    }
    assert numbers(statement) == [3]


@pytest.mark.usefixtures("alice")
def test_a_statement_as_of_a_time_leaves_out_what_came_later() -> None:
    assert figures(statement_of(player_id="alice", until=AT)) == {
        "LP": ("0.00", "10.00", "0.00", "10.00"),
        "TICKETS": ("0.00", "3.00", "0.00", "3.00"),
    }


@pytest.mark.usefixtures("alice")
def test_one_currency_is_stated_alone() -> None:
    statement = statement_of(player_id="alice", currency="LP")

    assert [balance.currency for balance in statement.balances] == ["LP"]
    assert numbers(statement) == [3, 1]


def test_the_whole_history_is_the_same_by_its_lots_and_by_its_entries() -> None:
    """With every way of crediting an old lot again: winnings, a void, a reversal; and with adjustments both ways."""
    make_bob_with_bonus()
    play("won", "10.00", "25.00")
    bet("void", "5.00")
    void("void")
    play("lost", "8.00", "0.00")
    credit("bob", "10.00", key="a")
    spent = spend("bob", "4.00", key="b")
    operation_id = LedgerEntry.objects.get(pk=spent.entry_id).operation_id
    reverse_operation(operation_id=operation_id, reason="Wrong player", key="c", actor="dana", at=AT)
    for amount in ("3.00", "-2.00"):
        adjust_balance(
            player_id="bob", currency="RP", amount=amount, reason="Count", key=f"d{amount}", actor="dana", at=AT
        )

    whole = figures(statement_of(player_id="bob"))

    assert whole == figures(statement_of(player_id="bob", since=AT - 9 * DAY))
    assert whole == {
        "LP": ("0.00", "14.00", "-4.00", "10.00"),
        "RP": ("0.00", "3.00", "-2.00", "1.00"),
        "BONUS": ("0.00", "65.00", "-23.00", "42.00"),
    }


def test_a_player_without_entries_has_a_statement_of_zeros() -> None:
    make_alice()

    statement = statement_of(player_id="alice", since=AT)

    assert [balance.closing for balance in statement.balances] == [Decimal("0.00")] * 4
    assert (statement.entries, statement.next_before) == ([], None)


@pytest.mark.parametrize(
    ("wrong", "complaint"),
    [
        ({"currency": "EUR"}, "currency is 'EUR': one of LP, RP, BONUS, TICKETS is needed"),
        ({"since": AT, "until": AT}, "the period ends .* before it begins"),
        ({"size": 0}, "size is 0: 1 to 500 entries"),
        ({"size": 501}, "size is 501: 1 to 500 entries"),
    ],
)
def test_what_cannot_be_stated_is_refused_by_name(wrong: dict[str, Any], complaint: str) -> None:
    make_alice()

    with pytest.raises(InvalidInputError, match=complaint):
        statement_of(player_id="alice", **wrong)


def test_an_unknown_player_is_refused() -> None:
    with pytest.raises(NotFoundError, match="there is no player 'dora'"):
        statement_of(player_id="dora")


@pytest.mark.usefixtures("alice")
def test_a_row_written_past_the_posting_core_makes_the_statement_fail_with_the_figures() -> None:
    corrupt("UPDATE transactions SET amount = -5, balance_after = 5 WHERE player_id = 'alice' AND number = 3")

    with pytest.raises(StatementDifferenceError, match=r"LP: opening 10.00, in 0.00 and out -5.00 make 5.00, .* 6.00"):
        statement_of(player_id="alice", since=AT)


def test_pages_follow_each_other_without_gap_or_repetition(monkeypatch: pytest.MonkeyPatch) -> None:
    """With several entries of one instant, and so few read in vain that the search for the time has work to do."""
    monkeypatch.setattr(statements, "_SLACK_ENTRIES", 0)
    make_alice()
    for number in range(40):
        credit("alice", "1.00", key=f"k{number}", at=AT + timedelta(minutes=number // 3))

    pages, before = [], None
    while True:
        page = statement_of(player_id="alice", before_number=before, size=7)
        pages.append(numbers(page))
        before = page.next_before
        if before is None:
            break

    assert [number for page in pages for number in page] == list(range(40, 0, -1))
    assert [len(page) for page in pages] == [7, 7, 7, 7, 7, 5]


@pytest.mark.usefixtures("alice")
@pytest.mark.parametrize(("before", "found"), [(1, []), (2, [1]), (4, [3, 2, 1]), (10**15, [4, 3, 2, 1])])
def test_a_page_begins_below_any_number(before: int, found: list[int]) -> None:
    assert numbers(statement_of(player_id="alice", before_number=before)) == found


def test_all_entries_come_oldest_first_in_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(statements, "_BATCH_ENTRIES", 4)
    make_alice()
    for number in range(10):
        credit("alice", "1.00", key=f"k{number}", at=AT + timedelta(minutes=number // 6))

    statement = statement_of(player_id="alice")
    credit("alice", "1.00", key="after the statement was drawn")

    assert [entry.number for entry in iterate_entries(statement)] == list(range(1, 11))


def test_a_deep_page_reads_no_more_entries_than_the_first() -> None:
    """Of 5,000 entries; what a scan reads is counted by the database."""
    make_alice()
    credit("alice", "9000.00", key="first")
    run_statement("SET LOCAL session_replication_role = replica", [])
    run_statement(
        """
        INSERT INTO transactions (player_id, number, operation_id, transaction_type, currency_type, amount,
                                  balance_before, balance_after, hash, created_at)
        SELECT 'alice', n + 1, 1, 'LP_REDEEMED', 'LP', -1, 9001 - n, 9000 - n, '', %s::timestamptz + n * interval '1 s'
        FROM generate_series(1, 5000) n
        """,
        [AT],
    )
    run_statement("UPDATE loyalty_balances SET lp_balance = 4000, head_number = 5001, head_at = %s", [AT + DAY])
    run_statement("ANALYZE transactions", [])

    assert rows_read(before_number=None) < 300
    assert rows_read(before_number=2500) < 300
    assert rows_read(before_number=60) < 300


def rows_read(*, before_number: int | None) -> int:
    """Return how many rows the scans of the statement's queries gave out or filtered away."""
    with CaptureQueriesContext(connection) as captured:
        statement_of(player_id="alice", before_number=before_number)
    total = 0
    for query in captured.captured_queries:
        with connection.cursor() as cursor:
            cursor.execute("EXPLAIN (ANALYZE, FORMAT json) " + query["sql"])
            total += _scanned(cursor.fetchone()[0][0]["Plan"])
    return total


def _scanned(node: dict[str, Any]) -> int:
    own = 0
    if node.get("Relation Name", "").startswith("transactions"):
        own = int((node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"])
    return own + sum(_scanned(child) for child in node.get("Plans", []))


@pytest.mark.usefixtures("alice")
def test_a_page_costs_the_same_queries_for_more_entries() -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            statement_of(player_id="alice", since=AT - DAY)
        return len(captured)

    few = queries()
    for number in range(30):
        credit("alice", "1.00", key=f"more:{number}")

    assert queries() == few == 2


# Random histories

MOVES = st.lists(
    st.tuples(
        st.sampled_from(CurrencyType.values),
        st.integers(min_value=-30, max_value=40).filter(bool),
        st.integers(min_value=0, max_value=3),
    ),
    max_size=12,
)
CUTS = st.one_of(st.none(), st.integers(min_value=-1, max_value=40))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(moves=MOVES, since=CUTS, until=CUTS)
def test_opening_and_entries_make_the_closing_of_any_history_cut_anywhere(
    moves: list[tuple[str, int, int]], since: int | None, until: int | None
) -> None:
    if since is not None and until is not None and since >= until:
        since, until = until, since + 1
    player_id = f"player{next(HISTORIES)}"
    make_player(player_id)
    posted = post_moves(player_id, moves)

    statement = statement_of(player_id=player_id, since=time(since), until=time(until), size=500)

    begins, ends = -1 if since is None else since, 10**6 if until is None else until
    for balance in statement.balances:
        of_currency = [(at, amount) for at, currency, amount in posted if currency == balance.currency]
        within = [amount for at, amount in of_currency if begins <= at < ends]
        assert balance.opening == sum(amount for at, amount in of_currency if at < begins)
        assert balance.closing == sum(amount for at, amount in of_currency if at < ends)
        assert balance.total_in == sum(amount for amount in within if amount > 0)
        assert balance.total_out == sum(amount for amount in within if amount < 0)
        assert balance.opening + sum(e.amount for e in statement.entries if e.currency_type == balance.currency) == (
            balance.closing
        )
    assert list(iterate_entries(statement)) == statement.entries[::-1]


def time(minute: int | None) -> datetime | None:
    return None if minute is None else AT.astimezone(UTC) + timedelta(minutes=minute)


def post_moves(player_id: str, moves: list[tuple[str, int, int]]) -> list[tuple[int, str, int]]:
    """Post what a history allows; return minute, currency and amount of each entry."""
    posted, held, minute = [], dict.fromkeys(CurrencyType.values, 0), 0
    for number, (currency, amount, wait) in enumerate(moves):
        minute += wait
        moved = max(amount, -held[currency])
        if moved == 0:
            continue
        at = AT + timedelta(minutes=minute)
        if moved > 0:
            credit(player_id, str(moved), currency=currency, key=f"{player_id}:{number}", at=at)
        else:
            spend(player_id, str(-moved), currency=currency, key=f"{player_id}:{number}", at=at)
        held[currency] += moved
        posted.append((minute, currency, moved))
    return posted


def test_a_whole_history_of_very_many_lots_is_not_added_up_but_any_period_is() -> None:
    make_alice()
    post([lp_posting("alice", "1.00", key=f"k{number}") for number in range(201)], at=AT, actor="tests")

    whole, period = (statement_of(player_id="alice", since=since) for since in (None, AT))

    assert [(b.total_in, b.closing) for b in whole.balances if b.currency == "LP"] == [(None, Decimal("201.00"))]
    assert [(b.total_in, b.closing) for b in period.balances if b.currency == "LP"] == [(Decimal(201), Decimal(201))]


def test_a_page_of_entries_posted_at_one_time_is_read_in_their_order_without_sorting_them() -> None:
    make_alice()
    post([lp_posting("alice", "1.00", key=f"set {number}") for number in range(60)], at=AT, actor="test")

    with CaptureQueriesContext(connection) as queries:
        page = statement_of(player_id="alice", size=50)
    [entries] = [query["sql"] for query in queries if 'FROM "transactions"' in query["sql"]]
    # So few entries would be read from end to end, or sorted, however they are indexed: as statistics happen to stand.
    for way in ("seqscan", "bitmapscan", "sort"):
        run_statement(f"SET LOCAL enable_{way} = off", [])
    steps = [line.strip().removeprefix("->").strip() for (line,) in fetch_rows(f"EXPLAIN (COSTS OFF) {entries}", [])]

    assert numbers(page) == list(range(60, 10, -1))
    assert [step for step in steps if step.split(" (")[0] in ("Sort", "Incremental Sort")] == []
