"""Reconcile: passes on what the posting core wrote, and finds every figure somebody else put there."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from core.expressions import fetch_rows, run_statement
from core.runs import KeyRange
from players.tests.factories import make_player
from wallet.digests import last_digest_at, store_digest
from wallet.expiry import expire_bonuses
from wallet.models import LedgerDigest
from wallet.points import deduct_balance
from wallet.reconciliation import LedgerDifferenceError, find_differences, reconcile
from wallet.tests.bets import bet
from wallet.tests.factories import AT, LATER, ON, credit, make_alice, make_bob_with_bonus, make_carol

pytestmark = pytest.mark.django_db

YESTERDAY = AT - timedelta(days=1)


@pytest.fixture(autouse=True)
def ledger() -> None:
    """Alice: +10 LP, +3 tickets, −4 LP, −6 LP expired, +20 RP, of which the last two on the day of AT. Bob: a bonus."""
    make_alice()
    make_carol()
    credit("alice", "10.00", key="a", at=YESTERDAY, expires_at=AT)
    credit("alice", "3", currency="TICKETS", key="b", at=YESTERDAY)
    deduct_balance(player_id="alice", currency="LP", amount="4.00", key="c", actor="tests", at=YESTERDAY)
    expire_bonuses(at=AT)
    credit("alice", "20.00", currency="RP", key="d")
    make_bob_with_bonus()


@contextmanager
def past_the_triggers() -> Iterator[None]:
    """Write as a superuser can who means harm: without triggers and foreign keys."""
    run_statement("SET LOCAL session_replication_role = replica", [])
    yield
    run_statement("SET LOCAL session_replication_role = origin", [])


def corrupt(*statements: str) -> None:
    with past_the_triggers():
        for statement in statements:
            assert run_statement(statement, []) > 0, statement


def checks(**options: Any) -> set[str]:
    """Return what is found to differ, of whom."""
    _, differences = find_differences(**options)
    return {f"{d.player_id}: {d.check} {d.currency}".strip() for d in differences}


# Rewriting an entry and everything after it is possible for whoever can write past the triggers.
CANONICAL = """wallet_canonical(
    t.player_id, t.number, t.operation_id, t.transaction_type, t.currency_type, t.amount, t.balance_before,
    t.balance_after, t.created_at, t.description, t.reference_id, t.actor, t.metadata)"""
REHASH = f"""
    WITH RECURSIVE chain AS (
        SELECT t.id, t.number, sha256(convert_to({CANONICAL}, 'UTF8')) AS hash
        FROM transactions t WHERE t.player_id = 'alice' AND t.number = 1
        UNION ALL
        SELECT t.id, t.number, sha256(c.hash || convert_to({CANONICAL}, 'UTF8'))
        FROM chain c JOIN transactions t ON t.player_id = 'alice' AND t.number = c.number + 1
    )
    UPDATE transactions t SET hash = c.hash FROM chain c WHERE c.id = t.id
"""
REHEAD = """
    UPDATE loyalty_balances SET head_hash = (
        SELECT hash FROM transactions WHERE player_id = 'alice' ORDER BY number DESC LIMIT 1
    ) WHERE player_id = 'alice'
