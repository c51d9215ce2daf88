"""A restriction that comes while a night posts or a bet settles: whichever is second sees the first; real threads."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone

from core.tests.threads import while_held_open
from players.models import PlayerRestriction
from players.restrictions.imposing import Word
from rewards.tests.factories import allocate, issue, make_player, make_rule, verdicts
from wallet.bets import place_bet, settle_bet
from wallet.bonuses import add_bonus_balance
from wallet.ledger import PlayerRestrictedError
from wallet.models import Bet, LedgerEntry, Lot, PostingRefusal
from wallet.reconciliation import reconcile
from wallet.restricting import restrict_player
from wallet.tests.locks import restrictions_without_lock

pytestmark = pytest.mark.django_db(transaction=True)


def exclude() -> PlayerRestriction:
    word = Word(source="the player", reason="Asked by telephone", by=None)
    return restrict_player(player_id="alice", kind="SELF_EXCLUDED", word=word)


def night_that_has_allocated() -> Any:
    """Return what posts the night's reward of alice, who is not restricted yet."""
    make_player("alice")
    make_rule(reward={"amount": 10})
    run = allocate()

    def post() -> dict[str, int]:
        with transaction.atomic():
            return issue(run)

    return post


def lots() -> list[tuple[Decimal, str]]:
    return list(Lot.objects.order_by("id").values_list("remaining", "status"))


def test_a_night_that_posts_while_the_player_is_being_excluded_gives_nothing_and_keeps_the_refusal() -> None:
    post = night_that_has_allocated()

    (counts,) = while_held_open(exclude, post)

    assert counts == {"REJECTED": 1}
    assert verdicts() == {"GIFT": "REJECTED RESTRICTED"}
    assert (lots(), PostingRefusal.objects.get().details["restriction"]) == ([], "SELF_EXCLUDED")


def test_an_exclusion_that_comes_while_a_night_posts_ends_what_it_gave() -> None:
    post = night_that_has_allocated()

    (imposed,) = while_held_open(post, exclude)

    assert isinstance(imposed, PlayerRestriction)
    assert lots() == [(Decimal("0.00"), "CANCELLED")]
    reconcile()


def test_without_the_lock_of_restrictions_the_night_gives_to_one_being_excluded() -> None:
    post = night_that_has_allocated()

    with restrictions_without_lock():
        restriction = PlayerRestriction(player_id="alice", kind="SELF_EXCLUDED", source="x", starts_at=timezone.now())
        (counts,) = while_held_open(restriction.save, post)

    assert counts == {"APPROVED": 1}


def stake_all() -> None:
    make_player("alice")
    add_bonus_balance(
        player_id="alice", amount=20, wagering_requirement=Decimal(10), expiry=None, key="bonus", actor="tests"
    )
    place_bet(bet_id="b1", player_id="alice", stake=10, real_available=0, category="slots", actor="tests")


def settle() -> Bet:
    return settle_bet(bet_id="b1", payout=30, actor="tests")


@pytest.mark.parametrize(("first", "second", "real"), [(exclude, settle, 30), (settle, exclude, 20)])
def test_a_bet_that_settles_while_its_player_is_being_excluded_is_paid_once(first: Any, second: Any, real: int) -> None:
    """Settled first, ten come back to the bonus and twenty are real; excluded first, all thirty are real."""
    stake_all()

    while_held_open(first, second)

    bet = Bet.objects.get()
    assert (bet.status, bet.real_payout) == ("SETTLED", real)
    assert lots() == [(Decimal("0.00"), "CANCELLED")]
    reconcile()


def test_a_bet_placed_while_the_player_is_being_excluded_is_refused_and_the_bonus_ends() -> None:
    stake_all()

    def another() -> Bet:
        return place_bet(bet_id="b2", player_id="alice", stake=5, real_available=0, category="slots", actor="tests")

    (outcome,) = while_held_open(exclude, another)

    assert isinstance(outcome, PlayerRestrictedError)
    assert lots() == [(Decimal("0.00"), "CANCELLED")]
    assert LedgerEntry.objects.filter(transaction_type="BONUS_CANCELLED").count() == 1
