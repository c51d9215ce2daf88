"""Tiers in the API: ranges without gap or overlap."""

from __future__ import annotations

from typing import Any

import pytest

from loyalty.tests import cast
from loyalty.tests.api import ApiUser, error_of
from players.models import Tier


@pytest.fixture
def staff(db: None) -> ApiUser:
    user = cast.make_users()["Loyalty staff"]
    Tier.objects.all().delete()
    bounds = [("BRONZE", 0, 999), ("SILVER", 1000, 9999), ("GOLD", 10000, 49999), ("PLATINUM", 50000, None)]
    for level, start, end in bounds:
        Tier.objects.create(tier_level=level, lp_min=start, lp_max=end, benefits={"cashback_multiplier": "1.0"})
    return ApiUser(user)


def ranges(staff: ApiUser) -> list[tuple[str, int, int | None]]:
    return [(tier["tier_level"], tier["lp_min"], tier["lp_max"]) for tier in staff.get("/api/tiers")[1]]


def number_of(level: str) -> int:
    return Tier.objects.get(tier_level=level).pk


def test_a_new_top_tier_ends_the_one_below(staff: ApiUser) -> None:
    status, diamond = staff.post(
        "/api/tiers", {"tier_level": "DIAMOND", "lp_min": 100000, "benefits": {"perks": ["Car"]}}
    )

    assert (status, diamond["lp_max"], diamond["is_saved_by_staff"]) == (201, None, True)
    assert ranges(staff)[-2:] == [("PLATINUM", 50000, 99999), ("DIAMOND", 100000, None)]


def test_a_tier_put_between_two_takes_its_range_from_the_lower(staff: ApiUser) -> None:
    staff.post("/api/tiers", {"tier_level": "STEEL", "lp_min": 500})

    assert ranges(staff)[:3] == [("BRONZE", 0, 499), ("STEEL", 500, 999), ("SILVER", 1000, 9999)]


def test_moving_a_threshold_moves_the_end_of_the_tier_below(staff: ApiUser) -> None:
    status, gold = staff.put(f"/api/tiers/{number_of('GOLD')}", {"lp_min": 20000})

    assert (status, gold["lp_min"], gold["benefits"]) == (200, 20000, {"cashback_multiplier": "1.0"})
    assert ranges(staff)[1:3] == [("SILVER", 1000, 19999), ("GOLD", 20000, 49999)]


@pytest.mark.parametrize(
    ("level", "change", "field", "words"),
    [
        ("BRONZE", {"lp_min": 10}, "lp_min", "points from 0 to 9 would have no tier"),
        ("SILVER", {"lp_min": 10000}, "lp_min", "GOLD starts there"),
        ("SILVER", {"lp_min": 60000}, "lp_min", "would change places"),
        ("SILVER", {"lp_min": -5}, "lp_min", "points from 0"),
        ("SILVER", {"lp_max": 5000}, "lp_max", "points 5001 to 9999 would have no tier; 9999 is right"),
        ("SILVER", {"lp_max": 12000}, "lp_max", "points 10000 to 12000 would have two tiers; 9999 is right"),
        ("PLATINUM", {"lp_max": 99999}, "lp_max", "the top tier has no end"),
        ("SILVER", {"tier_level": "TIN"}, "tier_level", "keeps its name"),
        ("SILVER", {"benefits": {"cashback_multiplier": "much"}}, "benefits.cashback_multiplier", "a number from 0"),
        ("SILVER", {"benefits": {"free_plays": True}}, "benefits.free_plays", "a number from 0"),
    ],
)
def test_gaps_overlaps_and_unusable_benefits_are_refused(
    staff: ApiUser, level: str, change: dict[str, Any], field: str, words: str
) -> None:
    before = list(Tier.objects.values().order_by("pk"))

    answer = staff.put(f"/api/tiers/{number_of(level)}", change)

    assert answer[0] == 422, answer
    assert error_of(answer)["details"] == [{"field": field}]
    assert words in error_of(answer)["message"]
    assert list(Tier.objects.values().order_by("pk")) == before