"""


def test_a_ledger_nobody_touched_proves_itself() -> None:
    assert reconcile() == {"players": 2, "entries": 6}
    assert reconcile(since=AT) == {"players": 2, "entries": 3}
    assert reconcile(keys=KeyRange(lower="b")) == {"players": 1, "entries": 1}


def test_hashing_again_what_is_there_changes_nothing() -> None:
    corrupt(REHASH, REHEAD)

    assert reconcile() == {"players": 2, "entries": 6}


CORRUPTIONS = {
    "a balance": (
        ["UPDATE loyalty_balances SET rp_balance = 21 WHERE player_id = 'alice'"],
        {"alice: balance RP", "alice: sum of lots RP"},
    ),
    "a balance of a currency without entries": (
        ["UPDATE loyalty_balances SET lp_balance = 5 WHERE player_id = 'bob'"],
        {"bob: balance LP", "bob: sum of lots LP"},
    ),
    "a balance and a lot of a currency without entries": (
        [
            "UPDATE loyalty_balances SET lp_balance = 5 WHERE player_id = 'bob'",
            """
            INSERT INTO wallet_lots (player_id, operation_id, currency_type, kind, amount, remaining, granted_on)
            SELECT player_id, operation_id, 'LP', 'MANUAL', 5, 5, granted_on FROM wallet_lots WHERE player_id = 'bob'
            """,
            """
            INSERT INTO wallet_lot_movements (entry_id, lot_id, amount)
            SELECT 0, max(id), 5 FROM wallet_lots WHERE player_id = 'bob'
            """,
        ],
        {"bob: balance LP", "bob: movements without entry of lot LP"},
    ),
    "an entry's amount": (
        ["UPDATE transactions SET amount = 21, balance_after = 21 WHERE player_id = 'alice' AND number = 5"],
        {"alice: hash of entry RP", "alice: balance RP", "alice: movements of entry RP"},
    ),
    "an entry's amount, hashed again": (
        [
            "UPDATE transactions SET amount = 21, balance_after = 21 WHERE player_id = 'alice' AND number = 5",
            REHASH,
        ],
        {"alice: head", "alice: balance RP", "alice: movements of entry RP"},
    ),
    "an entry's hash": (
        ["UPDATE transactions SET hash = '\\x00' WHERE player_id = 'alice' AND number = 2"],
        {"alice: hash of entry TICKETS", "alice: hash of entry LP"},
    ),
    "an entry's words": (
        ["UPDATE transactions SET description = 'gift' WHERE player_id = 'alice' AND number = 2"],
        {"alice: hash of entry TICKETS"},
    ),
    "an entry's time": (
        ["UPDATE transactions SET created_at = created_at + interval '1 microsecond' WHERE player_id = 'bob'"],
        {"bob: hash of entry BONUS", "bob: operation of entry BONUS"},
    ),
    "a first entry that starts from something": (
        [
            "UPDATE transactions SET balance_before = 7, balance_after = 27 WHERE player_id = 'alice' AND number = 5",
            "UPDATE loyalty_balances SET rp_balance = 27 WHERE player_id = 'alice'",
            "UPDATE wallet_lots SET amount = 27, remaining = 27 WHERE player_id = 'alice' AND currency_type = 'RP'",
            "UPDATE wallet_lot_movements SET amount = 27 WHERE amount = 20",
            REHASH,
            REHEAD,
        ],
        {"alice: chain at entry RP", "alice: movements of entry RP"},
    ),
    "a broken chain of balances, hashed again": (
        [
            "UPDATE transactions SET balance_before = 11, balance_after = 7 WHERE player_id = 'alice' AND number = 3",
            REHASH,
            REHEAD,
        ],
        {"alice: chain at entry LP"},
    ),
    "the last entry is missing": (
        ["DELETE FROM transactions WHERE player_id = 'alice' AND number = 5"],
        {"alice: head", "alice: balance RP", "alice: movements without entry of lot RP"},
    ),
    "the first entry is missing": (
        ["DELETE FROM transactions WHERE player_id = 'alice' AND number = 1"],
        {
            "alice: number of entry TICKETS",
            "alice: hash of entry TICKETS",
            "alice: chain at entry LP",
            "alice: movements without entry of lot LP",
        },
    ),
    "an entry in the middle is missing": (
        ["DELETE FROM transactions WHERE player_id = 'alice' AND number = 3"],
        {
            "alice: number of entry LP",
            "alice: hash of entry LP",
            "alice: chain at entry LP",
            "alice: movements without entry of lot LP",
        },
    ),
    "all entries are missing": (
        ["DELETE FROM transactions WHERE player_id = 'bob'"],
        {"bob: head", "bob: balance BONUS", "bob: movements without entry of lot BONUS"},
    ),
    "a pair of entries beyond the head that cancel each other": (
        [
            """
            INSERT INTO transactions (player_id, number, operation_id, transaction_type, currency_type, amount,
                balance_before, balance_after, description, reference_id, actor, metadata, hash, created_at)
            SELECT player_id, 5 + n, operation_id, transaction_type, 'RP', CASE n WHEN 1 THEN 5 ELSE -5 END,
                   CASE n WHEN 1 THEN 20 ELSE 25 END, CASE n WHEN 1 THEN 25 ELSE 20 END, '', '', '', '{}', '',
                   created_at
            FROM transactions, generate_series(1, 2) n WHERE player_id = 'alice' AND number = 5
            """,
            """
            INSERT INTO wallet_lot_movements (entry_id, lot_id, amount)
            SELECT t.id, l.id, t.amount FROM transactions t
            JOIN wallet_lots l ON l.player_id = 'alice' AND l.currency_type = 'RP'
            WHERE t.player_id = 'alice' AND t.number > 5
            """,
            "UPDATE wallet_lots SET amount = 25 WHERE player_id = 'alice' AND currency_type = 'RP'",
            REHASH,
        ],
        {"alice: head"},
    ),
    "the head's number": (
        ["UPDATE loyalty_balances SET head_number = 9 WHERE player_id = 'alice'"],
        {"alice: head"},
    ),
    "no head although there are entries": (
        ["UPDATE loyalty_balances SET head_number = 0, head_hash = NULL WHERE player_id = 'bob'"],
        {"bob: head"},
    ),
    "no balance row at all": (
        ["DELETE FROM loyalty_balances WHERE player_id = 'bob'"],
        {"bob: balance row"},
    ),
    "a lot's remainder": (
        ["UPDATE wallet_lots SET remaining = 19 WHERE player_id = 'alice' AND currency_type = 'RP'"],
        {"alice: movements of lot RP", "alice: sum of lots RP"},
    ),
    "a lot's amount": (
        ["UPDATE wallet_lots SET amount = 19 WHERE player_id = 'alice' AND currency_type = 'RP'"],
        {"alice: credits of lot RP"},
    ),
    "a lot is missing": (
        ["DELETE FROM wallet_lots WHERE player_id = 'bob'"],
        {"bob: sum of lots BONUS", "bob: movements of entry BONUS", "bob: wagering of active bonuses BONUS"},
    ),
    "what the balance says of the requirement": (
        ["UPDATE loyalty_balances SET bonus_wagering_required = 1 WHERE player_id = 'bob'"],
        {"bob: wagering of active bonuses BONUS"},
    ),
    "a bonus that forgets its open bet": (
        ["UPDATE wallet_lots SET open_bets = 0 WHERE player_id = 'bob'"],
        {"bob: open bets of lot BONUS"},
    ),
    "a bet whose bonus part nobody paid": (
        ["DELETE FROM wallet_bet_stakes WHERE amount = 5"],
        {"bob: bonus part of bet b1 BONUS", "bob: open bets of lot BONUS"},
    ),
    "a movement's amount": (
        ["UPDATE wallet_lot_movements SET amount = 19 WHERE amount = 20"],
        {"alice: movements of lot RP", "alice: movements of entry RP", "alice: credits of lot RP"},
    ),
    "a movement is missing": (
        ["DELETE FROM wallet_lot_movements WHERE amount = 20"],
        {"alice: movements of lot RP", "alice: movements of entry RP", "alice: credits of lot RP"},
    ),
    "movements of two currencies exchanged": (
        [
            """
            UPDATE wallet_lots SET remaining = CASE currency_type WHEN 'RP' THEN 3 ELSE 20 END,
                amount = CASE currency_type WHEN 'RP' THEN 3 ELSE 20 END
            WHERE player_id = 'alice' AND currency_type IN ('RP', 'TICKETS')
            """,
            """
            UPDATE wallet_lot_movements m SET lot_id = o.id FROM wallet_lots l, wallet_lots o
            WHERE m.lot_id = l.id AND l.player_id = 'alice' AND o.player_id = 'alice'
              AND (l.currency_type, o.currency_type) IN (('RP', 'TICKETS'), ('TICKETS', 'RP'))
            """,
        ],
        {
            "alice: sum of lots RP",
            "alice: sum of lots TICKETS",
            "alice: movements without entry of lot RP",
            "alice: movements without entry of lot TICKETS",
        },
    ),
    "an operation is missing": (
        ["DELETE FROM wallet_operations WHERE key = 'd'"],
        {"alice: operation of entry RP", "alice: operation of lot RP"},
    ),
    "an operation is another's": (
        ["UPDATE wallet_operations SET player_id = 'bob' WHERE key = 'd'"],
        {"alice: operation of entry RP", "alice: operation of lot RP"},
    ),
}


def without_numbers(found: set[str]) -> set[str]:
    """Leave out which entry or lot, whose numbers differ from run to run."""
    return {" ".join(word for word in difference.split(" ") if not word.isdigit()) for difference in found}


@pytest.mark.parametrize("what", CORRUPTIONS)
def test_each_planted_corruption_is_found(what: str) -> None:
    statements, expected = CORRUPTIONS[what]
    bet("b1", "5.00")

    corrupt(*statements)

    assert without_numbers(checks()) == expected
    with pytest.raises(LedgerDifferenceError):
        reconcile()
    with pytest.raises(CommandError):
        call_command("reconcile")


def test_the_error_names_whose_what_and_both_figures() -> None:
    corrupt("UPDATE loyalty_balances SET rp_balance = 21 WHERE player_id = 'alice'")

    with pytest.raises(LedgerDifferenceError) as error:
        reconcile()

    assert error.value.message == "player alice, balance RP: 20.00 expected, 21.00 found (2 differences in all)"
    assert error.value.details["differences"] == [
        "player alice, balance RP: 20.00 expected, 21.00 found",
        "player alice, sum of lots RP: 21.00 expected, 20.00 found",
    ]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE transactions SET description = 'gift' WHERE player_id = 'alice' AND number = 4",
        "UPDATE transactions SET hash = '\\x00' WHERE player_id = 'alice' AND number = 3",
        "UPDATE loyalty_balances SET rp_balance = 21 WHERE player_id = 'alice'",
        "DELETE FROM transactions WHERE player_id = 'alice' AND number = 4",
        "DELETE FROM wallet_lot_movements WHERE amount = -6",
    ],
)
def test_since_a_time_the_newer_entries_and_their_link_are_checked(statement: str) -> None:
    corrupt(statement)

    assert checks(since=AT)


def test_since_a_time_players_without_newer_entries_are_left_out() -> None:
    credit("alice", "1.00", key="later", at=LATER)
    corrupt("UPDATE loyalty_balances SET bonus_balance = 51 WHERE player_id = 'bob'")

    assert checks(since=LATER) == set()
    assert reconcile(since=LATER) == {"players": 1, "entries": 1}
    assert checks() != set()


def test_a_difference_outside_the_range_is_not_seen() -> None:
    corrupt("UPDATE loyalty_balances SET bonus_balance = 51 WHERE player_id = 'bob'")

    assert checks(keys=KeyRange(upper="b")) == set()
    assert checks(keys=KeyRange(lower="b", upper="c")) != set()


# The command


def run_command(*arguments: str) -> str:
    out = StringIO()
    call_command("reconcile", *arguments, stdout=out, no_color=True)
    return out.getvalue().strip()


def test_the_command_says_what_it_proved() -> None:
    assert run_command() == "The ledger proves itself: 2 players, 6 entries."
    assert run_command("--player", "alice") == "The ledger proves itself: 1 players, 5 entries."
    assert run_command("--since", "2025-12-21") == "The ledger proves itself: 2 players, 3 entries."
    assert run_command("--player", "carol") == "The ledger proves itself: 0 players, 0 entries."


def test_the_command_names_the_first_difference_of_the_player_asked_for() -> None:
    corrupt("UPDATE loyalty_balances SET bonus_balance = 51 WHERE player_id = 'bob'")

    assert run_command("--player", "alice")
    with pytest.raises(CommandError, match=r"player bob, balance BONUS: 50\.00 expected, 51\.00 found"):
        run_command("--player", "bob")


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--player", "dora"], "there is no player 'dora'"),
        (["--since", "yesterday"], "--since is 'yesterday': a date such as 2025-12-21 is needed"),
        (["--since", "2025-02-30"], "--since is '2025-02-30': a date such as 2025-12-21 is needed"),
    ],
)
def test_the_command_says_what_it_cannot_read(arguments: list[str], complaint: str) -> None:
    with pytest.raises(CommandError, match=complaint):
        run_command(*arguments)


def test_another_player_whose_name_begins_alike_is_not_meant() -> None:

    make_player("alice ")
    credit("alice ", "1.00", key="other")
    make_player("alicia")
    credit("alicia", "1.00", key="another")

    assert run_command("--player", "alice") == "The ledger proves itself: 1 players, 5 entries."


# The digest


def test_a_digest_says_the_same_of_the_same_ledger() -> None:
    first = bytes(store_digest(on=ON).digest)
    again = store_digest(on=ON, run_id=8)

    assert bytes(again.digest) == first
    assert (again.players, again.entries, again.run_id) == (2, 6, 8)
    assert again.last_entry_id == fetch_rows("SELECT max(id) FROM transactions", [])[0][0]
    assert LedgerDigest.objects.count() == 1


def test_a_digest_changes_with_any_head() -> None:
    first = bytes(store_digest(on=ON).digest)

    corrupt("UPDATE loyalty_balances SET head_hash = '\\x01' WHERE player_id = 'bob'")
    second = bytes(store_digest(on=ON + timedelta(days=1)).digest)

    assert first != second
    assert LedgerDigest.objects.count() == 2


def test_a_digest_shows_a_chain_rewritten_to_its_end() -> None:
    first = bytes(store_digest(on=ON).digest)
    corrupt("UPDATE transactions SET description = 'x' WHERE player_id = 'alice' AND number = 1", REHASH, REHEAD)
    assert checks() == set()

    assert bytes(store_digest(on=ON).digest) != first


def test_an_empty_ledger_has_a_digest_too() -> None:
    with past_the_triggers():
        for table in ("transactions", "wallet_lot_movements", "wallet_lots", "loyalty_balances"):
            run_statement(f"DELETE FROM {table}", [])

    stored = store_digest(on=ON)

    assert (stored.players, stored.entries, stored.last_entry_id, len(bytes(stored.digest))) == (0, 0, 0, 32)


def test_the_last_digest_is_what_a_nightly_check_starts_from() -> None:
    assert last_digest_at() is None
    stored = store_digest(on=date(2025, 12, 20))

    assert last_digest_at() == LedgerDigest.objects.get(pk=stored.pk).created_at
    assert isinstance(last_digest_at(), datetime)
    assert LedgerDigest.objects.get().created_at.tzinfo is UTC
