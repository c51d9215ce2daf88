"""The liability closes to the cent over any period, and says so loudly where it does not."""

from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.errors import InvalidInputError
from players.models import Player
from players.tests.factories import make_player
from reporting.liability import (
    LINE_OF_TYPE,
    NEVER_POSTED,
    LiabilityDifferenceError,
    RollForward,
    UnknownEntryTypeError,
    line_of,
    roll_forward,
)
from reporting.models import LINES
from wallet.expiry import expire_bonuses
from wallet.ledger import InsufficientBalanceError, post_operation
from wallet.models import CurrencyType, TransactionType
from wallet.tests.factories import AT, ON, credit, debit_posting, give_bonus, make_alice, make_bob, spend
from wallet.tests.test_reconciliation import REHASH, REHEAD, corrupt

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)


@pytest.fixture
def ledger() -> None:
    """The day before ON: 10.00 LP and 3 tickets to alice. ON: −4.00 LP, 50.00 BONUS to bob, 20.00 RP to alice.

    The day after: −6.00 LP expire.
    """
    make_alice()
    make_bob()
    credit("alice", "10.00", key="a", at=AT - DAY, expires_at=AT + DAY)
    credit("alice", "3", currency="TICKETS", key="b", at=AT - DAY)
    spend("alice", "4.00", key="c")
    credit("alice", "20.00", currency="RP", key="d")
    give_bonus("bob", "50.00")
    expire_bonuses(at=AT + DAY)


def rolled(*, since: date = ON, until: date = ON) -> dict[str, RollForward]:
    return {row.currency: row for row in roll_forward(since=since, until=until)}


def figures(row: RollForward) -> dict[str, str]:
    """Return what is not zero."""
    return {name: str(amount) for name, amount in row.amounts().items() if amount}


@pytest.mark.usefixtures("ledger")
def test_a_period_in_the_past_opens_flows_and_closes() -> None:
    rows = rolled()

    assert figures(rows["LP"]) == {"opening": "10.00", "redeemed": "-4.00", "closing": "6.00"}
    assert figures(rows["RP"]) == {"issued": "20.00", "closing": "20.00"}
    assert figures(rows["BONUS"]) == {"issued": "50.00", "closing": "50.00"}
    assert figures(rows["TICKETS"]) == {"opening": "3.00", "closing": "3.00"}


@pytest.mark.usefixtures("ledger")
def test_a_period_that_reaches_until_now_closes_with_what_players_hold() -> None:
    rows = rolled(since=ON - 9 * DAY, until=date(2999, 12, 31))

    assert figures(rows["LP"]) == {"issued": "10.00", "redeemed": "-4.00", "expired": "-6.00"}
    assert rows["BONUS"].closing == Decimal("50.00")


@pytest.mark.usefixtures("ledger")
def test_periods_that_follow_each_other_hand_over_their_closing() -> None:
    before, after = rolled(since=ON - DAY, until=ON - DAY), rolled(since=ON, until=ON + DAY)

    assert {code: row.closing for code, row in before.items()} == {code: row.opening for code, row in after.items()}


def test_an_empty_ledger_closes_with_nothing() -> None:
    assert [row.closing for row in roll_forward(since=ON, until=ON)] == [Decimal("0.00")] * 4


def test_the_business_day_ends_at_midnight_of_the_time_zone(settings: Any) -> None:
    settings.TIME_ZONE = "Europe/Malta"
    make_alice()
    credit("alice", "1.00", key="before", at=datetime(2025, 12, 20, 22, 59, 59, tzinfo=UTC))
    credit("alice", "2.00", key="after", at=datetime(2025, 12, 20, 23, tzinfo=UTC))

    assert figures(rolled()["LP"]) == {"opening": "1.00", "issued": "2.00", "closing": "3.00"}


