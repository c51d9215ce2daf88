"""The main job, composed in one place.

The night: restrictions → points from play → expiry → metrics → detection → risk → segments → tiers → rules →
reconcile → daily facts. Each is a named step cut into chunks; a killed night is run again and goes on where it stopped,
and nobody is paid twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from core.errors import NotFoundError
from core.expressions import run_statement
from core.models import Run, RunKind, RunStatus, RunStep
from core.partitions import ensure_month_partitions
from core.runs import (
    ChunkContext,
    Counts,
    KeyRange,
    Step,
    execute_steps,
    finish_run,
    ranges_between,
    recorded_failure,
    sample_key_edges,
    step_counts,
)
from loyalty.policies import NIGHT_CHUNK_PLAYERS, NIGHT_WORKERS
from players.metrics import refresh_metrics, refresh_volatility
from players.models import Player
from players.restrictions.due import refresh_blocked
from players.segmentation import batch_reclassify_players
from reporting.liability_days import write_liability_days
from reporting.summaries import write_daily_summary
from rewards.allocation import allocate_rules, allocation_blocks
from rewards.budgets import recount_budgets, settle_budget
from rewards.definitions import RuleDefinition
from rewards.evaluation import match_rules
from rewards.events import evaluate_events, tier_events
from rewards.facts import fill_facts, needed_columns
from rewards.guardrail import hold_to_forecasts
from rewards.issuing import close_ended_rewards, issue_rewards
from rewards.judging import judge_matches
from rewards.live import evaluate_now
from rewards.occasions import Occasion, occasion_of_night
from rewards.places import release_places
from rewards.pooling import settle_pools
from rewards.reviewing.deciding import keep_reviews
from rewards.rules import active_rules, refused_rules, rules_of_versions
from rewards.tiers import evaluate_tiers, reached_tiers, record_points_earned
from rewards.working_tables import forget_earlier_runs, forget_matches, summarize_blocks, working_tables_hold
from safety.abuse import score_players
from safety.assumption_versions import take_up_assumptions
from safety.detection.running import detect_among_players, detect_by_player
from safety.pools import active_pools, lock_pools, recount_pools
from safety.profitability import refresh_segment_baselines
from safety.violations import forget_old_violations
from wallet.bonus_life import complete_met_bonuses, settle_due_lots
from wallet.counted_wagers import forget_counted_wagers
from wallet.digests import export_digest, last_digest_at, store_digest
from wallet.expiry import expire_bonuses
from wallet.ledger import lock_players
from wallet.play import post_points_from_play
from wallet.reconciliation import reconcile
from wallet.restricting import apply_started

if TYPE_CHECKING:
    from django.contrib.auth.models import User

LEDGER_TABLES = ("transactions", "wallet_lots", "wallet_lot_movements", "loyalty_balances")
STANDING_TABLES = ("players", "player_metrics", "player_days", "reward_decisions", *LEDGER_TABLES)
FACTS_STEP = "rules: facts and matches"
# With 17,000 players in a chunk a night took a sixth more processor time than with these, with fewer no less. But in
# more chunks than this the planner's histograms, of 100 bars, could take one for empty.
_QUICK_CHUNK_PLAYERS = 10_000
_CHUNKS_TOLD_APART = 50
OnChunk = Callable[[RunStep], None]


def open_night(*, business_date: date, started_by: User | None = None) -> Run:
    """Return the night of a business date, making it if it is new: there is one, however many start it.

    What it will decide by is fixed now: the versions of the rules, and from when the ledger is to be proved.
    """
    with transaction.atomic():
        run = Run.objects.filter(kind=RunKind.NIGHT, business_date=business_date).first()
        if run is None:
            run = _new_night(business_date=business_date, started_by=started_by)
    return run


def _new_night(*, business_date: date, started_by: User | None) -> Run:
    since = last_digest_at()
    refused = refused_rules(on=business_date)
    parameters = {
        "rules": [{"rule_id": rule.rule_id, "version": rule.version} for rule in active_rules(on=business_date)],
        "rules_refused": {rule_id: [str(problem) for problem in problems] for rule_id, problems in refused.items()},
        "reconcile_since": since.isoformat() if since else None,
        "volatility_since": _last_night_on(),
        "rewards_ended_since": _last_night_began_at(),
        "edges": night_edges(),
    }
    run, _ = Run.objects.get_or_create(
        kind=RunKind.NIGHT,
        business_date=business_date,
        defaults={"parameters": parameters, "started_by": started_by},
    )
    return run


def night_edges() -> list[str]:
    """Return the keys that cut all players into the chunks of a night."""
    return sample_key_edges(
        table="players",
        column="player_id",
        rows_per_chunk=players_per_chunk(players=Player.objects.count()),
        workers=NIGHT_WORKERS.value(),
    )


def players_per_chunk(*, players: int) -> int:
    """Return how many of so many players make a chunk: what is quickest, as far as policy and planner allow."""
    return min(NIGHT_CHUNK_PLAYERS.value(), max(_QUICK_CHUNK_PLAYERS, players // _CHUNKS_TOLD_APART))


def _last_night_on() -> str | None:
    nights = Run.objects.filter(kind=RunKind.NIGHT, status=RunStatus.SUCCEEDED).order_by("-business_date")
    last = nights.values_list("business_date", flat=True).first()
    return last.isoformat() if last else None


def _last_night_began_at() -> str | None:
    last = Run.objects.filter(kind=RunKind.NIGHT, status=RunStatus.SUCCEEDED).order_by("-started_at").first()
    return last.started_at.isoformat() if last else None


def work_on_night(run: Run, *, on_chunk: OnChunk | None = None) -> Run:
    """Work through a night together with whoever else does; return it finished. A finished one is returned as it is."""
    if run.status == RunStatus.SUCCEEDED:
        return run
    with recorded_failure(run):
        _begin(run)
        execute_steps(run, night_steps(run), on_chunk=on_chunk)
        finish_run(run, step_counts(run))
    return run


def _begin(run: Run) -> None:
    """Make the night ready to be worked on, by whoever comes first; the others wait."""
    with transaction.atomic():
        Run.objects.select_for_update(no_key=True).get(pk=run.pk)
        Run.objects.filter(pk=run.pk, status=RunStatus.FAILED).update(status=RunStatus.RUNNING, error="")
        ensure_month_partitions(table="transactions", today=timezone.localdate())
        ensure_month_partitions(table="player_activity", today=timezone.localdate())
        _restart_evaluation_if_lost(run)
        run.refresh_from_db()


def _restart_evaluation_if_lost(run: Run) -> None:
    """Go back to the facts where a crash of the database emptied the working tables; decided matches stay decided."""
    facts = RunStep.objects.filter(run=run, name=FACTS_STEP).first()
    if facts is None or working_tables_hold(run_id=run.pk):
        return
    if step_counts(run).get(FACTS_STEP, {}).get("players"):
        RunStep.objects.filter(run=run, position__gte=facts.position).delete()
        recount_budgets(on=run.business_date)
        lock_pools()
        recount_pools(active_pools(), since=run.business_date)
        release_places(run_id=run.pk)
        # The allocations of what was posted before are gone: whoever sums up the night must read its decisions.
        Run.objects.filter(pk=run.pk).update(parameters={**run.parameters, "was_evaluation_restarted": True})


def night_steps(run: Run) -> list[Step]:
    """Return the steps of a night in order."""
    rules = rules_of_versions(run.parameters["rules"])
    return [
        Step(name="restrictions", work=_restrictions, ranges=_player_ranges, before=_analyze(*STANDING_TABLES)),
        Step(name="points from play", work=_points_from_play, ranges=_player_ranges),
        Step(name="expiry", work=_expiry, ranges=_player_ranges),
        Step(name="metrics", work=_metrics, ranges=_player_ranges),
        Step(name="detection: play", work=_detection, ranges=_player_ranges, before=_analyze("player_activity")),
        Step(name="detection: rings", work=_detection_among_players, before=_analyze("safety_links")),
        Step(name="risk", work=_risk, ranges=_player_ranges),
        Step(name="segments", work=_segments, ranges=_player_ranges),
        Step(name="tiers", work=_tiers, ranges=_player_ranges),
        Step(name="tiers: welcome rewards", work=_welcome, ranges=_player_ranges),
        *_rule_steps(rules),
        Step(name="reconcile", work=_reconcile, ranges=_player_ranges, before=_analyze(*LEDGER_TABLES)),
        Step(name="daily facts", work=_daily_facts),
    ]


def _rule_steps(rules: Sequence[RuleDefinition]) -> Iterator[Step]:
    """Facts and matches, judged by themselves; then allocation in priority order, each budget settled before the next
    rule; then posting.
    """
    if not rules:
        return
    yield Step(
        name=FACTS_STEP,
        work=lambda chunk: _facts_and_matches(chunk, rules),
        ranges=_player_ranges,
        before=_prepare_evaluation,
    )
    yield Step(
        name="rules: judgement",
        work=lambda chunk: _judgement(chunk, rules),
        ranges=_player_ranges,
        before=_summarize("player_facts", "player_matches"),
    )
    blocks = allocation_blocks(rules)
    for number, block in enumerate(blocks, start=1):
        place = f"{number} of {len(blocks)}"
        yield Step(
            name=f"rules: allocation {place}, {len(block)} rule(s)",
            work=lambda chunk, block=block: _allocation(chunk, block),  # type: ignore[misc]
            ranges=_player_ranges,
            before=_summarize("rule_candidates") if block[0] is rules[0] else None,
        )
        if block[-1].limits.has_budget:
            yield Step(
                name=f"rules: budget {place}, {block[-1].rule_id}"[:60],
                work=lambda chunk, rule=block[-1]: _budget(chunk, rule),  # type: ignore[misc]
                before=_summarize("rule_allocations"),
            )
    yield Step(
        name="rules: guardrails",
        work=lambda chunk: _guardrails(chunk, rules),
        before=_analyze("rule_allocations"),
    )
    yield Step(
        name="rules: rewards",
        work=lambda chunk: _rewards(chunk, rules),
        ranges=_player_ranges,
    )


def _analyze(*tables: str) -> Callable[[Run], None]:
    """Return what refreshes the planner's statistics before a step.

    The night fills and empties these tables faster than autovacuum looks; with stale counts the planner picks nested
    loops.
    """

    def analyze(_run: Run) -> None:
        # With the usual target: a histogram coarser than a chunk tells the planner that the chunk is empty.
        for table in tables:
            run_statement(f"ANALYZE {table} {_JOINED_COLUMNS.get(table, '')}", [])

    return analyze


# Only what the night joins and cuts the large tables by: sampling every column takes as long as a chunk. The other
# columns have the statistics that autovacuum gave them.
_JOINED_COLUMNS = {
    "player_metrics": "(player_id)",
    "player_days": '(player_id, "on")',
    "player_activity": "(player_id, kind, occurred_at, device_id, ip_address, corrects_external_id)",
    "reward_decisions": "(id, player_id, rule_number, occasion, verdict, reason, first_on, last_on, run_id)",
    "transactions": "(player_id, created_at, number)",
    "wallet_lots": "(id, player_id, granted_on, expires_at)",
    "wallet_lot_movements": "(lot_id)",
    "loyalty_balances": "(player_id, head_at)",
    "player_facts": "(run_id, player_id)",
    "player_matches": "(run_id, player_id)",
    "rule_candidates": "(run_id, rule_number, player_id)",
    "rule_allocations": "(run_id, rule_number, player_id, amount_given)",
}


def _summarize(*tables: str) -> Callable[[Run], None]:
    """Return what refreshes the statistics of tables and the block ranges of the last one's index."""

    def summarize(run: Run) -> None:
        _analyze(*tables)(run)
        summarize_blocks(tables[-1])

    return summarize


