"""Points from stakes: each category's rate times the tier's multiplier, due by player and day, posted on demand."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any

import pytest
from django.test import override_settings

from core.errors import InvalidInputError, NotFoundError
from core.tests.threads import run_together, running, transaction_held_open, wait_until_somebody_waits_for_a_lock
from players.models import GameCategory, Player, PlayerDay, Tier
from players.tests.factories import make_day, make_measured, make_player
from wallet.accrual import Stake, accrue_points
from wallet.models import LedgerEntry, LoyaltyBalance, PostingRefusal
from wallet.play import flush_points, post_points_from_play
from wallet.reconciliation import reconcile
from wallet.tests.factories import AT, ON, balances, make_alice, make_bob, make_carol

pytestmark = pytest.mark.django_db


def stake(player_id: str, staked: Any, *, category: str = "slots", on: date = ON) -> Stake:
    return Stake(
        player_id=player_id,
        on=on,
        game_category=category,
        staked=Decimal(staked) if isinstance(staked, str) else staked,
    )


def set_rate(category: str, points_per_unit: str) -> None:
    GameCategory.objects.filter(code=category).update(lp_per_unit_staked=Decimal(points_per_unit))


def due() -> list[tuple[str, str, str]]:
    """Return player, day and points due of every day."""
    days = PlayerDay.objects.order_by("player_id", "on")
    return [(day.player_id, str(day.on), str(day.lp_due)) for day in days]


def make_gold(player: Player, multiplier: Any = "1.5") -> None:
    Tier.objects.filter(tier_level="GOLD").update(benefits={"lp_multiplier": multiplier})
    Player.objects.filter(pk=player.pk).update(tier="GOLD")


def test_stakes_earn_by_category_and_tier_and_are_due_by_player_and_day() -> None:
    set_rate("slots", "0.2")
    set_rate("blackjack", "0.01")
    make_alice()
    make_gold(make_bob())
    yesterday = ON - timedelta(days=1)

    risen = accrue_points(
        [
            stake("alice", "100.00"),
            stake("bob", "10.00"),
            stake("alice", "50.00", category="blackjack"),
            stake("alice", "30.00", on=yesterday),
            stake("alice", "2.50"),
        ],
        at=AT,
    )

    # 100 × 0.2 + 50 × 0.01 + 2.50 × 0.2; 30 × 0.2; 10 × 0.2 × 1.5.
    assert due() == [("alice", "2025-12-20", "6.00"), ("alice", "2025-12-21", "21.00"), ("bob", "2025-12-21", "3.00")]
    assert risen == 3


def test_a_second_batch_adds_to_the_day_and_leaves_its_other_columns_alone() -> None:
    make_day(make_alice(), wagered="700.00", won="650.00", bets=9, lp_due="1.00", lp_posted="1.00", wagered_accrued="5")
    before = PlayerDay.objects.values().get()

    accrue_points([stake("alice", "10.00")], at=AT)
    accrue_points([stake("alice", "20.00")], at=AT)

    assert PlayerDay.objects.values().get() == {**before, "lp_due": Decimal("4.00"), "is_lp_open": True}


def test_a_batch_is_summed_exactly_and_rounded_once() -> None:
    make_alice()

    # 0.004 + 0.005 = 0.009.
    accrue_points([stake("alice", "0.04"), stake("alice", "0.05")], at=AT)
    assert due() == [("alice", "2025-12-21", "0.01")]

    # 0.004, then 0.005 rounded up.
    accrue_points([stake("alice", "0.04")], at=AT)
    accrue_points([stake("alice", "0.05")], at=AT)
    assert due() == [("alice", "2025-12-21", "0.02")]


def test_stakes_that_earn_nothing_make_no_day() -> None:
    set_rate("slots", "0")
    make_alice()

    assert accrue_points([stake("alice", "100.00")], at=AT) == 0
    assert accrue_points([], at=AT) == 0
    assert due() == []


@pytest.mark.parametrize("benefits", [{}, {"lp_multiplier": 2}, {"lp_multiplier": "2"}, {"lp_multiplier": "0"}])
def test_the_multiplier_of_the_tier_holds_written_as_number_or_text(benefits: dict[str, Any]) -> None:
    Tier.objects.update(benefits=benefits)
    make_alice()

    accrue_points([stake("alice", "10.00")], at=AT)

    earned = {"2": "2.00", "0": None}.get(str(benefits.get("lp_multiplier")), "1.00")
    assert due() == ([("alice", "2025-12-21", earned)] if earned else [])


def test_a_player_whose_tier_has_no_row_earns_at_the_plain_rate() -> None:
    make_player("alice", tier="DIAMOND")

    accrue_points([stake("alice", "10.00")], at=AT)

    assert due() == [("alice", "2025-12-21", "1.00")]


@pytest.mark.parametrize(
    ("wrong", "error", "words"),
    [
        (stake("alice", "0"), InvalidInputError, "stakes[1].staked is 0"),
        (stake("alice", "-5.00"), InvalidInputError, "stakes[1].staked is -5.00"),
        (stake("alice", "NaN"), InvalidInputError, "stakes[1].staked is NaN"),
        (stake("alice", "Infinity"), InvalidInputError, "stakes[1].staked is Infinity"),
        (stake("alice", "0.001"), InvalidInputError, "at most two decimals"),
        (stake("alice", 1.5), InvalidInputError, "stakes[1].staked must be a decimal"),
        (stake("alice", "1.00", category="bingo"), NotFoundError, "there is no game category 'bingo'"),
        (stake("alice", "1.00", category=""), NotFoundError, "there is no game category ''"),
        (stake("mallory", "1.00"), NotFoundError, "there is no player 'mallory'"),
        (stake("alice", "1.00", on=ON + timedelta(days=1)), InvalidInputError, "stakes[1].on is 2025-12-22"),
    ],
)
def test_a_wrong_stake_is_named_and_the_whole_batch_refused(wrong: Stake, error: type[Exception], words: str) -> None:
    make_day(make_alice(), lp_due="1.00")

    with pytest.raises(error) as caught:
        accrue_points([stake("alice", "10.00"), wrong], at=AT)

    assert words in str(caught.value)
    assert due() == [("alice", "2025-12-21", "1.00")]


def test_more_points_than_can_be_stored_are_refused() -> None:
    set_rate("slots", "999")
    make_day(make_alice(), lp_due="1.00")

    with pytest.raises(InvalidInputError, match="cannot be stored"):
        accrue_points([stake("alice", "9999999999999999.99")], at=AT)

    assert due() == [("alice", "2025-12-21", "1.00")]


def test_today_is_the_day_of_the_business_zone() -> None:
    make_alice()
    late = datetime(2025, 12, 21, 23, 30, tzinfo=UTC)

    with pytest.raises(InvalidInputError):
        accrue_points([stake("alice", "10.00", on=date(2025, 12, 22))], at=late)
    with override_settings(TIME_ZONE="Europe/Malta"):
        accrue_points([stake("alice", "10.00", on=date(2025, 12, 22))], at=late)

    assert due() == [("alice", "2025-12-22", "1.00")]


def test_the_night_posts_what_a_feed_accrued_and_accrues_no_reported_day_again() -> None:
    games = {"slots": {"bets": 1, "wagered": "100.00", "won": "0.00"}}
    make_day(make_alice(), wagered="100.00", games=games)
    make_day(make_bob(), wagered="100.00")
    accrue_points([stake("alice", "100.00")], at=AT)

    for _ in range(2):
        post_points_from_play(at=AT, business_zone="UTC")

    assert balances("alice") == {"LP": "10.00"}
    assert not LoyaltyBalance.objects.filter(player_id="bob").exists()


def test_a_flush_posts_what_is_due_to_one_player_once() -> None:
    for player_id in ("alice", "alice2", "alicf", "al"):
        make_day(make_player(player_id), lp_due="5.00")

    assert flush_points(player_id="alice", at=AT) == {"days": 1, "openings": 0}
    assert flush_points(player_id="alice", at=AT) == {"days": 0, "openings": 0}

    assert {player.pk: balances(player.pk) for player in Player.objects.exclude(balance=None)} == {
        "alice": {"LP": "5.00"}
    }
    entry = LedgerEntry.objects.get()
    assert (entry.actor, entry.reference_id, entry.created_at) == ("live flush", "2025-12-21", AT)
    reconcile()


def test_a_flush_after_more_play_posts_the_difference_and_the_night_nothing_more() -> None:
    make_alice()
    accrue_points([stake("alice", "50.00")], at=AT)
    flush_points(player_id="alice", at=AT)
    accrue_points([stake("alice", "25.00")], at=AT)
    flush_points(player_id="alice", at=AT)

    assert post_points_from_play(at=AT, business_zone="UTC") == {"days": 0, "openings": 0}
    assert [str(entry.amount) for entry in LedgerEntry.objects.order_by("number")] == ["5.00", "2.50"]


def test_a_flush_credits_what_was_carried_over_too() -> None:
    make_measured("alice", opening_lp="1500.00")

    assert flush_points(player_id="alice", at=AT) == {"days": 0, "openings": 1}


def test_a_flush_of_carol_is_refused_with_evidence() -> None:
    make_day(make_carol(), lp_due="5.00")

    flush_points(player_id="carol", at=AT)

    assert balances("carol") == {}
    assert PostingRefusal.objects.get().reason == "RESTRICTED"


@pytest.mark.parametrize("player_id", ["mallory", ""])
def test_a_flush_of_nobody_is_refused_by_name(player_id: str) -> None:
    with pytest.raises(NotFoundError, match=f"there is no player '{player_id}'"):
        flush_points(player_id=player_id, at=AT)


@pytest.mark.django_db(transaction=True)
def test_batches_of_one_day_from_many_threads_are_all_counted() -> None:
    for player_id in ("alice", "bob"):
        make_player(player_id)

    def work(order: list[str]) -> None:
        for _ in range(5):
            accrue_points([stake(player_id, "10.00") for player_id in order], at=AT)

    outcomes = run_together(*[partial(work, order) for order in (["alice", "bob"], ["bob", "alice"]) * 3])

    assert outcomes == [None] * 6
    # Six threads, five batches each, a point a batch.
    assert due() == [("alice", "2025-12-21", "30.00"), ("bob", "2025-12-21", "30.00")]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    "other",
    [partial(flush_points, player_id="alice", at=AT), partial(post_points_from_play, at=AT, business_zone="UTC")],
)
def test_points_that_come_while_somebody_waits_to_post_are_posted_once(other: Callable[[], Any]) -> None:
    make_day(make_alice(), lp_due="5.00")

    def accrue_and_flush() -> None:
        accrue_points([stake("alice", "20.00")], at=AT)
        flush_points(player_id="alice", at=AT)

    with transaction_held_open(accrue_and_flush) as commit, running(other) as outcomes:
        wait_until_somebody_waits_for_a_lock()
        commit()

    assert outcomes == [{"days": 0, "openings": 0}]
    assert balances("alice") == {"LP": "7.00"}
    reconcile()
