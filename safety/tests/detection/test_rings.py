"""Rings: who is linked, what does not link, how a ring is found again, and the detectors that compare players."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from itertools import pairwise

import pytest

from core.policies import save_policy
from players.models import Player
from players.tests.factories import AT, make_player
from safety.detection import detect_abuse_signals
from safety.detection.running import detect_everybody
from safety.models import AbuseSignal, Detector, Ring, RingMember
from safety.tests.detection.factories import (
    found_by,
    judge,
    make_bonus,
    make_event,
    make_session,
    only,
    set_thresholds,
)

pytestmark = pytest.mark.django_db
CODE = "SHARED_DEVICE"


def make_users(*names: str, device: str = "", ips: tuple[str, ...] = (), bonus_hours: float = 48) -> list[Player]:
    """Return players who were given a bonus and use a device and addresses."""
    players = []
    for name in names:
        player = Player.objects.filter(pk=name).first() or make_player(name)
        make_bonus(player, bonus_hours, "30.00", converted=Decimal("12.50"))
        if device:
            make_session(player, device=device)
        for ip in ips:
            make_session(player, ip=ip)
        players.append(player)
    return players


def test_accounts_linked_in_a_chain_of_devices_are_one_ring_with_its_money() -> None:
    make_users("a", "b", device="D1")
    b, _ = make_users("b", "c", device="D2")
    make_event(b, "DEPOSIT", 40, "20.00")
    make_event(b, "WITHDRAWAL", 30, "95.00")

    assert found_by(CODE) == {"a", "b", "c"}
    ring = Ring.objects.get()
    assert (ring.members_count, ring.things_count) == (3, 2)
    # b was given two bonuses.
    assert (ring.bonus_value, ring.converted) == (Decimal("120.00"), Decimal("50.00"))
    assert (ring.deposited, ring.withdrawn, ring.extracted) == (Decimal(20), Decimal(95), Decimal(75))
    assert RingMember.objects.get(player_id="b").partners == 2
    signal = AbuseSignal.objects.get(player_id="a")
    assert signal.ring_id == ring.pk
    assert signal.metadata["shared"] == [{"kind": "DEVICE", "value": "D1", "members": 2}]


def test_a_long_chain_is_found_whole() -> None:
    names = [f"p{number:02}" for number in range(40)]
    for first, second in pairwise(names):
        make_users(first, second, device=f"{first}-{second}")

    assert found_by(CODE) == set(names)
    assert Ring.objects.get().members_count == 40


def test_two_accounts_are_a_household() -> None:
    make_users("a", "b", device="D1")

    assert found_by(CODE) == set()
    assert Ring.objects.count() == 0


def test_one_address_links_nobody_and_three_do() -> None:
    make_users("a", "b", "c", ips=("192.0.2.1", "192.0.2.2"))
    assert found_by(CODE) == set()

    make_users("a", "b", "c", ips=("192.0.2.3",))
    assert found_by(CODE) == {"a", "b", "c"}


def make_farm(count: int, *, device: str = "FARM") -> set[str]:
    """Let so many accounts use one device alone, each with a bonus a day after the one before."""
    names = [f"p{number:03}" for number in range(count)]
    for number, name in enumerate(names):
        make_users(name, device=device, bonus_hours=24 * (number % 50))
    return set(names)


def test_a_farm_of_more_accounts_than_people_share_a_device_is_found_whole() -> None:
    names = make_farm(60)

    assert found_by(CODE) == names
    ring = Ring.objects.get()
    assert (ring.members_count, ring.things_count) == (60, 1)
    assert RingMember.objects.get(player_id="p030").partners == 59


def test_looking_at_one_account_finds_its_farm_whole() -> None:
    names = make_farm(60)
    found_by(CODE)
    AbuseSignal.objects.all().delete()
    Ring.objects.all().delete()

    detect_abuse_signals("p007", at=AT)

    assert set(RingMember.objects.values_list("player_id", flat=True)) == names


def test_guests_of_a_cafe_have_devices_of_their_own_and_are_no_farm() -> None:
    names = make_farm(60, device="TERMINAL")
    # Thirteen of sixty are more than a fifth.
    for name in sorted(names)[:13]:
        make_session(Player.objects.get(pk=name), device=f"telephone of {name}")

    assert found_by(CODE) == set()
    (left_out,) = Detector.objects.get(pk=CODE).last_run["left out"]
    assert left_out == {
        "kind": "DEVICE",
        "value": "TERMINAL",
        "accounts": 60,
        "with_bonuses": 60,
        "without_their_own": 47,
    }


def test_a_crowd_in_which_many_have_no_bonus_is_no_farm() -> None:
    set_thresholds(CODE, device_users_max=4)
    make_users("a", "b", "c", "d", device="TERMINAL")
    make_session(make_player("guest"), device="TERMINAL")

    assert found_by(CODE) == set()
    (left_out,) = Detector.objects.get(pk=CODE).last_run["left out"]
    assert (left_out["accounts"], left_out["with_bonuses"], left_out["without_their_own"]) == (5, 4, 5)


def test_twenty_accounts_that_share_three_addresses_and_play_nowhere_else_are_found_whole() -> None:
    names = [f"n{number:02}" for number in range(20)]
    make_users(*names, ips=("192.0.2.1", "192.0.2.2", "192.0.2.3"))
    assert found_by(CODE) == set(names)

    # Whoever is at home elsewhere only passes by: five of twenty are, which is more than a fifth.
    AbuseSignal.objects.all().delete()
    for number in range(5):
        make_session(Player.objects.get(pk=names[number]), ip=f"198.51.100.{number}")
    assert found_by(CODE) == set()


def test_looking_at_one_of_them_finds_them_whole() -> None:
    names = [f"n{number:02}" for number in range(20)]
    make_users(*names, ips=("192.0.2.1", "192.0.2.2", "192.0.2.3"))
    found_by("MINIMUM_BETS")  # brings the links up to date
    only_ring = Detector.objects.filter(pk=CODE)
    only_ring.update(mode="ACTIVE")

    assert [signal.detector for signal in detect_abuse_signals("n07", at=AT)] == [CODE]
    assert RingMember.objects.count() == 20


def test_a_crowded_address_links_nobody() -> None:
    set_thresholds(CODE, ip_users_max=4, ip_crowd_users_max=4, ip_weight=1)
    make_users("a", "b", "c", "d", "e", ips=("192.0.2.1",))

    assert found_by(CODE) == set()
    assert Detector.objects.get(pk=CODE).last_run["left out"] == [{"kind": "IP", "value": "192.0.2.1", "accounts": 5}]


def test_what_more_report_than_a_farm_has_accounts_is_a_broken_identifier() -> None:
    set_thresholds(CODE, device_users_max=3, crowd_users_max=4)
    make_users("a", "b", "c", "d", "e", device="00000000")

    assert found_by(CODE) == set()


def test_what_staff_know_and_named_links_nobody() -> None:
    make_users("a", "b", "c", device="TERMINAL")
    set_thresholds(CODE, left_out=["TERMINAL"])
    assert found_by(CODE) == set()

    set_thresholds(CODE)
    assert found_by(CODE) == {"a", "b", "c"}


def test_accounts_without_bonus_or_with_bonuses_at_other_times_are_not_linked() -> None:
    make_users("a", "b", device="D1")
    make_session(make_player("c"), device="D1")
    make_users("d", device="D1", bonus_hours=24 * 17 + 1)

    # a and b are two; d's bonus lies more than 14 days before theirs; c was given none.
    assert found_by(CODE) == set()


def test_addresses_of_version_six_are_compared_by_their_network() -> None:
    names = ("a", "b", "c")
    make_users(*names)
    for number, name in enumerate(names):
        for network in (1, 2, 3):
            make_session(Player.objects.get(pk=name), ip=f"2001:db8:0:{network}::{number + 1}")

    assert found_by(CODE) == set(names)
    assert AbuseSignal.objects.filter(metadata__shared__0__value="2001:db8:0:1::/64").count() == 3


@pytest.mark.parametrize("names", ["abc", "cba"])
def test_a_device_that_changed_hands_links_nobody(names: str) -> None:
    for name, days in zip(names, (40, 20, 1), strict=True):
        player = make_player(name)
        make_session(player, device="SOLD", hours=24 * days)
        make_bonus(player, 24)

    assert found_by(CODE) == set()


def test_a_ring_found_again_is_the_same_and_takes_in_who_joins() -> None:
    make_users("a", "b", "c", device="D1")
    found_by(CODE)
    first = Ring.objects.get()
    make_users("0", device="D1")

    assert found_by(CODE, at=AT + timedelta(days=1)) == {"0", "a", "b", "c"}
    again = Ring.objects.get()
    assert (again.pk, again.members_count, again.found_at) == (first.pk, 4, AT)


def test_a_dismissed_ring_is_raised_again_only_once_it_grows() -> None:
    make_users("a", "b", "c", device="D1")
    found_by(CODE)
    for name in "abc":
        judge(name, "DISMISSED")
    make_users("a", "b", "c", bonus_hours=-10)

    assert found_by(CODE, at=AT + timedelta(days=1)) == set()

    make_users("d", device="D1", bonus_hours=-20)
    assert found_by(CODE, at=AT + timedelta(days=2)) == {"a", "b", "c", "d"}


def test_a_confirmed_ring_that_goes_on_is_raised_again() -> None:
    make_users("a", "b", "c", device="D1")
    found_by(CODE)
    for name in "abc":
        judge(name, "CONFIRMED")

    assert found_by(CODE, at=AT + timedelta(days=1)) == set()
    make_users("a", "b", "c", bonus_hours=-30)
    assert found_by(CODE, at=AT + timedelta(days=2)) == {"a", "b", "c"}


def test_looking_at_one_player_finds_the_ring_whole() -> None:
    make_users("a", "b", device="D1")
    make_users("b", "c", device="D2")
    make_users("x", "y", "z", device="D9")
    only(CODE)
    detect_everybody(at=AT)
    AbuseSignal.objects.all().delete()
    Ring.objects.all().delete()

    (signal,) = detect_abuse_signals("c", at=AT)

    assert signal.ring is not None
    assert set(signal.ring.members.values_list("player_id", flat=True)) == {"a", "b", "c"}
    assert Ring.objects.count() == 1


def register(number: int, *, days_ago: int, **profile: object) -> Player:
    return make_player(f"r{number:02}", registered_on=AT.date() - timedelta(days=days_ago), **profile)


def test_many_registrations_with_one_device_within_days_are_found() -> None:
    for number in range(4):
        make_session(register(number, days_ago=10 - number % 2), device="FARM", hours=24 * 8)

    assert found_by("REGISTRATION_VELOCITY") == {"r00", "r01", "r02", "r03"}
    evidence = AbuseSignal.objects.first()
    assert evidence is not None
    assert evidence.metadata["figures"]["accounts"] == 4
    assert sorted(account["player"] for account in evidence.metadata["accounts"]) == ["r00", "r01", "r02", "r03"]


def test_registrations_over_weeks_or_with_a_device_seen_later_are_not() -> None:
    for number in range(5):
        make_session(register(number, days_ago=10 + 12 * number), device="SHOP", hours=24 * (9 + 12 * number))
    for number in range(5, 10):
        make_session(register(number, days_ago=30), device="LATER", hours=24)

    assert found_by("REGISTRATION_VELOCITY") == set()


def test_a_pattern_of_addresses_is_read_without_digits_dots_and_plus_signs() -> None:
    spellings = ["max.1@x.example", "max2@x.example", "m.ax33@x.example", "MAX4+a@x.example"]
    spellings += [f"max{number}@x.example" for number in range(5, 9)]
    for number, email in enumerate(spellings):
        register(number, days_ago=5, email=email)

    assert len(found_by("REGISTRATION_VELOCITY")) == 8


def test_a_pattern_that_brings_accounts_every_day_is_a_common_name() -> None:
    for number in range(90):
        register(number, days_ago=number // 2 + 1, email=f"anna{number}@x.example")

    assert found_by("REGISTRATION_VELOCITY") == set()


@pytest.mark.parametrize(("others", "is_found"), [(0, True), (45, False)])
def test_on_the_days_of_a_campaign_a_common_name_brings_more_like_everything(others: int, is_found: bool) -> None:
    # Twelve annas in two days, and two on other days of the ninety. Alone that is many: 2 × 5 ÷ 85 are expected. Where
    # 45 others come in these days and 10 on other days, 2 × 45 ÷ 12 are, and five times that is more than twelve.
    for number in range(14):
        register(number, days_ago=20 + number % 2 if number < 12 else 60, email=f"anna{number}@x.example")
    for number in range(14, 24):
        register(number, days_ago=40 + number)
    for number in range(24, 24 + others):
        register(number, days_ago=20)

    found = found_by("REGISTRATION_VELOCITY")

    assert found == ({f"r{number:02}" for number in range(12)} if is_found else set())


def claim(player: Player, *values: str) -> None:
    for number, value in enumerate(values):
        make_bonus(player, 24 * 8 * (number + 1), value)


def test_grants_just_under_a_cap_again_and_again_are_found() -> None:
    claim(make_player("bob"), "951.00", "999.99", "960.50")

    assert found_by("CLAIMS_UNDER_LIMITS") == {"bob"}
    assert AbuseSignal.objects.get().metadata["claims"][0]["bound"] == 1000


def test_grants_at_the_cap_below_the_band_or_that_many_get_are_not() -> None:
    claim(make_player("bob"), "1000.00", "999.00", "949.99")
    for number in range(6):
        claim(make_player(f"p{number}"), "955.00", "955.00", "955.00")

    assert found_by("CLAIMS_UNDER_LIMITS") == set()


def test_large_grants_of_all_sizes_come_just_under_the_cap_by_themselves() -> None:
    # 18 of 500 to 940 let expect 2 in the last twentieth: 5 is less than three times that, and 7 is more.
    for cap in ("WEEKLY", "MONTHLY"):
        save_policy(name=f"MAX_{cap}_REWARD_PER_PLAYER", value="1000000", saved_by=None)
    bob = make_player("bob")
    for number in range(18):
        make_bonus(bob, 24 * (number + 1), f"{510 + 24 * number}.00")
    for number in range(5):
        make_bonus(bob, 24 * (number + 20), f"{955 + number}.00")
    assert found_by("CLAIMS_UNDER_LIMITS") == set()

    for number in range(2):
        make_bonus(bob, 24 * (number + 26), f"{980 + number}.00")
    assert found_by("CLAIMS_UNDER_LIMITS") == {"bob"}


def test_a_grant_just_under_two_limits_is_one_claim() -> None:
    set_thresholds("CLAIMS_UNDER_LIMITS", review_values=[1000, 990])
    claim(make_player("bob"), "980.00", "985.00")
    assert found_by("CLAIMS_UNDER_LIMITS") == set()

    claim(make_player("zoe"), "980.00", "985.00", "970.00")
    assert found_by("CLAIMS_UNDER_LIMITS") == {"zoe"}
    assert AbuseSignal.objects.get().metadata["figures"] == {"times": 3}


def test_review_values_are_limits_too() -> None:
    set_thresholds("CLAIMS_UNDER_LIMITS", review_values=[200])
    claim(make_player("bob"), "191.00", "199.00", "195.50")

    assert found_by("CLAIMS_UNDER_LIMITS") == {"bob"}
