"""What becomes of bonus money when its player is restricted: policy × state of the bonus × open bet, to the cent."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any, NamedTuple

import pytest
from django.utils import timezone

from core.models import OutboxEvent
from core.policies import save_policy
from players.models import CreditRequirement
from players.restrictions.imposing import Word
from players.tests.factories import make_player
from wallet.bets import place_bet, settle_bet, void_bet
from wallet.corrections import NotReversibleError, reverse_operation
from wallet.models import Bet, LedgerEntry, Lot, Operation
from wallet.reconciliation import reconcile
from wallet.restricting import lift_restriction, restrict_player
from wallet.tests.factories import balances, give_bonus, remaining

pytestmark = pytest.mark.django_db
NOW = timezone.now()
WORD = Word(source="the player", reason="Asked by telephone", by=None)


def bonus(**terms: Any) -> None:
    give_bonus("bob", "50.00", expiry=None, at=NOW, **{"wagering_requirement": Decimal(1), **terms})


def stake(amount: int, *, real: int = 0) -> None:
    place_bet(bet_id="b1", player_id="bob", stake=amount, real_available=real, category="slots", actor="tests", at=NOW)


def active() -> None:
    bonus()


def waits_for_a_claim() -> None:
    bonus(claim_within=timedelta(hours=24))


def waits_for_its_day() -> None:
    bonus(available_at=NOW + timedelta(days=1))


def at_play() -> None:
    bonus(max_conversion=Decimal(30))
    stake(10)


def all_at_play() -> None:
    bonus()
    stake(50)


def at_play_beside_real_money() -> None:
    bonus()
    stake(40, real=30)


def met_and_unknown() -> None:
    CreditRequirement.objects.filter(pk="CONVERSION").update(needs_kyc=True)
    bonus()
    stake(50)
    settle_bet(bet_id="b1", payout=50, actor="tests", at=NOW)


class Expected(NamedTuple):
    """Of a cancelled bonus: what is told to be cancelled, and what the platform pays when the bet wins or is void."""

    cancelled: str
    won: str = ""
    void: str = ""


STATES: list[tuple[Callable[[], None], Expected]] = [
    (active, Expected(cancelled="50.00")),
    (waits_for_a_claim, Expected(cancelled="50.00")),
    (waits_for_its_day, Expected(cancelled="50.00")),
    # A payout of 100 belongs to the bonus that staked all 10, of which 30 may become real money; a void stake is gone.
    (at_play, Expected(cancelled="40.00", won="30.00", void="0.00")),
    (all_at_play, Expected(cancelled="0", won="100.00", void="0.00")),
    # 30 of the 40 staked were real money, and come back.
    (at_play_beside_real_money, Expected(cancelled="40.00", won="100.00", void="30.00")),
]


def restrict(kind: str = "BLOCKED", *, policy: str) -> int:
    save_policy(name=f"BONUS_OF_{kind}", value=policy, saved_by=None)
    restriction = restrict_player(player_id="bob", kind=kind, word=WORD, at=NOW + timedelta(minutes=1))
    return int(restriction.pk)


def told() -> list[tuple[str, str]]:
    return list(
        OutboxEvent.objects.filter(topic__startswith="bonus.").order_by("id").values_list("topic", "payload__amount")
    )


@pytest.mark.parametrize("end", ["won", "void"])
@pytest.mark.parametrize(("prepare", "expected"), STATES, ids=lambda value: getattr(value, "__name__", ""))
def test_cancelled_money_is_gone_to_the_cent_and_real_money_is_not_touched(
    prepare: Callable[[], None], expected: Expected, end: str
) -> None:
    make_player("bob")
    prepare()

    restriction_id = restrict(policy="CANCEL")

    assert (remaining("bob"), balances("bob")) == ([("0.00", "CANCELLED")], {})
    assert told() == [("bonus.cancelled", expected.cancelled)]
    if bet := Bet.objects.first():
        later: dict[str, Any] = {"actor": "tests", "at": NOW + timedelta(minutes=2)}
        closed = settle_bet(bet_id="b1", payout=100, **later) if end == "won" else void_bet(bet_id="b1", **later)
        assert str(closed.real_payout) == getattr(expected, end), bet
    lift_restriction(restriction_id=restriction_id, word=WORD, at=NOW + timedelta(hours=1))
    assert (remaining("bob"), balances("bob")) == ([("0.00", "CANCELLED")], {})
    reconcile()


@pytest.mark.parametrize("prepare", [state for state, _ in STATES], ids=lambda value: value.__name__)
def test_kept_money_is_the_same_afterwards_and_tells_nobody(prepare: Callable[[], None]) -> None:
    make_player("bob")
    prepare()
    before = (remaining("bob"), balances("bob"))

    restriction_id = restrict(policy="KEEP")
    kept = (remaining("bob"), balances("bob"))
    lift_restriction(restriction_id=restriction_id, word=WORD, at=NOW + timedelta(hours=1))

    assert (kept, (remaining("bob"), balances("bob")), told()) == (before, before, [])
    reconcile()


@pytest.mark.parametrize("policy", ["CANCEL", "KEEP"])
def test_a_met_bonus_is_kept_by_either_policy(policy: str) -> None:
    make_player("bob")
    met_and_unknown()

    restrict(policy=policy)

    assert (remaining("bob"), balances("bob"), told()) == ([("50.00", "ACTIVE")], {"BONUS": "50.00"}, [])


def test_a_winning_stake_of_a_kept_bonus_comes_back_to_it_marked() -> None:
    make_player("bob")
    bonus(wagering_requirement=Decimal(10))
    stake(10)
    restrict(policy="KEEP")

    settled = settle_bet(bet_id="b1", payout=25, actor="tests", at=NOW + timedelta(minutes=2))

    won = LedgerEntry.objects.get(transaction_type="WIN")
    assert (balances("bob"), str(won.amount), won.metadata) == ({"BONUS": "50.00"}, "10.00", {"restricted": "BLOCKED"})
    assert str(settled.real_payout) == "15.00"


def test_a_cancellation_is_not_reversed() -> None:
    make_player("bob")
    active()
    restrict(policy="CANCEL")
    operation = Operation.objects.get(kind="CANCEL_RESTRICTED")

    with pytest.raises(NotReversibleError, match=f"bonus {Lot.objects.get().pk} that paid 50.00 has ended"):
        reverse_operation(operation_id=operation.pk, reason="Appeal", key="undo", actor="tests")

    assert balances("bob") == {}
