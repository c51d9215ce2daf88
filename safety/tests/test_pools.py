"""Caps of groups: tighter ones per player, and those that all share, which no two at once overspend."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from decimal import Decimal
from functools import partial
from typing import Any
from unittest import mock

import pytest
from django.utils import timezone

from core.errors import InvalidInputError, NotFoundError
from core.tests.threads import while_held_open
from players.tests.factories import ON, restrict
from rewards.live import apply_reward
from rewards.models import RewardRule
from rewards.rules import active_rules
from rewards.simulation.simulating import simulate
from rewards.tests.factories import allocate, decision, evaluate, issue, make_player, make_rule, verdicts
from safety.cap_editing import save_cap
from safety.caps import check_reward_caps
from safety.credit_checks import CapExceededError
from safety.grants import credit_bonus
from safety.models import RewardCap, RewardCapChange, SafetyViolation
from safety.pools import active_pools, pool_room, recount_pools
from wallet.corrections import reverse_operation
from wallet.models import Lot

pytestmark = pytest.mark.django_db


def cap(value: str, *, kind: str = "POOL", window: str = "DAY", **group: Any) -> RewardCap:
    return save_cap(kind=kind, window=window, value=Decimal(value), reason="a test", changed_by=None, **group)


def give(amount: str, *, player_id: str = "alice", key: str = "") -> Any:
    return credit_bonus(
        player_id=player_id,
        amount=amount,
        wagering_requirement=Decimal(0),
        expiry=None,
        key=key or f"{player_id} {amount}",
        actor="staff",
    )


def left(on: Any = None) -> list[str]:
    return [str(pool_room(pool, on=on or timezone.localdate()).left) for pool in active_pools()]


def test_of_the_caps_that_hold_for_a_player_the_tightest_counts_and_is_named() -> None:
    make_player()
    cap("40", kind="PER_PLAYER", segment="LOSING")
    cap("15", kind="PER_PLAYER", tier="BRONZE", window="WEEK")
    cap("1", kind="PER_PLAYER", segment="VIP")
    make_rule("FIRST", priority=2)
    make_rule("SECOND", priority=1)

    assert check_reward_caps(player_id="alice", reward_type="BONUS_BALANCE", on=ON) == Decimal("15.00")
    evaluate()

    assert verdicts() == {"FIRST": "APPROVED", "SECOND": "REDUCED"}
    cut = {"code": "CAP_CUT", "room": 5.0, "from": 10.0, "to": 5.0, "cap": "week of tier BRONZE"}
    assert decision(rule_id="SECOND").reasons == [cut]


def test_a_cap_of_a_group_holds_under_the_lock_as_well() -> None:
    make_player()
    cap("15", kind="PER_PLAYER", segment="LOSING", window="MONTH")
    make_rule()
    run = allocate(timezone.localdate())
    give("8.00")

    issue(run)

    assert verdicts() == {"GIFT": "REJECTED CAP"}


def test_what_everybody_shares_is_given_in_priority_order_and_the_rest_refused_with_figures() -> None:
    for name in ("alice", "bob", "dora"):
        make_player(name)
    cap("45.00")
    make_rule("FIRST", priority=2)
    make_rule("SECOND", priority=1)

    evaluate()

    found = [verdict for name in ("alice", "bob", "dora") for verdict in verdicts(name).values()]
    assert sorted(found) == ["APPROVED"] * 4 + ["REJECTED POOL_CAP"] * 2
    assert [verdicts(name)["FIRST"] for name in ("alice", "bob", "dora")] == ["APPROVED"] * 3
    refused = SafetyViolation.objects.filter(code="POOL_CAP").first()
    assert refused is not None
    assert refused.figures == {"code": "POOL_CAP", "pool": "everybody", "window": "day", "limit": 45.0, "room": 45.0}
    assert left(ON) == ["5.00"]


def test_what_a_segment_may_not_have_is_left_for_the_others() -> None:
    make_player("alice")
    make_player("bob", segment="NEW")
    cap("5.00", segment="LOSING")
    cap("10.00", window="WEEK")
    make_rule()

    evaluate()

    assert (verdicts("alice"), verdicts("bob")) == ({"GIFT": "REJECTED POOL_CAP"}, {"GIFT": "APPROVED"})


def test_a_simulation_tells_what_a_shared_cap_would_refuse_and_takes_nothing_of_it() -> None:
    make_player("alice")
    make_player("bob")
    cap("10.00")
    make_rule()

    today = timezone.localdate()

    found = simulate(active_rules(on=today), on=today, at=timezone.now())

    assert found.total.money_value == Decimal("10.00")
    assert "POOL_CAP" in {refusal.reason for refusal in found.refusals}
    assert left(today) == ["10.00"]


def test_what_is_refused_at_posting_goes_back_to_the_pool() -> None:
    alice = make_player("alice")
    make_player("bob")
    cap("20.00")
    make_rule()
    run = allocate()
    assert left(ON) == ["0.00"]
    restrict(alice)

    issue(run)

    assert left(ON) == ["10.00"]


def test_a_reversal_frees_the_pool_under_the_segment_it_was_counted_by() -> None:
    alice = make_player("alice")
    cap("100.00", segment="LOSING")
    posted = give("60.00")
    assert left() == ["40.00"]
    type(alice).objects.filter(pk="alice").update(segment="VIP")

    reverse_operation(operation_id=posted.operation_id, reason="a mistake", key="undo", actor="finance")

    assert left() == ["100.00"]


def test_a_credit_by_hand_beyond_a_shared_cap_is_refused_and_listed() -> None:
    make_player("alice")
    make_player("bob")
    cap("100.00", window="MONTH")
    give("60.00")

    with pytest.raises(CapExceededError, match=r"everybody together may be granted 40\.00 more of 100\.00 per month"):
        give("60.00", player_id="bob")

    listed = SafetyViolation.objects.get()
    assert (listed.player_id, listed.code, listed.path, listed.actor) == ("bob", "POOL_CAP", "SERVICE", "staff")
    assert (listed.figures["room"], listed.amount) == ("40.00", Decimal("60.00"))


def test_a_pool_that_begins_knows_what_was_granted_before() -> None:
    make_player("alice")
    give("60.00")

    cap("100.00")

    assert left() == ["40.00"]
    recount_pools(active_pools(), since=timezone.localdate() - timedelta(days=40))
    assert left() == ["40.00"]


def test_every_change_of_a_cap_is_kept_with_its_reason() -> None:
    cap("100.00")
    cap("80.00", is_active=False)

    changes = RewardCapChange.objects.order_by("id").values_list("value_before", "value_after", "is_active", "reason")
    hundred, eighty = Decimal("100.00"), Decimal("80.00")
    assert list(changes) == [(None, hundred, True, "a test"), (hundred, eighty, False, "a test")]
    assert active_pools() == []


@pytest.mark.parametrize(
    ("asked", "error", "said"),
    [
        ({"value": "-1"}, InvalidInputError, "value is -1"),
        ({"value": "1", "window": "YEAR"}, InvalidInputError, "window is 'YEAR'"),
        ({"value": "1", "segment": "WHALE"}, InvalidInputError, "segment is 'WHALE'"),
        ({"value": "1", "tier": "TIN"}, NotFoundError, "there is no tier 'TIN'"),
        ({"value": "1", "segment": "VIP", "tier": "GOLD"}, InvalidInputError, "holds for one group"),
        ({"value": "1", "kind": "PER_PLAYER"}, InvalidInputError, "needs a segment or a tier"),
    ],
)
def test_what_can_be_no_cap_is_refused(asked: dict[str, Any], error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        cap(**asked)

    assert not RewardCap.objects.exists()


@contextmanager
def no_lock() -> Iterator[None]:
    """Take the lock of the pools away."""
    with (
        mock.patch("safety.pools.lock_pools"),
        mock.patch("rewards.pooling.lock_pools"),
        mock.patch("rewards.live.lock_pools"),
    ):
        yield


def credit_both_at_once() -> int:
    """Return how many of two credits of 600, to two players who share 1000, came through."""
    make_player("alice")
    make_player("bob")
    cap("1000.00")
    while_held_open(partial(give, "600.00"), partial(give, "600.00", player_id="bob"))
    return Lot.objects.filter(promotional_value=600).count()


@pytest.mark.django_db(transaction=True)
def test_two_credits_at_once_cannot_both_take_the_last_of_a_pool() -> None:
    assert credit_both_at_once() == 1


@pytest.mark.django_db(transaction=True)
def test_without_the_lock_two_credits_at_once_overspend_a_pool() -> None:
    with no_lock():
        assert credit_both_at_once() == 2


def reward_beside_a_credit() -> int:
    """Return how many came through of a rule's 600 for alice and 600 by hand for bob, who share 1000."""
    make_player("alice", total_wagered=Decimal(10**6))
    make_player("bob")
    cap("1000.00")
    make_rule(reward={"amount": 600})
    rule = RewardRule.objects.get()
    reward = partial(apply_reward, player_id="alice", rule=rule, on=timezone.localdate())
    while_held_open(lambda: reward() and None, partial(give, "600.00", player_id="bob"))
    return Lot.objects.filter(promotional_value=600).count()


@pytest.mark.django_db(transaction=True)
def test_a_rule_and_a_credit_at_once_cannot_both_take_the_last_of_a_pool() -> None:
    assert reward_beside_a_credit() == 1


@pytest.mark.django_db(transaction=True)
def test_without_the_lock_a_rule_and_a_credit_at_once_overspend_a_pool() -> None:
    with no_lock():
        assert reward_beside_a_credit() == 2
