"""What happened between two files becomes estimated days whose sum is exact."""

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from django.db.models import Sum
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from players.models import Player, PlayerDay
from players.tests.factories import make_alice, make_day
from players.tests.importing.files import HEADER, imported, totals

pytestmark = pytest.mark.django_db
FIRST, LATER = date(2025, 12, 10), date(2025, 12, 13)


def days(player_id: str = "alice", field: str = "wagered") -> dict[int, Decimal]:
    """Return a measure of a player's days, by day of December."""
    return {day.on.day: getattr(day, field) for day in PlayerDay.objects.filter(player=player_id).order_by("on")}


def test_the_first_totals_are_an_opening_balance_outside_the_days(tmp_path: Path) -> None:
    imported(tmp_path, "alice,1,2,3", as_of=FIRST)

    assert (days(), totals("alice", "totals_as_of", "days_from")) == ({}, (FIRST, None))


def test_a_difference_is_spread_over_the_days_between(tmp_path: Path) -> None:
    imported(tmp_path, "alice,0,100,0", as_of=FIRST)

    summary = imported(tmp_path, "alice,0,200,0", as_of=LATER)

    assert days() == {11: Decimal("33.33"), 12: Decimal("33.34"), 13: Decimal("33.33")}
    assert summary.days_estimated == 3
    assert set(PlayerDay.objects.values_list("is_estimated", flat=True)) == {True}


def test_whole_things_are_spread_whole(tmp_path: Path) -> None:
    header = f"{HEADER},sessions,bets,playtime_hours"
    imported(tmp_path, "alice,0,0,0,1,0,0", header=header, as_of=FIRST)

    imported(tmp_path, "alice,0,0,0,2,7,0.05", header=header, as_of=LATER)

    assert sum(days(field="sessions").values()) == 1
    assert sorted(days(field="bets").values()) == [2, 2, 3]
    assert sum(days(field="playtime_hours").values()) == Decimal("0.05")


def test_days_without_anything_are_not_written(tmp_path: Path) -> None:
    imported(tmp_path, "alice,0,0,0", as_of=FIRST)

    imported(tmp_path, "alice,0.01,0,0", as_of=LATER)

    assert days(field="deposited") == {12: Decimal("0.01")}


def test_windows_are_known_from_the_day_after_the_first_file(tmp_path: Path) -> None:
    imported(tmp_path, "alice,1,2,3", "bob,1,2,3", as_of=FIRST)

    summary = imported(tmp_path, "alice,1,2,4", "bob,1,2,3.0", as_of=LATER)

    for player_id in ("alice", "bob"):
        assert totals(player_id, "totals_as_of", "days_from") == (LATER, date(2025, 12, 11))
    assert (summary.players_updated, summary.players_unchanged) == (1, 1)


def test_two_files_of_one_date_share_that_day(tmp_path: Path) -> None:
    imported(tmp_path, "alice,0,100,0", as_of=FIRST)
    imported(tmp_path, "alice,0,150,0", as_of=FIRST)

    imported(tmp_path, "alice,0,175,0", as_of=FIRST)

    assert days() == {10: Decimal("75.00")}


def test_a_correction_downwards_is_a_negative_difference(tmp_path: Path) -> None:
    imported(tmp_path, "alice,0,100,0", as_of=FIRST)

    imported(tmp_path, "alice,0,97,0", as_of=LATER, allow_decrease=True)

    assert days() == {11: Decimal("-1.00"), 12: Decimal("-1.00"), 13: Decimal("-1.00")}


def test_a_day_that_exists_grows(tmp_path: Path) -> None:
    imported(tmp_path, "alice,0,100,0", as_of=FIRST)
    make_day(Player.objects.get(), date(2025, 12, 12), wagered="5.00")

    imported(tmp_path, "alice,0,130,0", as_of=LATER)

    assert days() == {11: Decimal("10.00"), 12: Decimal("15.00"), 13: Decimal("10.00")}


def test_a_player_known_without_totals_begins_with_an_opening_balance(tmp_path: Path) -> None:
    make_alice()

    imported(tmp_path, "alice,0,100,0", as_of=LATER)

    assert (days(), totals("alice")[1]) == ({}, Decimal(100))


@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    difference=st.decimals(min_value=Decimal("0.01"), max_value=Decimal("99999.99"), places=2),
    length=st.integers(1, 60),
)
def test_the_days_always_sum_to_the_difference(tmp_path: Path, difference: Decimal, length: int) -> None:
    Player.objects.all().delete()
    imported(tmp_path, "alice,0,100,0", as_of=FIRST, force=True)

    imported(tmp_path, f"alice,0,{100 + difference},0", as_of=date.fromordinal(FIRST.toordinal() + length), force=True)

    assert PlayerDay.objects.aggregate(wagered=Sum("wagered"))["wagered"] == difference
    parts = list(PlayerDay.objects.values_list("wagered", flat=True))
    assert max(parts) - min(parts) <= Decimal("0.01") or len(parts) < length