def _player_ranges(run: Run) -> list[KeyRange]:
    return ranges_between(run.parameters["edges"])


def _restrictions(chunk: ChunkContext) -> Counts:
    """Let those begin and end whose time has come, before anything is given."""
    counts = apply_started(at=chunk.at, keys=chunk.keys, run_id=chunk.run.pk)
    return {**counts, "players blocked or unblocked": refresh_blocked(keys=chunk.keys)}


def _points_from_play(chunk: ChunkContext) -> Counts:
    return post_points_from_play(at=chunk.at, business_zone=settings.TIME_ZONE, keys=chunk.keys, run_id=chunk.run.pk)


def _expiry(chunk: ChunkContext) -> Counts:
    expired = expire_bonuses(at=chunk.at, keys=chunk.keys, run_id=chunk.run.pk)
    complete_met_bonuses(at=chunk.at, keys=chunk.keys)
    settle_due_lots(at=chunk.at, keys=chunk.keys)
    ended = close_ended_rewards(since=_time(chunk.run.parameters["rewards_ended_since"]), keys=chunk.keys)
    return {"lots expired": expired, "rewards ended": ended}


def _metrics(chunk: ChunkContext) -> Counts:
    stored = chunk.run.parameters["volatility_since"]
    since = date.fromisoformat(stored) if stored else None
    changed = refresh_metrics(keys=chunk.keys)
    refresh_volatility(keys=chunk.keys, active_since=since, written_since=since)
    return {"players changed": changed}