def test_every_known_type_belongs_to_exactly_one_line_or_is_never_posted() -> None:
    mapped = set(LINE_OF_TYPE)

    assert set(TransactionType.values) == (mapped & set(TransactionType.values)) | NEVER_POSTED
    assert mapped & NEVER_POSTED == set()
    assert mapped - set(TransactionType.values) == {"BONUS_LOST"}
    assert set(LINE_OF_TYPE.values()) == set(LINES)


@pytest.mark.parametrize("unknown", ["DEPOSIT", "WITHDRAWAL", "GIFT", ""])
def test_a_type_without_a_line_is_refused_by_name(unknown: str) -> None:
    with pytest.raises(UnknownEntryTypeError, match=f"type '{unknown}' belong to no line"):
        line_of(unknown)


@pytest.mark.usefixtures("ledger")
def test_an_entry_of_a_type_nobody_knows_stops_the_roll_forward() -> None:
    corrupt("UPDATE transactions SET transaction_type = 'GIFT' WHERE player_id = 'alice' AND number = 3")

    with pytest.raises(UnknownEntryTypeError, match="GIFT"):
        roll_forward(since=ON, until=ON)


@pytest.mark.usefixtures("ledger")
def test_a_period_that_ends_before_it_begins_is_refused() -> None:
    with pytest.raises(InvalidInputError, match=r"ends \(2025-12-20\) before it begins \(2025-12-21\)"):
        roll_forward(since=ON, until=ON - DAY)


# What somebody wrote past the posting core


@pytest.mark.usefixtures("ledger")
def test_a_rewritten_amount_is_found_with_its_figures_although_its_hashes_were_made_anew() -> None:
    corrupt(
        "UPDATE transactions SET amount = 21, balance_after = 21 WHERE player_id = 'alice' AND currency_type = 'RP'",
        REHASH,
        REHEAD,
    )

    with pytest.raises(
        LiabilityDifferenceError,
        match=r"^RP from 2025-12-21 to 2025-12-21 does not close: opening 0.00 and flows 21.00 make 21.00, but the "
        r"balances, less what was posted after the period make 20.00, a difference of -1.00$",
    ) as caught:
        roll_forward(since=ON, until=ON)
    assert caught.value.details == {
        "currency": "RP",
        "opening": "0.00",
        **dict.fromkeys(LINES, "0.00"),
        "issued": "21.00",
        "closing": "20.00",
        "difference": "-1.00",
    }


HARM = {
    "UPDATE loyalty_balances SET bonus_balance = 51 WHERE player_id = 'bob'": "but the balances",
    "DELETE FROM transactions WHERE player_id = 'bob'": "but the balances",
    "UPDATE transactions SET amount = -5, balance_after = 5 WHERE player_id = 'alice' AND number = 3": "the balances",
    "UPDATE transactions SET created_at = created_at + interval '5 days' WHERE player_id = 'alice' AND number = 1": (
        "but the players' last entries"
    ),
}


@pytest.mark.usefixtures("ledger")
@pytest.mark.parametrize("harm", HARM)
def test_harm_done_past_the_posting_core_is_found(harm: str) -> None:
    corrupt(harm)

    with pytest.raises(LiabilityDifferenceError, match=HARM[harm]):
        roll_forward(since=ON, until=ON)


# In money


def test_money_closes_to_the_cent_although_each_figure_is_rounded() -> None:
    row = RollForward(
        since=ON,
        until=ON,
        currency="LP",
        opening=Decimal("0.50"),
        lines=dict.fromkeys(LINES, Decimal(0)) | {"issued": Decimal("0.50"), "expired": Decimal("-0.40")},
        closing=Decimal("0.60"),
        unit_value=Decimal("0.01"),
    )

    money = row.money()

    assert (money["opening"], money["closing"]) == (Decimal("0.01"), Decimal("0.01"))
    assert sum(money[line] or 0 for line in ("opening", *LINES)) == money["closing"]


