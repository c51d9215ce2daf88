"""How much a player may still be granted, and credits by hand under the same caps."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from functools import partial

import pytest

from core.errors import NotFoundError
from core.policies import save_policy
from core.tests.threads import while_held_open
from players.tests.factories import make_alice, make_carol
from safety.caps import check_reward_caps, granted_value, window_starts
from safety.credit_checks import CapExceededError
from safety.grants import credit_bonus, credit_points
from wallet.ledger import PlayerRestrictedError
from wallet.models import Lot, PostingRefusal
from wallet.tests.factories import balances, credit
from wallet.tests.locks import lock_players_doing_nothing

pytestmark = pytest.mark.django_db
WEDNESDAY = date(2025, 12, 3)


def grant(value: str, on: date) -> None:
    key = f"grant {on} {value}"
    credit("alice", value, key=key, currency="BONUS", promotional_value=Decimal(value))
    Lot.objects.filter(operation__key=key).update(granted_on=on)


def give(amount: str, *, key: str = "by hand", player_id: str = "alice") -> None:
    credit_bonus(
        player_id=player_id, amount=amount, wagering_requirement=Decimal(0), expiry=None, key=key, actor="staff"
    )


def test_the_windows_are_the_day_its_iso_week_and_its_calendar_month() -> None:
    assert window_starts(WEDNESDAY) == {"day": WEDNESDAY, "week": date(2025, 12, 1), "month": date(2025, 12, 1)}
    assert window_starts(date(2025, 11, 30)) == {
        "day": date(2025, 11, 30),
        "week": date(2025, 11, 24),
        "month": date(2025, 11, 1),
    }


@pytest.mark.parametrize(
    ("days_before", "room"),
    # 800 on that day leave 200 of the day's 1,000; in the same week 4,200 of 5,000, but the day's cap is smaller.
    [(0, "200.00"), (1, "1000.00"), (7, "1000.00")],
)
def test_the_smallest_room_of_the_three_windows_counts(days_before: int, room: str) -> None:
    make_alice()
    grant("800.00", WEDNESDAY - timedelta(days=days_before))

    assert check_reward_caps(player_id="alice", on=WEDNESDAY) == Decimal(room)


def test_the_week_and_the_month_bind_where_they_are_nearly_used_up() -> None:
    make_alice()
    save_policy(name="MAX_WEEKLY_REWARD_PER_PLAYER", value="900", saved_by=None)
    save_policy(name="MAX_MONTHLY_REWARD_PER_PLAYER", value="1000", saved_by=None)
    grant("850.00", date(2025, 12, 1))

    assert check_reward_caps(player_id="alice", on=WEDNESDAY) == Decimal("50.00")
    assert check_reward_caps(player_id="alice", on=date(2025, 12, 8)) == Decimal("150.00")
    assert check_reward_caps(player_id="alice", on=date(2026, 1, 5)) == Decimal("900.00")


@pytest.mark.parametrize(
    ("name", "later_on", "room"),
    # 80 granted on Friday leave 20 of the week's 100 on Wednesday; on the 31st they leave 20 of the month's.
    [
        ("MAX_WEEKLY_REWARD_PER_PLAYER", date(2025, 12, 5), "20.00"),
        ("MAX_WEEKLY_REWARD_PER_PLAYER", date(2025, 12, 8), "100.00"),
        ("MAX_MONTHLY_REWARD_PER_PLAYER", date(2025, 12, 31), "20.00"),
        ("MAX_MONTHLY_REWARD_PER_PLAYER", date(2026, 1, 1), "100.00"),
    ],
)
def test_what_was_granted_later_in_the_same_window_counts(name: str, later_on: date, room: str) -> None:
    make_alice()
    save_policy(name=name, value="100", saved_by=None)
    grant("80.00", later_on)

    assert check_reward_caps(player_id="alice", on=WEDNESDAY) == Decimal(room)


def test_over_the_cap_there_is_no_room_and_no_negative_one() -> None:
    make_alice()
    grant("1500.00", WEDNESDAY)

    assert check_reward_caps(player_id="alice", on=WEDNESDAY) == 0
    assert granted_value(player_id="alice", since=WEDNESDAY, until=WEDNESDAY) == Decimal("1500.00")


def test_an_unknown_player_has_no_caps() -> None:
    with pytest.raises(NotFoundError, match="there is no player 'nobody'"):
        check_reward_caps(player_id="nobody", on=WEDNESDAY)


def test_a_credit_by_hand_beyond_the_cap_is_refused_with_both_figures_and_posts_nothing() -> None:
    make_alice()
    give("900.00")

    with pytest.raises(CapExceededError, match=r"may be granted 100.00 more on .*, 100.01 was asked for") as error:
        give("100.01", key="too much")

    assert error.value.details["room"] == "100.00"
    give("100.00", key="the rest")
    assert balances("alice") == {"BONUS": "1000.00"}


def test_a_credit_sent_again_is_not_asked_for_room_again() -> None:
    make_alice()
    give("900.00")

    give("900.00")

    assert balances("alice") == {"BONUS": "900.00"}


def test_points_by_hand_count_what_they_are_worth() -> None:
    make_alice()
    save_policy(name="MAX_DAILY_REWARD_PER_PLAYER", value="10", saved_by=None)

    # A point is worth a cent.
    credit_points(player_id="alice", amount="1000", source="sorry", key="points", actor="staff")

    with pytest.raises(CapExceededError):
        credit_points(player_id="alice", amount="1", source="sorry", key="more", actor="staff")


def test_a_restricted_players_credit_is_refused_and_the_refusal_kept() -> None:
    make_carol()

    with pytest.raises(PlayerRestrictedError):
        give("5.00", player_id="carol")

    assert PostingRefusal.objects.get().operation_key == "by hand"


def give_twice_at_once() -> list[str]:
    """Return what becomes of a credit of 600 to a player who is being given 600 of the day's 1000."""
    make_alice()
    outcomes = while_held_open(partial(give, "600.00", key="one"), partial(give, "600.00", key="two"))
    return [type(outcome).__name__ for outcome in outcomes]


@pytest.mark.django_db(transaction=True)
def test_two_credits_at_once_cannot_both_take_the_last_of_a_cap() -> None:
    assert give_twice_at_once() == ["CapExceededError"]
    assert balances("alice") == {"BONUS": "600.00"}


@pytest.mark.django_db(transaction=True)
def test_without_the_lock_two_credits_at_once_exceed_the_cap() -> None:
    with lock_players_doing_nothing():
        assert give_twice_at_once() == ["NoneType"]
    assert balances("alice") == {"BONUS": "1200.00"}
