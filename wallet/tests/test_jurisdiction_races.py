"""A bonus and a move to another jurisdiction at once: whichever comes second sees the first."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from core.tests.threads import while_held_open
from players.jurisdictions import set_jurisdiction
from players.models import PlayerJurisdictionChange
from players.tests.factories import make_player
from wallet.bonuses import add_bonus_balance
from wallet.ledger import JurisdictionLimitError, Posted
from wallet.models import Lot, PostingRefusal

pytestmark = pytest.mark.django_db(transaction=True)
ON = date(2026, 3, 10)


def give() -> Posted:
    return add_bonus_balance(
        player_id="alice",
        amount="50.00",
        wagering_requirement=Decimal(20),
        expiry=timedelta(hours=48),
        key="gift",
        actor="tests",
        on=ON,
        at=datetime(2026, 3, 10, 12, tzinfo=UTC),
        eligible_games=["slots"],
    )


def move() -> PlayerJurisdictionChange:
    return set_jurisdiction(player_id="alice", code="GB", reason="Moved", by=None)


def bonus_of_one_who_is_being_moved() -> object:
    make_player(country="Germany")
    (outcome,) = while_held_open(move, give)
    return outcome


def test_a_bonus_that_waited_for_a_move_is_refused_by_the_new_jurisdiction_and_kept() -> None:
    outcome = bonus_of_one_who_is_being_moved()

    assert isinstance(outcome, JurisdictionLimitError)
    assert outcome.details["limit"] == "WAGERING_REQUIREMENT_MAX"
    assert (Lot.objects.count(), PostingRefusal.objects.count()) == (0, 1)


def test_a_move_that_waited_for_a_bonus_finds_it_given_by_the_old_jurisdiction() -> None:
    make_player(country="Germany")

    (moved,) = while_held_open(give, move)

    assert isinstance(moved, PlayerJurisdictionChange)
    assert Lot.objects.get().wagering_required == Decimal("1000.00")