@pytest.mark.parametrize("level", ["gold", "GOLD", "TWO WORDS", "", "X" * 31])
def test_a_new_tier_needs_a_name_of_its_own(staff: ApiUser, level: str) -> None:
    answer = staff.post("/api/tiers", {"tier_level": level, "lp_min": 70000})

    assert answer[0] in {400, 422}
    assert Tier.objects.count() == 4


def test_until_staff_save_one_the_environments_threshold_is_shown(
    staff: ApiUser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TIER_SILVER_LP", "2000")

    assert ranges(staff)[:2] == [("BRONZE", 0, 1999), ("SILVER", 2000, 9999)]

    staff.put(f"/api/tiers/{number_of('SILVER')}", {"lp_min": 3000})

    assert ranges(staff)[:2] == [("BRONZE", 0, 2999), ("SILVER", 3000, 9999)]


def test_a_threshold_below_a_neighbours_stored_one_can_be_saved(
    staff: ApiUser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TIER_SILVER_LP", "100")

    status, _ = staff.put(f"/api/tiers/{number_of('GOLD')}", {"lp_min": 900})

    assert status == 200
    assert ranges(staff)[1:3] == [("SILVER", 100, 899), ("GOLD", 900, 49999)]


def test_a_multiplier_that_makes_play_lose_money_is_refused_with_its_figures(staff: ApiUser) -> None:
    answer = staff.put(f"/api/tiers/{number_of('GOLD')}", {"benefits": {"lp_multiplier": "5.01"}})

    # Blackjack: 0.1 points × 5.01 × 0.01 = 0.00501 a unit staked, of which the house keeps 0.005.
    error = error_of(answer)
    assert (answer[0], error["code"]) == (409, "earn_rate_too_high")
    assert error["details"] == [
        {
            "field": "benefits",
            "category": "blackjack",
            "points_per_unit": "0.1",
            "lp_multiplier": "5.01",
            "unit_value": "0.01",
            "worth": "0.00501",
            "edge": "0.005",
            "points_per_unit_max": "0.0998",
        }
    ]
    assert Tier.objects.get(tier_level="GOLD").benefits == {"cashback_multiplier": "1.0"}


def test_a_new_tier_may_multiply_points_up_to_the_edge(staff: ApiUser) -> None:
    body = {"tier_level": "DIAMOND", "lp_min": 100000, "benefits": {"lp_multiplier": "5"}}

    assert staff.post("/api/tiers", body)[0] == 201


# ── preview ──


def test_a_preview_says_who_would_move_and_changes_nothing(staff: ApiUser) -> None:
    cast.make_alice()

    status, shown = staff.post(f"/api/tiers/{number_of('SILVER')}/preview", {"lp_min": 100})

    assert (status, shown["players_moving"], shown["points_cost"]) == (200, 1, "0.00")
    assert [(m["tier_before"], m["tier_after"], m["players"]) for m in shown["moves"]] == [("BRONZE", "SILVER", 1)]
    assert shown["by_tier"][1] == {"level": "SILVER", "lp_min": 100, "before": 0, "after": 1}
    assert ranges(staff)[1] == ("SILVER", 1000, 9999)


@pytest.mark.parametrize(
    ("change", "status", "place"),
    [
        ({"lp_min": 10000}, 422, "GOLD starts there"),
        ({"lp_min": "100"}, 400, "lp_min"),
        ({"benefits": {"lp_multiplier": "much"}}, 422, "benefits.lp_multiplier"),
        ({"tier_level": "GOLD"}, 400, "tier_level"),
    ],
)
def test_a_preview_of_what_cannot_be_is_refused(
    staff: ApiUser, change: dict[str, Any], status: int, place: str
) -> None:
    answer = staff.post(f"/api/tiers/{number_of('SILVER')}/preview", change)

    assert answer[0] == status
    assert place in str(error_of(answer))


def test_a_preview_of_no_tier_is_not_found(staff: ApiUser) -> None:
    assert staff.post("/api/tiers/999999/preview", {"lp_min": 100})[0] == 404
