"""Ordering from the catalogue: one operation, every refusal with its figures, nothing written by a refusal."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from functools import partial
from typing import Any

import pytest

from core.errors import InvalidInputError, LoyaltyError, NotFoundError
from core.models import OutboxEvent, PolicyValue
from core.policies import save_policy
from core.tests.threads import while_held_open
from players.tests.factories import make_player, restrict
from rewards.models import RedemptionOption, RedemptionOrder
from rewards.redemption.cancelling import cancel_order
from rewards.redemption.catalogue import offers_for
from rewards.redemption.obstacles import (
    OptionInactiveError,
    OptionNotOnSaleError,
    OrderLimitReachedError,
    OutOfStockError,
    TierTooLowError,
)
from rewards.tests.redemption.factories import lot_of, make_option, make_saver, order
from safety.cap_editing import save_cap
from safety.caps import check_reward_caps
from safety.credit_checks import CapExceededError
from safety.models import SafetyViolation
from wallet.ledger import IdempotencyKeyReusedError, InsufficientBalanceError, PlayerRestrictedError
from wallet.models import LedgerEntry, Lot, LoyaltyBalance, Operation, PostingRefusal
from wallet.points import add_loyalty_points
from wallet.reconciliation import reconcile
from wallet.tests.factories import AT, ON, balances, credit, remaining, statement

pytestmark = pytest.mark.django_db


def refused(error: type[LoyaltyError], **options: Any) -> LoyaltyError:
    """Return the refusal of an order that must leave everything as it was."""
    before = (Operation.objects.count(), list(Lot.objects.order_by("id").values_list("remaining")))
    with pytest.raises(error) as caught:
        order(**options)
    assert (Operation.objects.count(), list(Lot.objects.order_by("id").values_list("remaining"))) == before
    assert not RedemptionOrder.objects.filter(key="order").exists()
    assert not OutboxEvent.objects.filter(topic__startswith="redemption").exclude(key__contains="earlier").exists()
    return caught.value


def test_points_buy_bonus_money_in_one_operation() -> None:
    make_saver()
    make_option()

    done = order()

    assert statement("alice")[2:] == [
        (3, "RP", "-500.00", "800.00", "300.00"),
        (4, "BONUS", "10.00", "0.00", "10.00"),
    ]
    assert remaining("alice") == [("0.00", "ACTIVE"), ("300.00", "ACTIVE"), ("10.00", "ACTIVE")]
    paid, given = LedgerEntry.objects.filter(operation_id=done.operation_id).order_by("number")
    assert (paid.transaction_type, given.transaction_type) == ("RP_REDEEMED", "BONUS_ISSUED")
    assert (paid.description, paid.reference_id, paid.actor) == ("10.00 of bonus money", "BONUS_10", "tests")
    reconcile()


def test_the_bonus_has_the_options_terms() -> None:
    make_saver()
    make_option()

    lot = lot_of(order())

    assert (lot.kind, lot.status, lot.takes_turn) == ("REDEMPTION", "ACTIVE", True)
    assert (lot.wagering_required, lot.max_bet, lot.max_conversion) == (Decimal(50), Decimal(2), Decimal(100))
    assert (lot.eligible_games, lot.expires_at) == (["slots"], AT + timedelta(hours=72))


def test_the_order_keeps_what_was_paid_and_given_when_the_option_changes() -> None:
    make_saver()
    option = make_option()
    done = order()

    option.name, option.cost, option.amount = "Dearer", Decimal(900), Decimal(5)
    option.save()

    done.refresh_from_db()
    assert (done.option_name, done.cost, done.cost_currency) == ("10.00 of bonus money", Decimal(500), "RP")
    assert (done.gives, done.amount, done.terms["wagering_requirement"]) == ("BONUS", Decimal(10), "5.00")
    assert (done.terms["expiry_hours"], done.terms["eligible_games"]) == (72, ["slots"])


def test_bonus_and_tickets_are_fulfilled_at_once_and_a_benefit_waits() -> None:
    make_saver(points="1500.00")
    for gives in ("BONUS", "TICKETS", "BENEFIT"):
        make_option(gives)

    statuses = {code: order(code, key=code).status for code in ("BONUS_10", "TICKETS_3", "DINNER")}

    assert statuses == {"BONUS_10": "FULFILLED", "TICKETS_3": "FULFILLED", "DINNER": "ORDERED"}
    assert balances("alice") == {"BONUS": "10.00", "TICKETS": "3"}


def test_tickets_come_with_their_expiry() -> None:
    make_saver()
    make_option("TICKETS")

    lot = lot_of(order("TICKETS_3"))

    assert (lot.currency_type, lot.amount, lot.kind) == ("TICKETS", Decimal(3), "REDEMPTION")
    assert lot.expires_at == AT + timedelta(hours=240)


def test_a_benefit_costs_points_and_credits_nothing() -> None:
    make_saver(currency="LP")
    make_option("BENEFIT", cost_currency="LP")

    done = order("DINNER")

    assert (done.lot_id, done.amount, done.terms) == (None, None, {})
    assert LedgerEntry.objects.get(operation_id=done.operation_id).transaction_type == "LP_REDEEMED"
    assert balances("alice") == {"LP": "300.00"}


def test_loyalty_points_that_are_redeemed_cost_no_tier() -> None:
    make_player("alice", tier="GOLD")
    add_loyalty_points(player_id="alice", amount="600", source="Play", key="lp", actor="tests", at=AT)
    make_option(cost_currency="LP")

    order()

    assert LoyaltyBalance.objects.get(player_id="alice").lp_earned == Decimal(600)


def test_what_is_redeemed_at_the_worth_of_its_points_counts_towards_no_cap() -> None:
    make_saver()
    make_option(amount=Decimal("5.00"))
    room = check_reward_caps(player_id="alice", on=ON)

    order()

    assert check_reward_caps(player_id="alice", on=ON) == room
    assert room > 0


def test_two_bonuses_wait_for_each_other_where_the_policy_says_so() -> None:
    make_saver(points="1100.00")
    make_option()
    order(key="first")

    assert lot_of(order(key="second")).status == "PENDING"


def test_two_bonuses_run_side_by_side_where_the_policy_says_so() -> None:
    PolicyValue.objects.create(name="BONUS_TURNS", value="PARALLEL")
    make_saver(points="1100.00")
    make_option()
    order(key="first")

    assert lot_of(order(key="second")).status == "ACTIVE"


def test_the_same_key_again_is_the_same_order() -> None:
    make_saver(points="1100.00")
    option = make_option()
    first = order()
    RedemptionOption.objects.filter(pk=option.pk).update(is_active=False, cost=Decimal(1))

    again = order()

    assert (again.pk, again.is_replay, first.is_replay) == (first.pk, True, False)
    assert balances("alice") == {"RP": "600.00", "BONUS": "10.00"}
    assert RedemptionOption.objects.get().ordered == 1


def test_the_same_key_for_another_option_is_refused() -> None:
    make_saver(points="1100.00")
    make_option()
    make_option("TICKETS")
    order()

    with pytest.raises(IdempotencyKeyReusedError, match="already used by player alice to order BONUS_10"):
        order("TICKETS_3")

    assert balances("alice") == {"RP": "600.00", "BONUS": "10.00"}


def test_the_same_key_for_another_player_is_refused() -> None:
    make_saver()
    make_saver("bob")
    make_option()
    order()

    with pytest.raises(IdempotencyKeyReusedError):
        order(player_id="bob")

    assert balances("bob") == {"RP": "800.00"}


def test_a_key_of_another_operation_is_refused() -> None:
    make_saver()
    make_option()

    refused(IdempotencyKeyReusedError, key="alice:1")


def test_too_few_points_are_refused_with_both_figures() -> None:
    make_saver(points="499.99")
    make_option()

    error = refused(InsufficientBalanceError)

    assert error.message == "player alice can spend 499.99 RP, 500.00 was asked for"


def test_an_option_taken_out_of_the_catalogue_is_refused() -> None:
    make_saver()
    make_option(is_active=False)

    assert refused(OptionInactiveError).message == "BONUS_10 is not in the catalogue at present"


@pytest.mark.parametrize(
    ("dates", "words"),
    [
        ({"valid_from": AT + timedelta(seconds=1)}, "can be ordered from 2025-12-21T12:00:01+00:00 on"),
        ({"valid_until": AT}, "could be ordered until 2025-12-21T12:00:00+00:00"),
    ],
)
def test_outside_its_dates_an_option_is_refused(dates: dict[str, Any], words: str) -> None:
    make_saver()
    make_option(**dates)

    assert words in refused(OptionNotOnSaleError).message


def test_the_first_moment_belongs_to_the_sale() -> None:
    make_saver()
    make_option(valid_from=AT, valid_until=AT + timedelta(seconds=1))

    assert order().status == "FULFILLED"


def test_a_tier_below_the_minimum_is_refused_with_both_tiers() -> None:
    make_saver()
    make_option(minimum_tier_id="GOLD")

    error = refused(TierTooLowError)

    assert error.message == "BONUS_10 is for GOLD and higher, player alice is SILVER"
    assert error.details == {"option_code": "BONUS_10", "minimum_tier": "GOLD", "tier": "SILVER"}


@pytest.mark.parametrize("tier", ["GOLD", "PLATINUM"])
def test_the_minimum_tier_and_those_above_may_order(tier: str) -> None:
    make_saver(tier=tier)
    make_option(minimum_tier_id="GOLD")

    assert order().status == "FULFILLED"


def test_a_tier_that_no_row_knows_reaches_no_minimum() -> None:
    make_saver(tier="LEGEND")
    make_option(minimum_tier_id="BRONZE")

    refused(TierTooLowError)


def test_more_than_one_player_may_have_is_refused_with_the_figures() -> None:
    make_saver(points="1100.00")
    make_option(limit_per_player=1)
    order(key="earlier")
    OutboxEvent.objects.all().delete()

    error = refused(OrderLimitReachedError)

    assert error.message == "player alice has 1 of BONUS_10 already: one player may have 1"
    assert (error.details["limit_per_player"], error.details["ordered"]) == (1, 1)


def test_the_limit_is_each_players_own() -> None:
    make_saver()
    make_saver("bob")
    make_option(limit_per_player=1)
    order()

    assert order(player_id="bob", key="bob").status == "FULFILLED"


def test_what_is_out_of_stock_is_refused_with_the_figures() -> None:
    make_saver()
    make_saver("bob")
    make_option(stock=1)
    order(player_id="bob", key="bob")
    OutboxEvent.objects.all().delete()

    error = refused(OutOfStockError)

    assert error.message == "BONUS_10 is out of stock: all 1 are ordered"
    assert (error.details["stock"], error.details["ordered"]) == (1, 1)


@pytest.mark.parametrize("gives", ["BONUS", "TICKETS", "BENEFIT"])
@pytest.mark.parametrize("kind", ["SELF_EXCLUDED", "COOL_OFF", "RG_HARM", "BLOCKED"])
def test_a_restricted_player_orders_nothing_and_the_refusal_is_kept(gives: str, kind: str) -> None:
    alice = make_saver()
    option = make_option(gives)
    restrict(alice, kind)

    refused(PlayerRestrictedError, option_code=option.code)

    kept = PostingRefusal.objects.get()
    assert (kept.player_id, kept.reason, kept.details["restriction"]) == ("alice", "RESTRICTED", kind)
    assert RedemptionOption.objects.get().ordered == 0


def test_a_player_who_opted_out_of_offers_may_redeem() -> None:
    restrict(make_saver(), "MARKETING_OPT_OUT")
    make_option()

    assert order().status == "FULFILLED"


def test_an_option_or_a_player_nobody_knows_is_refused_by_name() -> None:
    make_saver()
    make_option()

    assert refused(NotFoundError, option_code="NOTHING").message == "there is no redemption option 'NOTHING'"
    assert refused(NotFoundError, player_id="nobody").message == "there is no player 'nobody'"


@pytest.mark.parametrize("key", ["", "x" * 201, "a\x00"])
def test_a_key_that_cannot_be_stored_is_refused(key: str) -> None:
    make_saver()
    make_option()

    refused(InvalidInputError, key=key)


def test_integrators_hear_of_the_order_and_of_its_fulfilment() -> None:
    make_saver(points="1300.00")
    make_option()
    make_option("BENEFIT")
    bonus, dinner = order(key="bonus"), order("DINNER", key="dinner")

    heard = [(event.topic, event.payload["order_id"]) for event in OutboxEvent.objects.order_by("id")]

    assert heard == [
        ("redemption.ordered", bonus.pk),
        ("redemption.fulfilled", bonus.pk),
        ("redemption.ordered", dinner.pk),
    ]
    payload = OutboxEvent.objects.earliest("id").payload
    assert (payload["player_id"], payload["option_code"], payload["cost"]) == ("alice", "BONUS_10", "500.00")
    assert (payload["gives"], payload["amount"], payload["lot_id"]) == ("BONUS", "10.00", bonus.lot_id)


# ── what is given beyond the worth of the points ──


def test_what_an_option_gives_beyond_its_points_counts_towards_caps_and_margin() -> None:
    make_saver()
    # 500 RP are worth 5.00. Of 10.00 of bonus money, five times on slots, 7.50 are expected to remain.
    make_option()

    done = order()

    lot = lot_of(done)
    assert (lot.promotional_value, lot.expected_cost) == (Decimal("5.00"), Decimal("2.50"))
    assert check_reward_caps(player_id="alice", on=ON) == Decimal("995.00")
    cancel_order(order_id=done.pk, reason="changed their mind", key="cancel", actor="tests", at=AT)
    assert check_reward_caps(player_id="alice", on=ON) == Decimal("1000.00")


def test_an_order_beyond_a_cap_is_refused_listed_and_told_in_the_catalogue() -> None:
    make_saver()
    option = make_option()
    save_policy(name="MAX_DAILY_REWARD_PER_PLAYER", value="4.99", saved_by=None)

    error = refused(CapExceededError)

    assert error.details == {"player_id": "alice", "room": "4.99", "value": "5.00"}
    violation = SafetyViolation.objects.get()
    assert (violation.code, violation.operation_key, violation.actor) == ("CAP", "order", "tests")
    [offer] = offers_for("alice", options=[option], at=AT)
    assert [reason.code for reason in offer.reasons] == ["cap_exceeded"]


def test_a_shared_cap_counts_the_surplus_of_orders_and_frees_it() -> None:
    make_saver()
    make_option()
    save_cap(kind="POOL", window="DAY", value=Decimal("5.00"), reason="test", changed_by=None)
    done = order()

    refused_again = refused_by_pool("again")
    cancel_order(order_id=done.pk, reason="changed their mind", key="cancel", actor="tests", at=AT)

    assert refused_again.details["room"] == "0.00"
    order(key="then")


def refused_by_pool(key: str) -> LoyaltyError:
    credit("alice", "500.00", currency="RP", key=key)
    with pytest.raises(CapExceededError) as caught:
        order(key=key)
    return caught.value


@pytest.mark.django_db(transaction=True)
def test_two_orders_at_once_do_not_both_take_the_last_of_a_cap() -> None:
    make_saver(points="1300.00")
    make_option()
    save_policy(name="MAX_DAILY_REWARD_PER_PLAYER", value="9.00", saved_by=None)

    def second() -> None:
        with pytest.raises(CapExceededError):
            order(key="second")

    while_held_open(partial(order, key="first"), second)

    assert check_reward_caps(player_id="alice", on=ON) == Decimal("4.00")
