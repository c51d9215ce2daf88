"""Named players processed now, and the dashboard's figures."""

from __future__ import annotations

from decimal import Decimal

import pytest

from core.models import Run, RunKind
from loyalty.tests import cast
from loyalty.tests.api import ApiUser, error_of
from players.models import ImportJob, Player
from reporting.models import DailySummary
from reporting.summaries import write_daily_summary
from rewards.models import RewardDecision, RewardHistory, RuleAllocation


@pytest.fixture
def users(db: None) -> dict[str, ApiUser]:
    return {name: ApiUser(user) for name, user in cast.make_users().items()}


def test_a_batch_segments_and_rewards_the_named_players_alone(users: dict[str, ApiUser]) -> None:
    cast.make_rule()
    Player.objects.filter(pk=cast.make_player("alice").pk).update(segment="NEW")
    cast.make_player("bob")

    status, run = users["Operator"].post("/api/batch/process", {"player_ids": ["alice", "alice"], "on": "2026-03-10"})

    assert status == 200, run
    assert (run["business_date"], run["counts"]["players"], run["counts"]["segments changed"]) == ("2026-03-10", 1, 1)
    assert Player.objects.get(pk="alice").segment == "LOSING"
    assert list(RewardDecision.objects.values_list("player_id", flat=True)) == ["alice"]
    assert Run.objects.get(pk=run["run_id"]).started_by.username == "operator"  # type: ignore[union-attr]


def test_a_batch_repeated_pays_nobody_twice(users: dict[str, ApiUser]) -> None:
    cast.make_rule()
    cast.make_player("alice")

    for _ in range(2):
        users["Operator"].post("/api/batch/process", {"player_ids": ["alice"], "on": "2026-03-10"})

    assert RewardDecision.objects.count() == 1
    assert RewardHistory.objects.count() <= 1


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 400),
        ({"player_ids": []}, 400),
        ({"player_ids": "alice"}, 400),
        ({"player_ids": [7]}, 400),
        ({"player_ids": ["alice"], "on": "today"}, 400),
        ({"player_ids": ["x" * 51]}, 400),
        ({"player_ids": [f"p{number}" for number in range(1001)]}, 400),
        ({"player_ids": ["alice", "nobody"]}, 404),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_batch_that_makes_no_sense_runs_nothing(
    users: dict[str, ApiUser], body: dict[str, object], status: int
) -> None:
    cast.make_player("alice")

    answer = users["Operator"].post("/api/batch/process", body)

    assert answer[0] == status
    error_of(answer)
    assert not Run.objects.exists()


def test_before_the_first_night_the_dashboard_says_so(users: dict[str, ApiUser]) -> None:
    status, figures = users["Finance"].get("/api/analytics/dashboard")

    assert status == 200
    assert figures == {"as_of": None, "figures": None, "last_night": None, "open_imports": []}


def test_the_dashboard_gives_the_figures_of_the_last_night(users: dict[str, ApiUser]) -> None:
    cast.make_alice()
    cast.make_bob()
    rule = cast.make_rule()
    run = Run.objects.create(kind=RunKind.NIGHT, business_date=cast.ON, status="SUCCEEDED")
    for player, verdict, given in (("alice", "APPROVED", "300.00"), ("bob", "REJECTED", "0.00")):
        RuleAllocation.objects.create(
            run_id=run.pk,
            player_id=player,
            rule_number=rule.number,
            verdict=verdict,
            reason="" if verdict == "APPROVED" else "CAP_REACHED",
            reasons=[],
            amount_computed=Decimal(300),
            amount_given=Decimal(given),
            money_value=Decimal(given),
            expected_cost=Decimal(90),
            expected_margin=Decimal(200),
            wagering_multiplier=1,
            exclusive_group="",
        )
    write_daily_summary(run=run)
    ImportJob.objects.create(file_name="players.csv", business_date=cast.ON)

    _, shown = users["Analyst"].get("/api/analytics/dashboard")

    figures = shown["figures"]
    assert (shown["as_of"], shown["last_night"]["status"]) == ("2026-03-10", "SUCCEEDED")
    assert figures["players"]["by_segment"] == {"LOSING": 2}
    assert figures["segments"]["LOSING"]["ggr"] == "6000.00"
    assert (figures["rewards"]["given"], figures["rewards"]["money_value"]) == (1, "300.00")
    assert figures["rewards"]["expected_cost"] == "90.00"
    assert figures["rewards"]["rejected_by_reason"] == {"CAP_REACHED": 1}
    assert figures["rewards"]["by_rule"][0]["by_verdict"] == {"APPROVED": 1, "REJECTED": 1}
    assert figures["liability"]["LP"]["balance"] == "100.00"
    assert figures["liability"]["BONUS"]["balance"] == "50.00"
    assert [job["file_name"] for job in shown["open_imports"]] == ["players.csv"]


def test_a_night_run_again_replaces_its_figures(users: dict[str, ApiUser]) -> None:
    run = Run.objects.create(kind=RunKind.NIGHT, business_date=cast.ON)
    write_daily_summary(run=run)
    cast.make_player("alice")

    write_daily_summary(run=run)

    assert DailySummary.objects.get().figures["players"]["total"] == 1