def _detection(chunk: ChunkContext) -> Counts:
    return detect_by_player(at=chunk.at, keys=chunk.keys)


def _detection_among_players(chunk: ChunkContext) -> Counts:
    return detect_among_players(at=chunk.at, began_at=chunk.run.started_at)


def _risk(chunk: ChunkContext) -> Counts:
    changed = score_players(on=chunk.run.business_date, at=chunk.at, keys=chunk.keys, run_id=chunk.run.pk)
    return {"scores changed": changed, **keep_reviews(at=chunk.at, keys=chunk.keys)}


def _segments(chunk: ChunkContext) -> Counts:
    changed = batch_reclassify_players(on=chunk.run.business_date, keys=chunk.keys, run_id=chunk.run.pk)
    return {"segments changed": changed}


def _tiers(chunk: ChunkContext) -> Counts:
    record_points_earned(on=chunk.run.business_date, keys=chunk.keys)
    return {"tiers changed": evaluate_tiers(on=chunk.run.business_date, keys=chunk.keys, run_id=chunk.run.pk)}


def _welcome(chunk: ChunkContext) -> Counts:
    """Decide the live rules that wait for a tier, for those whom this night lifted to one."""
    reached = reached_tiers(run_id=chunk.run.pk, on=chunk.run.business_date, keys=chunk.keys)
    return evaluate_events(tier_events(reached), on=chunk.run.business_date, at=chunk.at)


