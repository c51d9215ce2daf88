"""Tickets: entering an event with them."""

from datetime import timedelta

import pytest

from core.errors import InvalidInputError, NotFoundError
from players.tests.factories import restrict
from wallet.corrections import reverse_operation
from wallet.ledger import IdempotencyKeyReusedError, InsufficientBalanceError, PlayerRestrictedError, Posted
from wallet.models import LedgerEntry, Operation, PostingRefusal
from wallet.reconciliation import reconcile
from wallet.tests.factories import AT, LATER, balances, credit, make_alice, remaining
from wallet.tickets import use_tickets

pytestmark = pytest.mark.django_db


def use(
    tickets: object = 3, *, event_reference: str = "FRIDAY-POKER", key: str = "use", player_id: str = "alice"
) -> Posted:
    return use_tickets(
        player_id=player_id, tickets=tickets, event_reference=event_reference, key=key, actor="platform", at=AT
    )


@pytest.fixture
def five_tickets() -> None:
    """Give alice three tickets without an end and two until 31 January."""
    make_alice()
    credit("alice", "3", currency="TICKETS", key="1")
    credit("alice", "2", currency="TICKETS", key="2", expires_at=LATER)


@pytest.mark.usefixtures("five_tickets")
def test_the_entry_names_the_event_and_the_earliest_expiry_is_used_first() -> None:
    use()

    entry = LedgerEntry.objects.latest("number")
    assert (entry.transaction_type, entry.reference_id, str(entry.amount)) == ("TICKETS_USED", "FRIDAY-POKER", "-3.00")
    assert remaining("alice") == [("2.00", "ACTIVE"), ("0.00", "ACTIVE")]
    assert balances("alice") == {"TICKETS": "2"}


@pytest.mark.usefixtures("five_tickets")
def test_more_than_there_are_is_refused_with_both_figures() -> None:
    with pytest.raises(InsufficientBalanceError, match=r"can spend 5.00 TICKETS, 6.00 was asked for"):
        use(6)

    assert balances("alice") == {"TICKETS": "5"}


@pytest.mark.usefixtures("five_tickets")
@pytest.mark.parametrize("tickets", [0, -1, "1.5", 1.0, "many", None, True])
def test_anything_but_whole_tickets_is_refused(tickets: object) -> None:
    with pytest.raises(InvalidInputError):
        use(tickets)

    assert balances("alice") == {"TICKETS": "5"}


@pytest.mark.usefixtures("five_tickets")
@pytest.mark.parametrize("reference", ["", "x" * 101, "a\x00"])
def test_an_event_that_cannot_be_named_is_refused(reference: str) -> None:
    with pytest.raises(InvalidInputError, match="event_reference"):
        use(event_reference=reference)

    assert balances("alice") == {"TICKETS": "5"}


@pytest.mark.parametrize("kind", ["SELF_EXCLUDED", "COOL_OFF", "RG_HARM", "BLOCKED"])
def test_a_restricted_player_does_not_enter_and_the_refusal_is_kept(kind: str) -> None:
    alice = make_alice()
    credit("alice", "3", currency="TICKETS")
    restrict(alice, kind)

    with pytest.raises(PlayerRestrictedError):
        use()

    assert balances("alice") == {"TICKETS": "3"}
    assert PostingRefusal.objects.get().details["restriction"] == kind


@pytest.mark.usefixtures("five_tickets")
def test_the_same_key_again_uses_them_once() -> None:
    first, again = use(), use()

    assert (again.outcome, again.entry_id) == ("REPLAYED", first.entry_id)
    assert balances("alice") == {"TICKETS": "2"}


@pytest.mark.usefixtures("five_tickets")
def test_the_same_key_for_another_event_is_refused() -> None:
    use(1)

    with pytest.raises(IdempotencyKeyReusedError):
        use(1, event_reference="SATURDAY-POKER")

    assert Operation.objects.filter(kind="USE_TICKETS").count() == 1


@pytest.mark.usefixtures("five_tickets")
def test_tickets_of_an_event_that_was_called_off_come_back_to_their_lots() -> None:
    posted = use()
    assert posted.operation_id is not None

    reverse_operation(
        operation_id=posted.operation_id, reason="Called off", key="r", actor="staff", at=AT + timedelta(hours=1)
    )

    assert remaining("alice") == [("3.00", "ACTIVE"), ("2.00", "ACTIVE")]
    reconcile()


def test_a_player_nobody_knows_is_refused() -> None:
    with pytest.raises(NotFoundError):
        use(player_id="nobody")
