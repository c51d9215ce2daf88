"""The catalogue: what is on sale, and what one player could order of it now. It must agree with the order itself."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from core.errors import NotFoundError
from players.tests.factories import make_player, restrict
from rewards.redemption.catalogue import Offer, offers_for, options_on_sale
from rewards.tests.redemption.factories import make_option, make_saver, order
from wallet.tests.factories import AT, LATER, credit, spend

pytestmark = pytest.mark.django_db


def offers(player_id: str = "alice") -> dict[str, Offer]:
    found = offers_for(player_id, options=list(options_on_sale(at=AT)), at=AT)
    return {offer.option.code: offer for offer in found}


def reasons(code: str = "BONUS_10", player_id: str = "alice") -> list[str]:
    return [reason.code for reason in offers(player_id)[code].reasons]


def test_what_is_inactive_or_outside_its_dates_is_not_on_sale() -> None:
    make_option()
    make_option(code="OFF", is_active=False)
    make_option(code="EARLY", valid_from=AT + timedelta(days=1))
    make_option(code="LATE", valid_until=AT)

    assert [option.code for option in options_on_sale(at=AT)] == ["BONUS_10"]


def test_what_a_player_can_pay_and_may_have_can_be_ordered() -> None:
    make_saver()
    make_option()

    offer = offers()["BONUS_10"]

    assert (offer.can_order, offer.is_affordable, offer.ordered_by_player) == (True, True, 0)
    assert order().status == "FULFILLED"


def test_every_reason_is_told_with_its_figures() -> None:
    alice = make_saver(points="600.00")
    make_saver("bob")
    make_option(limit_per_player=1, stock=2)
    order(key="1")
    order(key="2", player_id="bob")
    make_option(code="GOLD_ONLY", minimum_tier_id="GOLD")
    restrict(alice)

    assert reasons() == ["order_limit_reached", "out_of_stock", "player_restricted", "insufficient_balance"]
    assert reasons("GOLD_ONLY") == ["tier_too_low", "player_restricted", "insufficient_balance"]
    short = offers()["GOLD_ONLY"].reasons[-1]
    assert short.message == "player alice can spend 100.00 RP, 500.00 is needed"


def test_points_that_expired_or_are_not_available_yet_do_not_count() -> None:
    make_player("alice")
    credit("alice", "400.00", currency="RP", key="1")
    credit("alice", "300.00", currency="RP", key="2", available_at=LATER)
    credit("alice", "300.00", currency="RP", key="3", expires_at=AT + timedelta(hours=1), at=AT - timedelta(days=2))
    make_option(cost=Decimal(701))

    assert reasons() == ["insufficient_balance"]
    assert "can spend 700.00 RP" in offers()["BONUS_10"].reasons[0].message


def test_points_that_have_become_available_since_count_as_they_do_for_the_order() -> None:
    make_player("alice")
    credit("alice", "500.00", currency="RP", available_at=AT - timedelta(hours=1), at=AT - timedelta(days=1))
    make_option()

    assert reasons() == []
    assert order().status == "FULFILLED"


def test_a_player_who_opted_out_sees_the_same_catalogue() -> None:
    restrict(make_saver(), "MARKETING_OPT_OUT")
    make_option()

    assert reasons() == []


def test_a_player_without_points_is_told_what_is_missing() -> None:
    make_player("alice")
    make_option()

    assert offers()["BONUS_10"].reasons[0].message == "player alice can spend 0.00 RP, 500.00 is needed"


def test_the_catalogue_and_the_order_agree_to_the_cent() -> None:
    make_saver()
    make_option(cost=Decimal("799.99"))
    spend("alice", "0.01", currency="RP")

    assert reasons() == []
    assert order().status == "FULFILLED"


def test_more_options_cost_no_more_queries() -> None:
    make_saver()
    make_option()
    with CaptureQueriesContext(connection) as few:
        offers()
    for number in range(20):
        make_option(code=f"OPTION_{number}")

    with CaptureQueriesContext(connection) as many:
        assert len(offers()) == 21

    assert len(many) == len(few)


def test_a_player_nobody_knows_is_refused() -> None:
    with pytest.raises(NotFoundError):
        offers("nobody")