def test_a_currency_without_a_unit_value_has_no_money() -> None:
    lines = dict.fromkeys(LINES, Decimal(0))
    row = RollForward(
        since=ON, until=ON, currency="LP", opening=Decimal(0), lines=lines, closing=Decimal(0), unit_value=None
    )

    assert set(row.money().values()) == {None}


# The command


def run(*arguments: str) -> str:
    out = StringIO()
    call_command("liability", *arguments, stdout=out, no_color=True)
    return out.getvalue()


@pytest.mark.usefixtures("ledger")
def test_the_command_shows_every_line_and_says_that_it_closes() -> None:
    said = run("--from", "2025-12-21", "--to", "2025-12-21")

    assert [line.split()[0] for line in said.splitlines()[1:-1]] == [
        "opening",
        *(line.split("_")[0] for line in LINES),
        "closing",
    ]
    assert said.splitlines()[-1] == "The liability of 2025-12-21 to 2025-12-21 closes."


@pytest.mark.usefixtures("ledger")
def test_the_command_writes_lines_for_programs() -> None:
    lines = run("--from", "2025-12-21", "--to", "2025-12-21", "--csv").splitlines()

    assert lines[0].startswith("from,to,currency,opening,issued,redeemed,")
    assert lines[1].startswith("2025-12-21,2025-12-21,LP,10.00,0.00,-4.00,")
    assert len(lines) == 5


@pytest.mark.usefixtures("ledger")
def test_the_command_ends_with_an_error_where_the_liability_does_not_close() -> None:
    corrupt("UPDATE loyalty_balances SET bonus_balance = 51 WHERE player_id = 'bob'")

    with pytest.raises(CommandError, match=r"BONUS .* does not close: .* a difference of 1.00"):
        run("--from", "2025-12-21", "--to", "2025-12-21")


@pytest.mark.parametrize("given", ["yesterday", "2025-02-30", "0001-01-01"])
def test_the_command_says_what_it_cannot_read(given: str) -> None:
    with pytest.raises(CommandError, match=f"--from is '{given}': a date such as 2025-12-21 is needed"):
        run("--from", given, "--to", "2025-12-21")


@pytest.mark.usefixtures("ledger")
def test_the_proof_is_one_statement_whatever_the_number_of_players() -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            roll_forward(since=ON, until=ON)
        return len(captured)

    few = queries()
    for number in range(10):
        make_player(f"player{number}")
        credit(f"player{number}", "1.00", key=f"more:{number}")

    assert queries() == few == 2


# Random histories

MOVES = st.lists(
    st.tuples(
        st.sampled_from(["alice", "bob"]),
        st.sampled_from(CurrencyType.values),
        st.integers(min_value=-30, max_value=40).filter(bool),
        st.integers(min_value=0, max_value=30),
    ),
    max_size=10,
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(moves=MOVES, first=st.integers(-1, 6), days=st.integers(0, 6))
def test_any_history_closes_over_any_period(moves: list[tuple[str, str, int, int]], first: int, days: int) -> None:
    """Histories add up from example to example, as a real ledger does."""
    tag = str(Player.objects.count())
    for name in ("alice", "bob"):
        make_player(f"{name}{tag}")
    hours = 0
    for number, (name, currency, amount, wait) in enumerate(moves):
        hours += wait
        move(f"{name}{tag}", amount, currency=currency, key=f"{tag}:{number}", at=AT + timedelta(hours=hours))

    since = ON + timedelta(days=first)
    for row in roll_forward(since=since, until=since + timedelta(days=days)):
        assert row.opening + sum(row.lines.values()) == row.closing


def move(player_id: str, amount: int, *, currency: str, key: str, at: datetime) -> None:
    """Credit, or debit where there is enough."""
    if amount > 0:
        credit(player_id, str(amount), currency=currency, key=key, at=at)
        return
    with suppress(InsufficientBalanceError):
        post_operation([debit_posting(player_id, str(-amount), key=key, currency=currency)], at=at, actor="tests")
