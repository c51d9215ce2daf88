"""The night's rows of the liability: each opens with what the day before closed with, late entries included."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from core.expressions import run_statement
from players.tests.factories import make_player
from reporting.liability import LiabilityDifferenceError, roll_forward
from reporting.liability_days import stored_days, summed_days, write_liability_days
from reporting.models import LiabilityDay
from safety.models import UnitValue
from wallet.tests.factories import AT, ON, credit, make_alice, make_bob, spend
from wallet.tests.test_reconciliation import corrupt

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)
NIGHT = datetime(2025, 12, 22, 3, tzinfo=UTC)


@pytest.fixture(autouse=True)
def ledger() -> None:
    """The day before ON: 10.00 LP. ON: −4.00 LP."""
    make_alice()
    make_bob()
    credit("alice", "10.00", key="a", at=AT - DAY)
    spend("alice", "4.00", key="b")


def write(on: date = ON, *, at: datetime = NIGHT) -> dict[str, int]:
    return write_liability_days(on=on, at=at, run_id=7)


def lp(on: date = ON) -> dict[str, str]:
    """Return what is not zero in the LP row of a date."""
    row = LiabilityDay.objects.get(on=on, currency_type="LP")
    names = ("opening", "issued", "redeemed", "adjustments", "closing")
    return {name: str(getattr(row, name)) for name in names if getattr(row, name)}


def test_the_first_night_opens_with_what_the_ledger_says_was_held_before() -> None:
    counts = write()

    assert lp() == {"opening": "10.00", "redeemed": "-4.00", "closing": "6.00"}
    assert counts == {"liability rows": 4, "liability rows revised": 0}
    assert set(LiabilityDay.objects.values_list("run_id", "created_at")) == {(7, NIGHT)}


def test_the_next_night_opens_with_the_closing_of_the_last() -> None:
    write()
    credit("alice", "1.00", key="c", at=AT + DAY)

    write(ON + DAY, at=NIGHT + DAY)

    assert lp(ON + DAY) == {"opening": "6.00", "issued": "1.00", "closing": "7.00"}
    assert LiabilityDay.objects.count() == 8


def test_what_is_posted_after_the_day_and_before_its_night_belongs_to_the_next_day() -> None:
    credit("alice", "1.00", key="c", at=NIGHT - timedelta(hours=2))

    write()

    assert lp()["closing"] == "6.00"


def test_dates_without_a_night_are_written_by_the_next_one() -> None:
    write()
    credit("alice", "1.00", key="c", at=AT + 2 * DAY)

    write(ON + 3 * DAY, at=NIGHT + 3 * DAY)

    closings = LiabilityDay.objects.filter(currency_type="LP").order_by("on").values_list("closing", flat=True)
    assert [str(closing) for closing in closings] == ["6.00", "6.00", "7.00", "7.00"]


def test_a_night_of_an_earlier_date_leads_up_to_the_rows_there_are() -> None:
    write()

    write(ON - 2 * DAY)

    assert lp(ON - DAY) == {"issued": "10.00", "closing": "10.00"}
    assert [row.since for row in stored_days(since=ON - 9 * DAY, until=ON)][::4] == [ON - 2 * DAY, ON - DAY, ON]


def test_a_night_run_again_changes_nothing() -> None:
    write()

    assert write(at=NIGHT + DAY) == {"liability rows": 0, "liability rows revised": 0}
    assert not LiabilityDay.objects.exclude(revised_at=None).exists()


def test_an_entry_of_the_last_day_that_was_committed_after_its_night_is_counted_by_the_next() -> None:
    write()
    credit("bob", "2.00", key="late", at=AT)

    counts = write(ON + DAY, at=NIGHT + DAY)

    assert lp() == {"opening": "10.00", "issued": "2.00", "redeemed": "-4.00", "closing": "8.00"}
    assert lp(ON + DAY) == {"opening": "8.00", "closing": "8.00"}
    assert LiabilityDay.objects.get(on=ON, currency_type="LP").revised_at == NIGHT + DAY
    assert counts == {"liability rows": 4, "liability rows revised": 1}


@pytest.mark.parametrize("days_before", [1, 2, 9])
def test_an_entry_of_any_day_that_was_committed_late_is_counted_by_the_next_night(days_before: int) -> None:
    write(ON - DAY)
    write(ON)
    credit("bob", "2.00", key="late", at=AT - days_before * DAY)

    write(ON + DAY, at=NIGHT + DAY)

    assert lp(ON - DAY)["closing"] == "12.00"
    assert lp()["closing"] == lp(ON + DAY)["closing"] == "8.00"
    assert stored_days(since=ON - 9 * DAY, until=ON + DAY)


def test_the_rows_say_what_the_ledger_itself_says() -> None:
    write(ON - 3 * DAY)
    write(ON)

    of_ledger = roll_forward(since=ON - 3 * DAY, until=ON)

    of_rows = summed_days(stored_days(since=ON - 3 * DAY, until=ON))
    assert [(row.currency, row.amounts()) for row in of_rows] == [(row.currency, row.amounts()) for row in of_ledger]


def test_a_ledger_row_rewritten_past_the_core_stops_the_night_and_leaves_no_row() -> None:
    write()
    credit("alice", "1.00", key="c", at=AT + DAY)
    corrupt("UPDATE transactions SET amount = 2, balance_after = 8 WHERE player_id = 'alice' AND number = 3")

    with pytest.raises(LiabilityDifferenceError, match=r"LP .* does not close: .* make 7.00, a difference of -1.00"):
        write(ON + DAY)
    assert LiabilityDay.objects.count() == 4


def test_a_balance_changed_past_the_core_stops_the_first_night_too() -> None:
    corrupt("UPDATE loyalty_balances SET lp_balance = 60 WHERE player_id = 'alice'")

    with pytest.raises(LiabilityDifferenceError, match=r"a difference of 54.00"):
        write()


def test_a_stored_row_changed_by_hand_is_mended_by_the_next_night_and_marked() -> None:
    write(ON - DAY)
    write(ON)
    LiabilityDay.objects.filter(on=ON, currency_type="LP").update(opening=Decimal(11), closing=Decimal(7))
    with pytest.raises(LiabilityDifferenceError, match=r"closes with 10.00, but 2025-12-21 opens with 11"):
        stored_days(since=ON - DAY, until=ON)

    write(ON + DAY, at=NIGHT + DAY)

    assert lp() == {"opening": "10.00", "redeemed": "-4.00", "closing": "6.00"}
    assert LiabilityDay.objects.get(on=ON, currency_type="LP").revised_at == NIGHT + DAY


def test_a_missing_day_is_named() -> None:
    write(ON - DAY)
    write(ON + DAY)
    LiabilityDay.objects.filter(on=ON, currency_type="RP").delete()

    with pytest.raises(LiabilityDifferenceError, match="RP: the liability of 2025-12-21 is missing"):
        stored_days(since=ON - DAY, until=ON + DAY)


def test_a_day_keeps_the_unit_value_it_was_written_with() -> None:
    UnitValue.objects.update_or_create(currency_type="LP", defaults={"money_value": Decimal("0.01")})
    write()
    UnitValue.objects.filter(currency_type="LP").update(money_value=Decimal("0.02"))
    credit("bob", "2.00", key="late", at=AT)

    write(ON + DAY)

    worth = LiabilityDay.objects.filter(currency_type="LP").order_by("on").values_list("unit_value", flat=True)
    assert list(worth) == [Decimal("0.010000"), Decimal("0.020000")]


def test_the_database_refuses_a_row_that_does_not_close() -> None:
    from django.db import IntegrityError

    write()

    with pytest.raises(IntegrityError, match="liability_day_closes"):
        LiabilityDay.objects.filter(on=ON, currency_type="LP").update(closing=Decimal(7))


def test_an_ordinary_night_reads_only_the_entries_since_the_last_day_began() -> None:
    """Of 3,000 older entries none is read; what a scan reads is counted by the database."""
    run_statement("SET LOCAL session_replication_role = replica", [])
    run_statement(
        """
        INSERT INTO transactions (player_id, number, operation_id, transaction_type, currency_type, amount,
                                  balance_before, balance_after, hash, created_at)
        SELECT 'old', n, 1, 'LP_EARNED', 'LP', 1, n - 1, n, '', now() + n * interval '1 s'
        FROM generate_series(1, 3000) n
        """,
        [],
    )
    run_statement("INSERT INTO loyalty_balances (player_id, lp_balance, head_number) VALUES ('old', 3000, 3000)", [])
    run_statement("SET LOCAL session_replication_role = origin", [])
    later = date(2099, 1, 1)
    write(later, at=NIGHT)

    assert entries_read(later + DAY) < 10


def entries_read(on: date) -> int:
    with CaptureQueriesContext(connection) as captured:
        write(on)
    (sql,) = [query["sql"] for query in captured.captured_queries if "FROM transactions" in query["sql"]]
    with connection.cursor() as cursor:
        cursor.execute("EXPLAIN (ANALYZE, FORMAT json) " + sql)
        return _scanned(cursor.fetchone()[0][0]["Plan"])


def _scanned(node: dict[str, Any]) -> int:
    own = 0
    if node.get("Relation Name", "").startswith("transactions"):
        own = int((node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"])
    return own + sum(_scanned(child) for child in node.get("Plans", []))


def test_a_night_costs_the_same_statements_for_more_players() -> None:
    write()

    def queries(on: date) -> int:
        with CaptureQueriesContext(connection) as captured:
            write(on)
        return len(captured)

    few = queries(ON + DAY)
    for number in range(10):
        make_player(f"player{number}")
        credit(f"player{number}", "1.00", key=f"more:{number}", at=AT + 2 * DAY)

    assert queries(ON + 2 * DAY) == few
