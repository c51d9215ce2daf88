"""The night as a whole: its steps, what it gives, what it finds again after a failure or a crash of the database."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from core.models import Run, RunStatus, RunStep
from core.policies import save_policy
from core.runs import StepsChangedError, step_counts
from loyalty import pipeline
from loyalty.fixtures import load_rules
from loyalty.pipeline import open_night, players_per_chunk, process_players, work_on_night
from players.models import Activity, Player, PlayerMetrics
from players.tests.factories import make_day, restrict
from reporting.models import DailySummary
from rewards.models import PlayerFacts, RewardDecision, RewardHistory, RewardRule, RuleAllocation, RuleBudgetDay
from rewards.rules import save_rule
from rewards.tests.factories import decision, make_player, make_rule, verdicts
from safety.models import Detector
from wallet.bonuses import add_bonus_balance
from wallet.models import LedgerDigest, LedgerEntry, Lot
from wallet.reconciliation import reconcile

pytestmark = pytest.mark.django_db
ON = date(2025, 12, 21)
TOMORROW = ON + timedelta(days=1)
STEPS = [
    "restrictions",
    "points from play",
    "expiry",
    "metrics",
    "detection: play",
    "detection: rings",
    "risk",
    "segments",
    "tiers",
    "tiers: welcome rewards",
]
CASHBACK: dict[str, Any] = {
    "name": "Cashback for losing players",
    "status": "ACTIVE",
    "priority": 10,
    "conditions": {
        "segment": "LOSING",
        "net_loss_min": 100,
        "session_count_min": 3,
        "days_since_last_deposit": {"max": 7},
    },
    "reward": {
        "type": "BONUS_BALANCE",
        "formula": "net_loss * 0.10",
        "max_amount": 500,
        "wagering_requirement": 10,
        "expiry_hours": 48,
        "eligible_games": ["slots", "roulette"],
    },
}


def night(on: date = ON) -> Run:
    return work_on_night(open_night(business_date=on))


def worked_case() -> None:
    """Import P001 as the documents show it: 5000 deposited, 15000 wagered, 12000 won, last deposit on 2025-12-20."""
    player = Player.objects.create(player_id="P001")
    PlayerMetrics.objects.create(
        player=player,
        total_deposited=Decimal(5000),
        total_wagered=Decimal(15000),
        total_won=Decimal(12000),
        total_sessions=25,
        total_playtime_hours=Decimal(48),
        last_deposit_at=datetime(2025, 12, 20, tzinfo=UTC),
    )


# ── the main job ──


def test_the_worked_case_gets_300() -> None:
    worked_case()
    save_rule(rule_id="LOSING_PLAYER_CASHBACK", content=CASHBACK, saved_by=None)

    night(date(2025, 12, 21))

    player, metrics = Player.objects.get(), PlayerMetrics.objects.get()
    assert (metrics.net_pnl, player.segment) == (Decimal("-3000.00"), "LOSING")
    row = decision("P001", "LOSING_PLAYER_CASHBACK")
    assert (row.verdict, str(row.amount_computed), str(row.amount_given)) == ("APPROVED", "300.00", "300.00")
    assert RewardHistory.objects.get().wagering_required == 3000


def test_the_worked_case_too_long_after_the_deposit_gets_nothing() -> None:
    worked_case()
    save_rule(rule_id="LOSING_PLAYER_CASHBACK", content=CASHBACK, saved_by=None)

    night(date(2025, 12, 28))

    assert not RewardDecision.objects.exists()


def test_the_steps_of_a_night_are_named_and_in_order() -> None:
    make_player()
    make_rule("FIRST", priority=9)
    make_rule("BUDGETED", priority=8, total_budget=100)
    make_rule("LAST", priority=7)

    run = night()

    assert list(RunStep.objects.order_by("position").values_list("name", flat=True)) == [
        *STEPS,
        "rules: facts and matches",
        "rules: judgement",
        "rules: allocation 1 of 2, 2 rule(s)",
        "rules: budget 1 of 2, BUDGETED",
        "rules: allocation 2 of 2, 1 rule(s)",
        "rules: guardrails",
        "rules: rewards",
        "reconcile",
        "daily facts",
    ]
    counts = step_counts(run)
    assert counts["rules: facts and matches"] == {"players": 1, "matches": 3}
    assert counts["rules: rewards"] == {"APPROVED": 3}
    assert counts["reconcile"] == {"players": 1, "entries": 3}
    assert (run.status, run.error) == (RunStatus.SUCCEEDED, "")
    assert run.finished_at is not None


def test_a_night_without_rules_or_players_is_a_night() -> None:
    assert night().status == RunStatus.SUCCEEDED
    make_player()
    assert night(TOMORROW).status == RunStatus.SUCCEEDED
    assert LedgerDigest.objects.count() == DailySummary.objects.count() == 2


def test_points_expiry_segments_and_tiers_come_before_the_rules() -> None:
    alice = make_player("alice", segment="NEW", total_wagered=Decimal(5000), total_won=Decimal(100))
    make_day(alice, ON - timedelta(days=1), wagered="12000.00", lp_due="1200.00")
    add_bonus_balance(
        player_id="alice", amount=5, wagering_requirement=Decimal(0), expiry=timedelta(hours=1), key="k", actor="t"
    )
    Lot.objects.filter(currency_type="BONUS").update(expires_at=timezone.now() - timedelta(minutes=1))
    make_rule(conditions={"segment": "LOSING", "tier": "SILVER", "lp_balance": 1200, "bonus_balance": 0})

    night()

    assert verdicts() == {"GIFT": "APPROVED"}


def test_the_second_night_of_a_date_gives_nothing() -> None:
    make_player()
    make_rule(frequency_period="DAY")
    first = night()

    assert night().pk == first.pk
    assert LedgerEntry.objects.count() == 1


def test_the_next_date_gives_once_rules_nothing_and_daily_ones_again() -> None:
    make_player()
    make_rule("ONCE")
    make_rule("DAILY", frequency_period="DAY")

    night()
    night(TOMORROW)

    given = RewardDecision.objects.filter(amount_given__gt=0).order_by("id").values_list("rule__rule_id", "first_on")
    assert sorted(given) == [("DAILY", ON), ("DAILY", TOMORROW), ("ONCE", ON)]


def test_a_night_decides_by_the_rules_it_began_with() -> None:
    make_player()
    make_rule("CHANGED", reward={"amount": 10})
    run = open_night(business_date=ON)
    make_rule("CHANGED", reward={"amount": 20})
    make_rule("NEW")

    work_on_night(run)

    assert verdicts() == {"CHANGED": "APPROVED"}
    assert (decision(rule_id="CHANGED").amount_given, decision(rule_id="CHANGED").rule_version) == (Decimal(10), 1)


def test_a_rule_that_cannot_run_is_named_in_the_run() -> None:
    make_rule("OLD")
    RewardRule.objects.update(conditions={"gone": 1})

    assert open_night(business_date=ON).parameters["rules_refused"] == {
        "OLD": ["conditions.gone: unknown field 'gone'"]
    }


def test_a_reward_whose_bonus_ended_by_day_is_closed_by_the_next_night() -> None:
    make_player()
    make_rule()
    night()
    Lot.objects.update(status="COMPLETED", closed_at=timezone.now())

    night(TOMORROW)

    assert RewardHistory.objects.get().status == "COMPLETED"


def test_chunks_do_not_change_what_anybody_gets() -> None:
    save_policy(name="NIGHT_CHUNK_PLAYERS", value="10", saved_by=None)
    for number in range(35):
        make_player(f"P{number:02d}")
    make_rule("BUDGETED", total_budget=55, priority=2)
    make_rule("REST", holdout_percent=10)

    run = night()

    assert len(run.parameters["edges"]) == 3
    assert step_counts(run)["rules: facts and matches"] == {"players": 35, "matches": 70}
    assert RewardDecision.objects.count() == 70
    assert RuleBudgetDay.objects.get().given_value <= 55
    assert reconcile()["entries"] == RewardHistory.objects.count()


@pytest.mark.parametrize(
    ("players", "per_chunk"),
    [(300, 10_000), (100_000, 10_000), (700_000, 14_000), (1_000_000, 20_000), (5_000_000, 20_000)],
)
def test_a_chunk_is_as_small_as_is_quick_but_not_more_than_fifty_are_made_below_the_policy(
    players: int, per_chunk: int
) -> None:
    assert players_per_chunk(players=players) == per_chunk


def test_the_fixture_rules_are_loaded_once_and_reach_every_kind_of_player() -> None:
    assert load_rules() == 10
    assert load_rules() == 0
    worked_case()
    make_player("new", segment="NEW", total_wagered=Decimal(500), total_won=Decimal(400))
    make_player("even", total_wagered=Decimal(50000), total_won=Decimal(50100), total_sessions=60)
    make_player("ahead", total_wagered=Decimal(20000), total_won=Decimal(30000), total_sessions=60)
    make_player("vip", total_wagered=Decimal(400000), total_won=Decimal(390000), total_sessions=110)

    night()

    assert verdicts("P001")["LOSING_PLAYER_CASHBACK"] == "APPROVED"
    assert verdicts("new")["WELCOME_BONUS"] in ("APPROVED", "HELD_OUT HELD_OUT")
    assert verdicts("even")["BREAKEVEN_VOLUME_POINTS"] == "APPROVED"
    assert verdicts("ahead")["WINNING_TOURNAMENT_TICKETS"] == "APPROVED"
    assert verdicts("vip")["VIP_PREMIUM_CASHBACK"] in ("APPROVED", "REDUCED")
    assert verdicts("vip")["VIP_PERSONAL_PERKS"] == "PENDING_REVIEW NEEDS_APPROVAL"


def test_the_days_figures_count_refusals_that_repeat() -> None:
    make_player("alice")
    make_player("bob", bonus_abuse_score=90)
    make_rule()
    night()
    night(TOMORROW)

    summary = DailySummary.objects.get(on=TOMORROW)
    assert summary.figures["rewards"]["by_verdict"] == {"REJECTED": 2}
    assert summary.figures["rewards"]["rejected_by_reason"] == {"FREQUENCY": 2}


# ── live evaluation ──


def test_what_was_decided_live_is_not_paid_again_by_the_night_of_that_date() -> None:
    worked_case()
    save_rule(rule_id="LOSING_PLAYER_CASHBACK", content=CASHBACK, saved_by=None)

    counts = process_players(player_ids=["P001"], on=ON)
    run = night()

    assert counts["rewards"] == {"APPROVED": 1}
    assert step_counts(run)["rules: rewards"] == {}
    assert LedgerEntry.objects.count() == RewardDecision.objects.count() == 1
    assert str(decision("P001", "LOSING_PLAYER_CASHBACK").amount_given) == "300.00"


def test_what_the_night_decided_is_not_paid_again_live() -> None:
    make_player()
    make_rule(frequency_period="DAY")
    night()

    assert process_players(player_ids=["alice"], on=ON)["rewards"] == {}
    assert LedgerEntry.objects.count() == 1


def test_live_evaluation_leaves_nothing_in_the_working_tables() -> None:
    make_player()
    make_rule()

    process_players(player_ids=["alice"], on=ON)

    assert not PlayerFacts.objects.exists()
    assert not RuleAllocation.objects.exists()


# ── failures and crashes ──


@pytest.fixture
def failing_reconcile(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[bool]]:
    """Let the step after the rewards fail until the list is emptied."""
    fails = [True]

    def reconcile_or_fail(**arguments: Any) -> Any:
        if fails:
            raise RuntimeError("the disk is full")
        return reconcile(**arguments)

    monkeypatch.setattr(pipeline, "reconcile", reconcile_or_fail)
    return fails  # type: ignore[return-value]


def test_a_step_that_raises_marks_the_run_failed_and_a_rerun_goes_on_there(failing_reconcile: list[bool]) -> None:
    make_player()
    make_rule()

    with pytest.raises(RuntimeError):
        night()

    failed = Run.objects.get()
    assert (failed.status, failed.error) == (RunStatus.FAILED, "RuntimeError: the disk is full")
    assert LedgerEntry.objects.count() == 1
    facts_done = RunStep.objects.get(name="rules: facts and matches").finished_at

    failing_reconcile.clear()
    resumed = night()

    assert (resumed.status, resumed.error) == (RunStatus.SUCCEEDED, "")
    assert RunStep.objects.get(name="rules: facts and matches").finished_at == facts_done
    assert LedgerEntry.objects.count() == 1


def test_a_resumed_night_is_running_again(monkeypatch: pytest.MonkeyPatch, failing_reconcile: list[bool]) -> None:
    make_player()
    with pytest.raises(RuntimeError):
        night()
    seen: list[tuple[str, str]] = []
    failing_reconcile.clear()

    def look(**_arguments: Any) -> dict[str, int]:
        seen.append(Run.objects.values_list("status", "error").get())
        return {}

    monkeypatch.setattr(pipeline, "reconcile", look)
    night()

    assert seen == [(RunStatus.RUNNING, "")]


def test_other_code_than_it_began_with_does_not_go_on_with_a_night(failing_reconcile: list[bool]) -> None:
    make_player()
    make_rule()
    with pytest.raises(RuntimeError):
        night()
    failing_reconcile.clear()
    RunStep.objects.filter(name="rules: rewards").update(name="rules: generosity")

    with pytest.raises(StepsChangedError, match="began as 'rules: generosity' and is 'rules: rewards' now"):
        night()


class ServerCrashedError(Exception):
    pass


def crash_after(step: str) -> None:
    """Run the night up to the end of a step, then lose what a crash of the server would lose."""

    def stop(record: RunStep) -> None:
        if record.name.startswith(step):
            raise ServerCrashedError

    run = open_night(business_date=ON)
    with pytest.raises(ServerCrashedError):
        work_on_night(run, on_chunk=stop)
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE player_facts, player_matches, rule_allocations")


@pytest.mark.parametrize(
    "step",
    [
        "rules: facts and matches",
        "rules: judgement",
        "rules: allocation 1",
        "rules: budget",
        "rules: allocation 2",
        "rules: rewards",
        "reconcile",
    ],
)
def test_a_night_whose_working_tables_were_lost_evaluates_again_and_pays_once(step: str) -> None:
    save_policy(name="NIGHT_CHUNK_PLAYERS", value="10", saved_by=None)
    for number in range(25):
        make_player(f"P{number:02d}")
    restrict(make_player("P99"))
    make_rule("BUDGETED", priority=2, frequency_period="DAY", daily_budget=55)
    make_rule("DAILY", frequency_period="DAY", reward={"type": "LOYALTY_POINTS", "amount": 7})
    night(ON - timedelta(days=1))

    crash_after(step)
    run = night()

    given = RewardHistory.objects.filter(run_id=run.pk)
    assert run.status == RunStatus.SUCCEEDED
    assert given.filter(rule_id="BUDGETED").count() == 5
    assert RuleBudgetDay.objects.get(on=ON).given_value == 50
    assert sorted(given.filter(rule_id="DAILY").values_list("player_id", flat=True)) == [
        f"P{number:02d}" for number in range(25)
    ]
    assert RewardDecision.objects.filter(run_id=run.pk).count() == 2 * 26
    assert list(RewardDecision.objects.filter(player_id="P99").values_list("times", flat=True)) == [2, 2]
    figures = DailySummary.objects.get(on=ON).figures["rewards"]
    assert (figures["given"], figures["decisions"]) == (30, 52)
    assert reconcile()["entries"] == 2 * 30


def test_the_night_notes_what_each_detector_found_though_its_ranges_are_looked_at_one_after_the_other() -> None:
    player = Player.objects.create(player_id="P001")
    began_at = timezone.now() - timedelta(days=2)
    Activity.objects.bulk_create(
        Activity(
            player=player,
            kind=kind,
            source="t",
            external_id=f"{kind}{number}",
            occurred_at=began_at + timedelta(minutes=number),
            amount=amount,
            bonus_amount=0,
            bet_id=str(number),
            game_category="roulette",
        )
        for number in range(100)
        for kind, amount in (("WAGER", 1), ("WIN", 2))
    )

    night()

    detector = Detector.objects.get(pk="ABNORMAL_WIN_RATE")
    assert detector.last_run == {"found": 1, "found again": 0, "new": 1}
