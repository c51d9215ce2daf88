"""What a restriction does to each kind of posting, on every path; refusals are kept as evidence."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from psycopg.types.json import Jsonb

from core.expressions import fetch_rows
from players.models import CreditPurpose, RestrictionEffect, RestrictionKind
from players.restriction_matrix import CURRENT_MATRIX
from players.tests.factories import make_alice, make_carol, restrict
from wallet.ledger import PlayerRestrictedError, post, post_operation
from wallet.models import LedgerEntry, PostingRefusal
from wallet.points import add_loyalty_points, deduct_balance
from wallet.postings import Posting, credit_posting
from wallet.reconciliation import reconcile
from wallet.tests.factories import AT, ON, balances, credit, give_bonus

pytestmark = pytest.mark.django_db

# The written matrix once more, as people read it: R refused, M allowed and marked, - allowed.
PURPOSES = ["PROMOTION", "EARNED", "OPENING", "BET", "REDEMPTION"]
PURPOSES += ["SETTLEMENT", "REFUND", "REVERSAL", "ADJUSTMENT", "SPEND", "EXPIRY", "ADDITION"]
MATRIX = {
    "SELF_EXCLUDED": "RRRRRMMMMMMR",
    "COOL_OFF": "RRRRRMMMMMMR",
    "RG_HARM": "RRRRRMMMMMMR",
    "BLOCKED": "RRRRRMMMMMMR",
    "MARKETING_OPT_OUT": "R-----------",
}
CELLS = [(kind, purpose, MATRIX[kind][index]) for kind in MATRIX for index, purpose in enumerate(PURPOSES)]


def posting_for(purpose: str, *, key: str = "k") -> Posting:
    """Return a posting of 5.00 for alice: a debit where the purpose takes, a credit where it gives."""
    if purpose in {"SPEND", "EXPIRY", "BET", "ADJUSTMENT"}:
        return Posting(
            operation_key=key,
            operation_kind="TEST",
            account_key="alice",
            purpose=purpose,
            transaction_type="LP_REDEEMED",
            currency_type="LP",
            amount=Decimal(-5),
        )
    return credit_posting(
        key=key, kind="TEST", player_id="alice", currency="LP", amount=Decimal(5), on=ON, purpose=purpose
    )


def test_the_table_says_what_the_written_matrix_says() -> None:
    stored = {(row.kind, row.purpose): row.effect for row in RestrictionEffect.objects.all()}
    expected = {(k, p): {"R": "REFUSE", "M": "MARK"}[effect] for k, p, effect in CELLS if effect != "-"}

    assert stored == expected == CURRENT_MATRIX
    assert set(MATRIX) == set(RestrictionKind.values)
    assert set(PURPOSES) == set(CreditPurpose.values)


@pytest.mark.parametrize(("kind", "purpose", "effect"), CELLS)
def test_a_restriction_refuses_marks_or_allows(kind: str, purpose: str, effect: str) -> None:
    alice = make_alice()
    credit("alice", "5.00", key="before")
    restrict(alice, kind)

    (posted,) = post([posting_for(purpose)], at=AT, actor="tests")

    entry = LedgerEntry.objects.filter(number=2).first()
    if effect == "R":
        assert (posted.outcome, posted.reason) == ("REFUSED", "RESTRICTED")
        assert entry is None
        refusal = PostingRefusal.objects.get()
        assert (refusal.purpose, refusal.reason, refusal.details["restriction"]) == (purpose, "RESTRICTED", kind)
    else:
        assert posted.outcome == "POSTED"
        assert entry is not None
        assert entry.metadata == ({"restricted": kind} if effect == "M" else {})
        assert not PostingRefusal.objects.exists()
    reconcile()


def give_points() -> Any:
    return add_loyalty_points(player_id="carol", amount=5, source="x", key="k", actor="anna", at=AT)


def give_money() -> Any:
    return give_bonus("carol", "5.00", key="k")


def give_raw() -> Any:
    return credit("carol", "5.00", key="k")


@pytest.mark.parametrize("give", [give_points, give_money, give_raw])
def test_carol_who_excluded_herself_is_given_nothing_on_any_path(give: Any) -> None:
    make_carol()

    with pytest.raises(PlayerRestrictedError, match=r"player carol is restricted \(SELF_EXCLUDED\)") as error:
        give()

    assert error.value.details["restriction"] == "SELF_EXCLUDED"
    refusal = PostingRefusal.objects.get()
    assert (refusal.player_id, refusal.operation_key, str(refusal.amount)) == ("carol", "k", "5.00")
    assert balances("carol") == {}


RAW_POSTING: dict[str, Any] = {
    "operation_key": "k",
    "operation_kind": "X",
    "purpose": "PROMOTION",
    "transaction_type": "REWARD",
    "currency_type": "LP",
    "amount": 5,
    "lot_kind": "MANUAL",
    "granted_on": "2025-12-21",
    "input_hash": "\\x00",
}


def post_raw(**fields: Any) -> list[tuple[Any, ...]]:
    return fetch_rows(
        """
        SELECT outcome, reason
        FROM wallet_post(ARRAY[jsonb_populate_record(NULL::wallet_posting, %s)], now(), 'psql', NULL)
        """,
        [Jsonb({**RAW_POSTING, **fields})],
    )


def test_raw_sql_cannot_pass_by_a_restriction_either() -> None:
    make_carol()

    assert post_raw(account_key="carol") == [("REFUSED", "RESTRICTED")]


@pytest.mark.parametrize(
    ("field", "value"), [("purpose", "GIFT"), ("purpose", None), ("amount", "NaN"), ("amount", 0), ("amount", 0.001)]
)
def test_raw_sql_is_held_to_known_purposes_and_amounts(field: str, value: object) -> None:
    make_alice()

    with pytest.raises(IntegrityError, match="1 postings without a known purpose or an amount"), transaction.atomic():
        post_raw(**{"account_key": "alice", field: value})


@pytest.mark.parametrize(
    ("starts", "ends", "holds"),
    [
        (timedelta(0), None, True),
        (timedelta(days=36500), None, False),
        (timedelta(days=-2), timedelta(seconds=1), True),
        (timedelta(days=-2), timedelta(0), False),
        (timedelta(days=-2), timedelta(days=-1), False),
    ],
)
def test_a_restriction_holds_from_its_start_until_its_end(
    starts: timedelta, ends: timedelta | None, holds: bool
) -> None:
    restrict(make_alice(), starts_at=AT + starts, ends_at=None if ends is None else AT + ends)

    (posted,) = post([posting_for("PROMOTION")], at=AT, actor="tests")

    assert posted.outcome == ("REFUSED" if holds else "POSTED")


def test_what_is_refused_to_one_is_given_to_the_other_of_a_set() -> None:
    make_carol()
    make_alice()
    postings = [
        credit_posting(key=who, kind="TEST", player_id=who, currency="LP", amount=Decimal(5), on=ON)
        for who in ("alice", "carol")
    ]

    results = post(postings, at=AT, actor="tests")

    assert [posted.outcome for posted in results] == ["POSTED", "REFUSED"]
    assert (balances("alice"), balances("carol")) == ({"LP": "5.00"}, {})


def test_of_several_restrictions_the_one_that_refuses_decides() -> None:
    alice = make_alice()
    restrict(alice, RestrictionKind.COOL_OFF)
    restrict(alice, RestrictionKind.MARKETING_OPT_OUT)

    with pytest.raises(PlayerRestrictedError):
        post_operation([posting_for("PROMOTION", key="offer")], at=AT, actor="tests")
    (spent,) = post([posting_for("SETTLEMENT", key="settled")], at=AT, actor="tests")

    assert spent.outcome == "POSTED"
    assert LedgerEntry.objects.get().metadata == {"restricted": "COOL_OFF"}


def test_a_restricted_player_keeps_and_may_spend_what_was_there() -> None:
    alice = make_alice()
    credit("alice", "5.00")
    restrict(alice)

    deduct_balance(player_id="alice", currency="LP", amount="2.00", key="spend", actor="tests", at=AT)

    assert balances("alice") == {"LP": "3.00"}
    assert LedgerEntry.objects.get(number=2).metadata == {"restricted": "SELF_EXCLUDED"}


def test_a_cell_that_staff_change_holds_at_once() -> None:
    restrict(make_alice(), RestrictionKind.MARKETING_OPT_OUT)
    RestrictionEffect.objects.filter(kind="MARKETING_OPT_OUT").delete()

    assert credit("alice", "5.00").outcome == "POSTED"


def test_a_mark_is_added_to_what_the_caller_notes() -> None:
    restrict(make_alice())
    posting = credit_posting(
        key="k", kind="T", player_id="alice", currency="LP", amount=Decimal(5), on=ON, purpose="REFUND",
        metadata={"bet": "B1"},
    )  # fmt: skip

    post_operation([posting], at=AT, actor="tests")

    assert LedgerEntry.objects.get().metadata == {"bet": "B1", "restricted": "SELF_EXCLUDED"}
