"""Points from play: what is due and not yet posted is posted, once; what was refused is kept as refused."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db.models import Sum

from core.expressions import fetch_rows
from core.policies import save_policy
from core.runs import KeyRange
from players.models import GameCategory, Player, PlayerDay, PlayerMetrics, Tier
from players.tests.factories import make_day, make_measured, restrict
from wallet.expiry import expire_bonuses
from wallet.models import LedgerEntry, Lot, LoyaltyBalance, PostingRefusal
from wallet.play import due_points_sql, post_points_from_play
from wallet.points import add_loyalty_points
from wallet.reconciliation import reconcile
from wallet.tests.factories import AT, ON, balances, make_alice, make_bob, make_carol, spend, statement

pytestmark = pytest.mark.django_db


def flush(at: datetime = AT, **options: Any) -> dict[str, int]:
    return post_points_from_play(at=at, business_zone="UTC", **options)


def points_of(player_id: str = "alice") -> tuple[str, str, str]:
    """Return what is due, posted and refused over all days."""
    days = PlayerDay.objects.filter(player_id=player_id)
    sums = days.aggregate(due=Sum("lp_due"), posted=Sum("lp_posted"), refused=Sum("lp_refused"))
    return str(sums["due"]), str(sums["posted"]), str(sums["refused"])


def test_each_day_is_one_entry_and_the_month_shares_a_lot() -> None:
    alice = make_alice()
    make_day(alice, ON - timedelta(days=1), lp_due="12.34")
    make_day(alice, ON, lp_due="5.00")

    assert flush(run_id=9) == {"days": 2, "openings": 0}

    assert statement("alice") == [(1, "LP", "12.34", "0.00", "12.34"), (2, "LP", "5.00", "12.34", "17.34")]
    entries = LedgerEntry.objects.order_by("number").values_list("transaction_type", "reference_id", "actor")
    assert list(entries) == [("LP_EARNED", "2025-12-20", "night"), ("LP_EARNED", "2025-12-21", "night")]
    lot = Lot.objects.get()
    assert (lot.kind, str(lot.amount), str(lot.promotional_value), lot.expires_at) == ("PLAY", "17.34", "0.00", None)
    assert str(LoyaltyBalance.objects.get().lp_earned) == "17.34"
    assert points_of() == ("17.34", "17.34", "0.00")
    reconcile()


def test_a_rerun_adds_nothing() -> None:
    make_day(make_alice(), lp_due="5.00")
    flush()

    assert flush() == {"days": 0, "openings": 0}
    assert flush(at=AT + timedelta(days=1)) == {"days": 0, "openings": 0}
    assert balances("alice") == {"LP": "5.00"}


def test_a_day_that_grows_is_posted_the_difference() -> None:
    make_day(make_alice(), lp_due="5.00")
    flush()

    PlayerDay.objects.update(lp_due=Decimal("8.50"))
    assert flush() == {"days": 1, "openings": 0}

    assert statement("alice") == [(1, "LP", "5.00", "0.00", "5.00"), (2, "LP", "3.50", "5.00", "8.50")]


def shrink(due: str, on: date = ON) -> None:
    PlayerDay.objects.filter(on=on).update(lp_due=Decimal(due))


def test_a_day_that_shrinks_gives_back_and_pays_again_only_what_is_due_again() -> None:
    make_day(make_alice(), lp_due="5.00")
    flush()

    shrink("3.00")
    assert flush() == {"days": 0, "openings": 0, "days taken back": 1}
    assert flush() == {"days": 0, "openings": 0}
    shrink("5.00")
    assert flush() == {"days": 1, "openings": 0}
    shrink("3.00")
    flush()
    shrink("6.00")
    flush()

    assert [entry[2] for entry in statement("alice")] == ["5.00", "-2.00", "2.00", "-2.00", "3.00"]
    taken = LedgerEntry.objects.get(number=2)
    assert (taken.transaction_type, taken.reference_id) == ("REVERSAL", "2025-12-21")
    assert taken.description == "Points from play taken back: stakes were corrected"
    assert str(LoyaltyBalance.objects.get().lp_earned) == "6.00"
    assert PlayerDay.objects.get().lp_taken_back == 4
    reconcile()


def test_only_what_is_left_of_points_from_play_is_taken_and_the_rest_when_there_is_more() -> None:
    alice = make_alice()
    make_day(alice, lp_due="5.00")
    flush()
    spend("alice", "4.00")
    add_loyalty_points(player_id="alice", amount="10.00", source="Birthday", key="gift", actor="tests", at=AT)

    shrink("2.00")
    flush()
    assert (balances("alice"), points_of()) == ({"LP": "10.00"}, ("2.00", "4.00", "0.00"))

    make_day(alice, ON + timedelta(days=1), lp_due="7.00")
    flush(at=AT + timedelta(days=1))
    assert balances("alice") == {"LP": "17.00"}
    flush(at=AT + timedelta(days=2))

    assert (balances("alice"), points_of()) == ({"LP": "15.00"}, ("9.00", "9.00", "0.00"))
    reconcile()


def test_several_days_are_taken_from_several_lots_the_first_to_expire_first() -> None:
    save_policy(name="LP_EXPIRY", value="MONTHS", saved_by=None)
    save_policy(name="LP_EXPIRY_MONTHS", value="12", saved_by=None)
    alice = make_alice()
    october, november = date(2025, 10, 5), date(2025, 11, 5)
    for on, due in ((october, "4.00"), (november, "6.00"), (ON, "8.00")):
        make_day(alice, on, lp_due=due)
    flush()

    shrink("1.00", november)
    shrink("4.50")
    foretold = due_points_sql(at=AT, business_zone="UTC")
    assert fetch_rows(f"SELECT points, kept FROM ({foretold[0]}) due", foretold[1]) == [(Decimal("-8.50"),) * 2]
    assert flush()["days taken back"] == 2

    assert [entry[2] for entry in statement("alice")[3:]] == ["-4.00", "-1.00", "-3.50"]
    left = Lot.objects.order_by("expires_at").values_list("remaining", flat=True)
    assert list(left) == [Decimal("0.00"), Decimal("1.50"), Decimal("8.00")]
    reconcile()


def test_points_of_a_restricted_player_are_taken_back_all_the_same() -> None:
    alice = make_alice()
    make_day(alice, lp_due="5.00")
    flush()
    restrict(alice)

    shrink("1.00")
    flush()

    assert balances("alice") == {"LP": "1.00"}


def test_points_refused_to_carol_are_kept_and_not_tried_again() -> None:
    carol = make_carol()
    make_day(carol, lp_due="5.00")

    flush()
    flush()

    assert points_of("carol") == ("5.00", "0.00", "5.00")
    refusal = PostingRefusal.objects.get()
    assert (refusal.purpose, refusal.reason, str(refusal.amount)) == ("EARNED", "RESTRICTED", "5.00")

    carol.restrictions.update(ends_at=AT)
    PlayerDay.objects.update(lp_due=Decimal("7.00"))
    flush(at=AT + timedelta(days=1))

    assert points_of("carol") == ("7.00", "2.00", "5.00")
    assert balances("carol") == {"LP": "2.00"}


def test_days_spread_from_files_earn_at_the_rate_of_other_games() -> None:
    GameCategory.objects.filter(code="other").update(lp_per_unit_staked=Decimal("0.25"))
    make_day(make_alice(), wagered="100.10", is_estimated=True)
    make_day(make_bob(), wagered="100.00")

    flush()

    # 100.10 × 0.25 = 25.025; bob's day is reported, and its points are the reporter's business.
    assert points_of("alice") == ("25.03", "25.03", "0.00")
    assert points_of("bob") == ("0.00", "0.00", "0.00")


def test_the_tier_multiplies_points_of_spread_days() -> None:
    Tier.objects.filter(tier_level="GOLD").update(benefits={"lp_multiplier": "1.5"})
    alice = make_alice()
    Player.objects.filter(pk=alice.pk).update(tier="GOLD")
    make_day(alice, wagered="100.00", is_estimated=True)

    flush()

    # 100 × 0.1 × 1.5.
    assert points_of() == ("15.00", "15.00", "0.00")


def test_a_spread_day_is_accrued_once_even_if_rates_rise() -> None:
    make_day(make_alice(), wagered="100.00", is_estimated=True)
    flush()

    GameCategory.objects.update(lp_per_unit_staked=Decimal(1))
    flush()

    assert points_of() == ("10.00", "10.00", "0.00")


def test_what_a_later_file_adds_to_an_accrued_day_earns_too() -> None:
    make_day(make_alice(), wagered="100.00", is_estimated=True)
    flush()
    Tier.objects.update(benefits={"lp_multiplier": "2"})

    PlayerDay.objects.update(wagered=Decimal("150.00"))
    flush()
    PlayerDay.objects.update(wagered=Decimal("120.00"))
    flush()
    PlayerDay.objects.update(wagered=Decimal("151.00"))
    flush()

    # 100 × 0.1, then what was added, 50 and 1, at twice the rate; what was corrected in between adds nothing.
    assert points_of() == ("20.20", "20.20", "0.00")


@pytest.mark.parametrize(("rate", "wagered"), [("0", "100.00"), ("0.1", "0.04")])
def test_a_spread_day_that_earns_nothing_is_not_written_again_every_night(rate: str, wagered: str) -> None:
    GameCategory.objects.update(lp_per_unit_staked=Decimal(rate))
    make_day(make_alice(), wagered=wagered, is_estimated=True)
    flush()
    before = fetch_rows("SELECT ctid::text FROM player_days", [])

    flush()

    assert fetch_rows("SELECT ctid::text FROM player_days", []) == before


@pytest.mark.parametrize(
    ("months", "zone", "expires_at"),
    [
        ("0", "UTC", None),
        ("1", "UTC", datetime(2026, 2, 1, tzinfo=UTC)),
        ("12", "UTC", datetime(2027, 1, 1, tzinfo=UTC)),
        ("1", "Europe/Malta", datetime(2026, 1, 31, 23, tzinfo=UTC)),
        ("6", "America/Bogota", datetime(2026, 7, 1, 5, tzinfo=UTC)),
    ],
)
def test_points_expire_at_the_end_of_a_month_of_the_business_zone(
    months: str, zone: str, expires_at: datetime | None
) -> None:
    save_policy(name="LP_EXPIRY_MONTHS", value=months, saved_by=None)
    make_day(make_alice(), date(2025, 12, 21), lp_due="5.00")

    post_points_from_play(at=AT, business_zone=zone)

    assert Lot.objects.get().expires_at == expires_at


def test_months_have_lots_of_their_own() -> None:
    save_policy(name="LP_EXPIRY_MONTHS", value="12", saved_by=None)
    alice = make_alice()
    make_day(alice, date(2025, 11, 30), lp_due="1.00")
    make_day(alice, date(2025, 12, 1), lp_due="2.00")
    make_day(alice, date(2025, 12, 31), lp_due="4.00")

    flush()

    lots = Lot.objects.order_by("expires_at").values_list("share_key", "amount")
    assert [(key, str(amount)) for key, amount in lots] == [("play:2026-12-01", "1.00"), ("play:2027-01-01", "6.00")]


def test_points_of_a_month_that_has_expired_expire_too() -> None:
    save_policy(name="LP_EXPIRY_MONTHS", value="1", saved_by=None)
    alice = make_alice()
    make_day(alice, date(2025, 1, 10), lp_due="1.00")
    flush()
    expire_bonuses(at=AT)

    make_day(alice, date(2025, 1, 11), lp_due="2.00")
    flush()
    assert balances("alice") == {"LP": "2.00"}
    assert expire_bonuses(at=AT) == 1

    assert balances("alice") == {}
    reconcile()


def test_points_carried_over_are_credited_once() -> None:
    make_measured("alice", opening_lp="1500.00")

    assert flush() == {"days": 0, "openings": 1}
    assert flush() == {"days": 0, "openings": 0}

    entry = LedgerEntry.objects.get()
    assert (entry.transaction_type, str(entry.amount)) == ("OPENING", "1500.00")
    assert (Lot.objects.get().kind, str(LoyaltyBalance.objects.get().lp_earned)) == ("OPENING", "1500.00")
    assert PlayerMetrics.objects.get().opening_lp_settled_at == AT


def test_points_carried_over_are_refused_to_carol_for_good() -> None:
    make_measured("carol", opening_lp="1500.00")
    restrict(Player.objects.get())

    flush()
    flush()

    assert PostingRefusal.objects.count() == 1
    assert balances("carol") == {}


def test_the_day_of_a_credit_is_the_business_day() -> None:
    make_measured("alice", opening_lp="1.00")

    post_points_from_play(at=datetime(2025, 12, 21, 23, 30, tzinfo=UTC), business_zone="Europe/Malta")

    assert Lot.objects.get().granted_on == date(2025, 12, 22)


def test_a_range_of_players_leaves_the_others_alone() -> None:
    for player_id in ("alice", "bob", "carol"):
        player = make_measured(player_id, opening_lp="1.00")
        make_day(player, lp_due="2.00")

    assert flush(keys=KeyRange(lower="b", upper="c")) == {"days": 1, "openings": 1}

    assert set(LoyaltyBalance.objects.values_list("player_id", flat=True)) == {"bob"}
    assert balances("bob") == {"LP": "3.00"}
