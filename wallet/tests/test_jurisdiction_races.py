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
from wallet.jurisdictions import broken_limit
from wallet.ledger import JurisdictionLimitError, Posted
from wallet.models import Lot, PostingRefusal
from wallet.tests.locks import lock_players_doing_nothing

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


def test_without_the_lock_only_the_ledger_refuses_it_and_no_evidence_is_kept() -> None:
    with lock_players_doing_nothing():
        outcome = bonus_of_one_who_is_being_moved()

    assert isinstance(outcome, JurisdictionLimitError)
    assert (Lot.objects.count(), PostingRefusal.objects.count()) == (0, 0)


def test_a_limit_is_looked_up_only_where_some_profile_could_be_broken() -> None:
    make_player(country="United Kingdom")

    assert broken_limit(player_id="alice", on=ON, amount=Decimal(10), wagering_required=Decimal(100)) is None
    found = broken_limit(player_id="alice", on=ON, amount=Decimal(10), wagering_required=Decimal("100.01"))

    assert found is not None
    assert found.most == 10
