"""Expiry by inactivity: the whole balance of who has neither played nor been credited, and of nobody else."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import partial

import pytest

from core.policies import save_policy
from core.runs import KeyRange
from core.tests.threads import running, transaction_held_open, wait_until_somebody_waits_for_a_lock
from players.models import Player
from players.tests.factories import make_day, make_player, restrict
from wallet.expiry import expire_bonuses
from wallet.models import LedgerEntry, Lot, PostingRefusal
from wallet.play import post_points_from_play
from wallet.reconciliation import reconcile
from wallet.tests.factories import balances, credit, make_alice, make_bob, remaining, spend

pytestmark = pytest.mark.django_db

CREDITED_AT = datetime(2025, 12, 21, 12, tzinfo=UTC)
ACTIVE_AT = datetime(2026, 1, 3, 20, tzinfo=UTC)
# Three months: the balance is kept to the end of 3 April.
LAST_NIGHT_KEPT = datetime(2026, 4, 3, 23, 59, tzinfo=UTC)
NIGHT = datetime(2026, 4, 4, 0, 0, tzinfo=UTC)


def expire_by_inactivity(prefix: str = "LP", months: int = 3) -> None:
    save_policy(name=f"{prefix}_EXPIRY", value="INACTIVITY", saved_by=None)
    save_policy(name=f"{prefix}_INACTIVITY_MONTHS", value=str(months), saved_by=None)


def active_on(player: Player, at: datetime | None) -> Player:
    Player.objects.filter(pk=player.pk).update(last_activity_at=at)
    return player


def make_idle_alice() -> Player:
    """Return alice with 10.00 loyalty points of 21 December, last active on 3 January."""
    alice = active_on(make_alice(), ACTIVE_AT)
    credit("alice", "10.00", at=CREDITED_AT)
    return alice


def test_a_balance_expires_the_day_after_the_last_one_kept_and_the_entry_says_why() -> None:
    expire_by_inactivity()
    make_idle_alice()

    assert expire_bonuses(at=LAST_NIGHT_KEPT) == 0
    assert expire_bonuses(at=NIGHT, run_id=7) == 1

    assert balances("alice") == {}
    entry = LedgerEntry.objects.get(number=2)
    assert (entry.transaction_type, str(entry.amount), entry.actor) == ("LP_EXPIRED", "-10.00", "expiry")
    assert entry.description == "Expired: no activity since 2026-01-03"
    assert remaining("alice") == [("0.00", "EXPIRED")]
    reconcile()


def test_expiring_again_posts_nothing() -> None:
    expire_by_inactivity()
    make_idle_alice()
    expire_bonuses(at=NIGHT)

    assert expire_bonuses(at=NIGHT) == 0
    assert LedgerEntry.objects.count() == 2
    assert not PostingRefusal.objects.exists()


def test_the_whole_balance_of_the_currency_expires_and_no_other() -> None:
    expire_by_inactivity()
    make_idle_alice()
    credit("alice", "5.00", key="own time", at=CREDITED_AT, expires_at=NIGHT + timedelta(days=400))
    credit("alice", "2.00", key="waiting", at=CREDITED_AT, available_at=NIGHT + timedelta(days=5))
    credit("alice", "3.00", key="rp", at=CREDITED_AT, currency="RP")
    credit("alice", "4.00", key="bonus", at=CREDITED_AT, currency="BONUS")
    spend("alice", "6.00", at=CREDITED_AT)

    # 5.00 and 1.00 of 10.00 are spent; 9.00 and 2.00 remain, in two lots.
    assert expire_bonuses(at=NIGHT) == 2

    assert balances("alice") == {"RP": "3.00", "BONUS": "4.00"}
    reconcile()


def test_reward_points_have_a_policy_of_their_own() -> None:
    expire_by_inactivity("RP")
    make_idle_alice()
    credit("alice", "3.00", key="rp", at=CREDITED_AT, currency="RP")

    assert expire_bonuses(at=NIGHT) == 1
    assert balances("alice") == {"LP": "10.00"}


def test_both_currencies_can_expire_in_one_night() -> None:
    expire_by_inactivity("LP")
    expire_by_inactivity("RP", months=1)
    make_idle_alice()
    credit("alice", "3.00", key="rp", at=CREDITED_AT, currency="RP")

    assert expire_bonuses(at=NIGHT) == 2
    assert balances("alice") == {}
    reconcile()


def test_late_activity_before_the_night_saves_the_points() -> None:
    expire_by_inactivity()
    active_on(make_idle_alice(), NIGHT - timedelta(minutes=1))

    assert expire_bonuses(at=NIGHT) == 0
    assert balances("alice") == {"LP": "10.00"}


def test_a_credit_since_then_saves_the_points() -> None:
    expire_by_inactivity()
    make_idle_alice()
    credit("alice", "1.00", key="later", at=datetime(2026, 1, 4, tzinfo=UTC))

    assert expire_bonuses(at=NIGHT) == 0
    assert expire_bonuses(at=NIGHT + timedelta(days=1)) == 2
    assert LedgerEntry.objects.latest("number").description == "Expired: no activity since 2026-01-04"


def test_a_credit_of_another_currency_saves_nothing() -> None:
    expire_by_inactivity()
    make_idle_alice()
    credit("alice", "1.00", key="later", currency="RP", at=NIGHT - timedelta(days=1))

    assert expire_bonuses(at=NIGHT) == 1
    assert balances("alice") == {"RP": "1.00"}


def test_a_spend_is_no_credit() -> None:
    expire_by_inactivity()
    make_idle_alice()
    spend("alice", "4.00", at=NIGHT - timedelta(days=1))

    assert expire_bonuses(at=NIGHT) == 1
    assert balances("alice") == {}


def test_points_from_play_that_the_night_posts_save_a_lot_they_share() -> None:
    expire_by_inactivity()
    alice = make_alice()
    make_day(alice, date(2025, 12, 20), lp_due="5.00")
    post_points_from_play(at=CREDITED_AT, business_zone="UTC")
    make_day(alice, date(2025, 12, 21), lp_due="2.00")
    post_points_from_play(at=NIGHT, business_zone="UTC")

    assert expire_bonuses(at=NIGHT) == 0
    assert Lot.objects.count() == 1
    assert balances("alice") == {"LP": "7.00"}


def test_points_from_play_share_a_lot_again_after_inactivity_took_the_first() -> None:
    expire_by_inactivity()
    alice = make_alice()
    make_day(alice, date(2025, 12, 20), lp_due="5.00")
    post_points_from_play(at=CREDITED_AT, business_zone="UTC")
    expire_bonuses(at=NIGHT)

    for number in range(1, 4):
        make_day(alice, date(2026, 4, number), lp_due="1.00")
        post_points_from_play(at=NIGHT + timedelta(days=number), business_zone="UTC")

    lots = Lot.objects.order_by("id").values_list("share_key", "amount")
    assert [(key, str(amount)) for key, amount in lots] == [("play:never", "5.00"), ("play:never:1", "3.00")]
    assert balances("alice") == {"LP": "3.00"}
    reconcile()


def test_where_no_activity_is_known_the_last_credit_counts() -> None:
    expire_by_inactivity()
    make_bob()
    credit("bob", "10.00", at=CREDITED_AT)

    assert expire_bonuses(at=datetime(2026, 3, 21, 23, tzinfo=UTC)) == 0
    assert expire_bonuses(at=datetime(2026, 3, 22, tzinfo=UTC)) == 1
    assert LedgerEntry.objects.latest("number").description == "Expired: no activity since 2025-12-21"


def test_a_lot_whose_time_has_passed_expires_once() -> None:
    expire_by_inactivity()
    make_idle_alice()
    credit("alice", "5.00", key="own time", at=CREDITED_AT, expires_at=NIGHT)

    assert expire_bonuses(at=NIGHT) == 2

    entries = LedgerEntry.objects.filter(amount__lt=0).order_by("number").values_list("description", "amount")
    assert [(text, str(amount)) for text, amount in entries] == [
        ("Expired", "-5.00"),
        ("Expired: no activity since 2026-01-03", "-10.00"),
    ]


@pytest.mark.parametrize("kind", ["NEVER", "MONTHS", "FIXED_DATE"])
def test_without_the_policy_inactivity_takes_nothing(kind: str) -> None:
    save_policy(name="LP_EXPIRY", value=kind, saved_by=None)
    make_idle_alice()

    assert expire_bonuses(at=NIGHT + timedelta(days=4000)) == 0


def test_a_restricted_players_points_expire_and_are_marked() -> None:
    expire_by_inactivity()
    carol = make_player("carol")
    credit("carol", "10.00", at=CREDITED_AT)
    restrict(carol)

    assert expire_bonuses(at=NIGHT) == 1
    assert LedgerEntry.objects.latest("number").metadata == {"restricted": "SELF_EXCLUDED"}


def test_a_range_of_players_leaves_the_others_alone() -> None:
    expire_by_inactivity()
    make_idle_alice()
    make_bob()
    credit("bob", "1.00", key="b", at=CREDITED_AT)

    assert expire_bonuses(at=NIGHT, keys=KeyRange(lower="b")) == 1
    assert (balances("alice"), balances("bob")) == ({"LP": "10.00"}, {})


@pytest.mark.django_db(transaction=True)
def test_activity_that_arrives_while_the_night_waits_saves_the_points() -> None:
    expire_by_inactivity()
    alice = make_idle_alice()

    with (
        transaction_held_open(partial(active_on, alice, NIGHT - timedelta(minutes=1))) as commit,
        running(partial(expire_bonuses, at=NIGHT)) as outcomes,
    ):
        wait_until_somebody_waits_for_a_lock()
        commit()

    assert outcomes == [0]
    assert balances("alice") == {"LP": "10.00"}
    reconcile()


@pytest.mark.django_db(transaction=True)
def test_activity_that_arrives_after_the_night_chose_comes_too_late() -> None:
    expire_by_inactivity()
    alice = make_idle_alice()

    with (
        transaction_held_open(partial(expire_bonuses, at=NIGHT)) as commit,
        running(partial(active_on, alice, NIGHT)) as outcomes,
    ):
        wait_until_somebody_waits_for_a_lock()
        commit()

    assert outcomes == [alice]
    assert balances("alice") == {}
    reconcile()