def _prepare_evaluation(run: Run) -> None:
    take_up_assumptions(today=timezone.localdate())
    refresh_segment_baselines(on=run.business_date)
    forget_earlier_runs(run_id=run.pk)


def _facts_and_matches(chunk: ChunkContext, rules: Sequence[RuleDefinition]) -> Counts:
    on, run_id = chunk.run.business_date, chunk.run.pk
    players = fill_facts(run_id=run_id, on=on, columns=needed_columns(rules), keys=chunk.keys)
    return {"players": players, "matches": match_rules(rules, run_id=run_id, keys=chunk.keys)}


def _occasion(chunk: ChunkContext) -> Occasion:
    return occasion_of_night(run_id=chunk.run.pk, on=chunk.run.business_date)


def _judgement(chunk: ChunkContext, rules: Sequence[RuleDefinition]) -> Counts:
    return {"candidates": judge_matches(rules, occasion=_occasion(chunk), keys=chunk.keys)}


def _allocation(chunk: ChunkContext, rules: Sequence[RuleDefinition]) -> Counts:
    return {"decided": allocate_rules(rules, occasion=_occasion(chunk), keys=chunk.keys)}


def _budget(chunk: ChunkContext, rule: RuleDefinition) -> Counts:
    return {"beyond budget": settle_budget(rule, occasion=_occasion(chunk))}


