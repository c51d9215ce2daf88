"""What the night does before it rewards, on copies: points credited and expired, measures, tiers, welcome rewards."""

from __future__ import annotations

from datetime import datetime

from django.utils import timezone

from core.expressions import run_statement
from core.models import Run, RunKind
from core.runs import ALL_KEYS
from players.metrics import refresh_metrics
from players.segmentation import batch_reclassify_players
from rewards.events import live_rules, tier_events
from rewards.facts import fill_facts, forget_facts, needed_columns
from rewards.live import allocate_facts
from rewards.occasions import occasion_of_events
from rewards.rechecking import recheck_allocations
from rewards.simulation.balances import add_to_balances, copy_balances, credit_virtually
from rewards.simulation.sandbox import original, shadow_copy, shadow_empty
from rewards.tiers import evaluate_tiers, reached_tiers
from rewards.triggers import TIER_REACHED
from safety.abuse import score_players
from safety.profitability import refresh_segment_baselines
from wallet.expiry import expiring_sql
from wallet.play import due_points_sql

_MEASURED = ("players", "player_metrics")
_HISTORIES = ("player_segment_changes", "player_tier_changes", "player_risk_score_changes")


def bring_up_to_date(run: Run, *, at: datetime) -> None:
    """Bring copies of the players to where the night's rules find them.

    The sandbox must have budgets of its own.
    """
    on, run_id = run.business_date, run.pk
    for name in _MEASURED:
        shadow_copy(name, index="player_id")
    for name in _HISTORIES:
        shadow_empty(name)
    copy_balances()
    _credit_and_expire(at=at)
    refresh_metrics()
    score_players(on=on, at=at, run_id=run_id)
    batch_reclassify_players(on=on, run_id=run_id)
    evaluate_tiers(on=on, run_id=run_id)
    _welcome(run, at=at)
    shadow_copy("safety_segment_baselines", unique="segment")
    refresh_segment_baselines(on=on)


def _credit_and_expire(*, at: datetime) -> None:
    """Credit what play has earned and was not posted yet, then take what expires."""
    due, due_params = due_points_sql(at=at, business_zone=timezone.get_default_timezone_name())
    run_statement(f"CREATE TEMPORARY TABLE simulated_points AS {due}", due_params)
    # Both are read before either is written: a balance that begins now has nothing to expire.
    expiring, expiring_params = expiring_sql(at=at, credited="SELECT player_id FROM simulated_points WHERE points > 0")
    run_statement(f"CREATE TEMPORARY TABLE simulated_expiry AS {expiring}", expiring_params)
    add_to_balances("SELECT player_id, 'LP' AS currency, kept AS amount, points AS earned FROM simulated_points", [])
    add_to_balances("SELECT player_id, currency_type, -amount, 0 FROM simulated_expiry", [])


def _welcome(run: Run, *, at: datetime) -> None:
    """Decide the live rules that wait for a tier, for those whom the run lifted; what they give counts from here on."""
    on = run.business_date
    names = {event.player_id: event.name for event in tier_events(reached_tiers(run_id=run.pk, on=on))}
    rules = live_rules(on=on, triggers=[TIER_REACHED])[TIER_REACHED] if names else []
    if not rules:
        return
    under = Run.objects.create(kind=RunKind.SIMULATION, business_date=on, started_at=at)
    occasion = occasion_of_events(run_id=under.pk, on=on, built_from="", names=names)
    fill_facts(run_id=under.pk, on=on, columns=needed_columns(rules), player_ids=list(names))
    allocate_facts(rules, occasion=occasion)
    recheck_allocations(rules, occasion=occasion, keys=ALL_KEYS)
    _grant(run_id=under.pk, on=on.isoformat())
    credit_virtually(rules, run_id=under.pk)
    forget_facts(run_id=under.pk)


def _grant(*, run_id: int, on: str) -> None:
    """Let what a run allocated count for caps and costs: as grants outside of the wallet, so that no lot is copied."""
    columns = "player_id, granted_on, promotional_value, expected_cost, rule_number"
    run_statement(
        f"""CREATE TEMPORARY TABLE safety_cash_grants AS
        SELECT {columns} FROM {original("safety_cash_grants")}
        UNION ALL
        SELECT player_id, %s::date, money_value, expected_cost, rule_number FROM rule_allocations
        WHERE run_id = %s AND amount_given > 0 AND money_value > 0""",
        [on, run_id],
    )
    run_statement("CREATE INDEX ON safety_cash_grants (player_id)", [])
