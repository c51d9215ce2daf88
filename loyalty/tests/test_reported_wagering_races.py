"""A bet that is reported and settled at the same moment counts once, with real threads."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from decimal import Decimal
from functools import partial

import pytest

from core.tests.threads import while_held_open
from loyalty.tests import cast
from loyalty.tests.test_activity import give_bonus, progress, take, wager
from wallet.bets import place_bet, settle_bet
from wallet.tests.locks import lock_players_doing_nothing

pytestmark = pytest.mark.django_db(transaction=True)


def place_and_settle() -> None:
    place_bet(bet_id="bet-1", player_id="alice", stake=5, real_available=5, category="slots", actor="tests")
    settle_bet(bet_id="bet-1", payout=0, actor="tests")


@pytest.mark.parametrize(
    ("locks", "counted"),
    [(nullcontext(), "5.00"), (lock_players_doing_nothing(), "10.00")],
    ids=["with the lock", "without it, as the race would end"],
)
def test_a_bet_reported_while_it_is_placed_and_settled_counts_once(
    locks: AbstractContextManager[None], counted: str
) -> None:
    cast.make_player("alice", source="FEED")
    bonus = give_bonus()

    with locks:
        outcomes = while_held_open(partial(take, wager("w1", "5.00", bet_id="bet-1")), place_and_settle)

    assert outcomes == [None]
    assert progress(bonus) == Decimal(counted)