def _guardrails(chunk: ChunkContext, rules: Sequence[RuleDefinition]) -> Counts:
    """Settle in one place what whole rules and whole groups may cost; the lock of the pools comes first."""
    lock_pools()
    beyond = {"beyond guardrail": hold_to_forecasts(rules, occasion=_occasion(chunk))}
    cut = settle_pools(rules, occasion=_occasion(chunk))
    return {**beyond, "beyond caps of groups": cut} if cut else beyond


def _rewards(chunk: ChunkContext, rules: Sequence[RuleDefinition]) -> Counts:
    return issue_rewards(rules, occasion=_occasion(chunk), at=chunk.at, keys=chunk.keys)


def _reconcile(chunk: ChunkContext) -> Counts:
    return reconcile(keys=chunk.keys, since=_time(chunk.run.parameters["reconcile_since"]))


def _time(stored: str | None) -> datetime | None:
    return datetime.fromisoformat(stored) if stored else None


def _daily_facts(chunk: ChunkContext) -> Counts:
    on = chunk.run.business_date
    counts = write_liability_days(on=on, at=chunk.at, run_id=chunk.run.pk)
    store_digest(on=on, run_id=chunk.run.pk, heads=export_digest(on=on, folder=settings.LEDGER_DIGEST_FOLDER))
    write_daily_summary(run=chunk.run)
    forget_old_violations()
    forget_counted_wagers(at=chunk.at)
    forget_matches(run_id=chunk.run.pk)
    return counts


def process_players(*, player_ids: Sequence[str], on: date, started_by: User | None = None) -> dict[str, Any]:
    """Measure, segment, rank and reward the named players now, through the night's phases; return the counts.

    Decides for the business date, so the night of that date will not pay them again. Raises NotFoundError.
    """
    _check_players(player_ids)
    with transaction.atomic():
        # Held to the end: a night that has allocated for these players meanwhile looks again once we have decided.
        lock_players(player_ids)
        run = Run.objects.create(kind=RunKind.LIVE, business_date=on, started_by=started_by)
        changed = {
            "metrics changed": refresh_metrics(player_ids=player_ids),
            "segments changed": batch_reclassify_players(on=on, player_ids=player_ids, run_id=run.pk),
            "tiers changed": evaluate_tiers(on=on, player_ids=player_ids, run_id=run.pk),
        }
        at = timezone.now()
        reached = reached_tiers(run_id=run.pk, on=on, player_ids=player_ids)
        welcomes = evaluate_events(tier_events(reached), on=on, at=at, run=run)
        rewards = evaluate_now(active_rules(on=on), run=run, player_ids=player_ids, at=at)
        counts = {"players": len(player_ids), **changed, "welcome rewards": welcomes, "rewards": rewards}
        finish_run(run, counts)
    return {"run_id": run.pk, **counts}


def trigger_reward_evaluation(player_ids: Sequence[str]) -> dict[str, Any]:
    """Evaluate the rules for players whose totals were just imported, for today's business date."""
    return process_players(player_ids=player_ids, on=timezone.localdate())


def _check_players(player_ids: Sequence[str]) -> None:
    known = set(Player.objects.filter(player_id__in=player_ids).values_list("player_id", flat=True))
    if unknown := [player_id for player_id in player_ids if player_id not in known]:
        raise NotFoundError(f"there is no player {unknown[0]!r}", unknown=unknown[:100])
