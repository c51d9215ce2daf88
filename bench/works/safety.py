"""Safety of one reward in database time, and of everybody's beside the evaluation that found them, in one process.

What months of rewards come to, with profitability and without, is `bench.rewarded_play`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from functools import partial
from typing import Any
from unittest.mock import patch

from django.db import connection, transaction

from bench.measuring import Line, Yardstick, per_second, seconds_of
from bench.population import Population, play_another_day
from bench.rules.saving import save_rules
from bench.stand import Stand
from core.expressions import fetch_rows, run_statement
from core.models import Run, RunKind
from core.runs import KeyRange, ranges_between
from loyalty.pipeline import night_edges
from players.models import Player
from rewards.allocation import allocate_rules
from rewards.definitions import RuleDefinition
from rewards.evaluation import match_rules
from rewards.facts import fill_facts, needed_columns
from rewards.judging import judge_matches
from rewards.occasions import occasion_of_night
from rewards.rules import active_rules
from rewards.working_tables import FACTS, summarize_blocks
from safety.expected_value import Reward, calculate_expected_value
from safety.profitability import RewardTerms, refresh_segment_baselines

_ONE_MS = 5
_TIMES = 2
_SAMPLES = 100
# No key is beyond it, so a range that begins and ends there holds nobody.
_BEYOND = "\U0010ffff"
_TERMS = RewardTerms(
    reward_type="BONUS_BALANCE",
    wagering_requirement=Decimal(10),
    eligible_games=("slots", "roulette"),
    max_conversion=Decimal(100),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Night:
    """Seconds of one process, chunk by chunk."""

    matches: int
    facts: float
    matching: float
    safety: float


def measure(stand: Stand) -> Iterator[Line]:
    """Measure one player at a time, then everybody."""
    with stand.populated(stand.players) as population:
        save_rules(players=population.players)
        on = population.on + timedelta(days=1)
        play_another_day(on=on)
        refresh_segment_baselines(on=on)
        yield _one_line(stand)
        yield _all_line(stand, population)


def _one_line(stand: Stand) -> Line:
    stand.say(f"safety of one reward, {_SAMPLES} players")
    drawn = Player.objects.extra(order_by=["drawn"], select={"drawn": "hashtextextended(player_id, 7)"})
    player_ids = list(drawn.values_list("player_id", flat=True)[:_SAMPLES])
    reward = Reward(amount=Decimal(20), terms=_TERMS)
    spent = [_database_seconds(partial(_ask, player_id, reward)) for player_id in player_ids]
    empty = sorted(_database_seconds(_ask_nothing) for _ in player_ids)[len(spent) // 2]
    p95 = sorted(spent)[int(len(spent) * 0.95)]
    return Line(
        work="safety of one reward, p95 of database time",
        seconds=p95,
        rate=per_second(1, seconds=p95, unit="rewards"),
        limit=Yardstick(name=f"{_ONE_MS} ms", seconds=_ONE_MS / 1000, times=1),
        note="cost, margin, caps and everything granted before, policies and assumptions read anew: all statements of "
        f"calculate_expected_value and its commit together; the first, which makes the session's plans, "
        f"{spent[0] * 1000:.1f} ms, the middle {sorted(spent)[len(spent) // 2] * 1000:.1f} ms, an empty statement "
        f"{empty * 1000:.2f} ms",
    )


def _ask(player_id: str, reward: Reward) -> None:
    calculate_expected_value(player_id=player_id, reward=reward)


def _ask_nothing() -> None:
    fetch_rows("SELECT 1", [])


def _database_seconds(act: Callable[[], None]) -> float:
    """Return how long the statements of an act take, waiting for the server and the commit included."""
    spent = 0.0
    commit = connection.commit

    def timed(work: Callable[..., Any], *given: Any) -> Any:
        nonlocal spent
        began = time.perf_counter()
        try:
            return work(*given)
        finally:
            spent += time.perf_counter() - began

    with connection.execute_wrapper(timed), patch.object(connection, "commit", partial(timed, commit)):
        act()
    return spent


def _all_line(stand: Stand, population: Population) -> Line:
    on = population.on + timedelta(days=1)
    rules = active_rules(on=on)
    run = Run.objects.create(kind=RunKind.SIMULATION, business_date=on)
    stand.say(f"{population.players:,} players: safety of {len(rules)} rules")
    night = _decide_all(run, rules=rules, ranges=ranges_between(night_edges()))
    return Line(
        work=f"safety of everybody, {len(rules)} rules judged and allocated",
        seconds=night.safety,
        rate=per_second(night.matches, seconds=night.safety, unit="matches"),
        limit=Yardstick(name="their evaluation: facts and matches", seconds=night.facts + night.matching, times=_TIMES),
        note=f"one process, {night.matches:,} matches; frequency, cooldown, restrictions, abuse, cost, margin, caps "
        f"and what rewards compete for, stored. Facts {night.facts:.1f} s, matches {night.matching:.1f} s; against the "
        f"matches alone {night.safety / night.matching:.1f} ×",
    )


def _decide_all(run: Run, *, rules: Sequence[RuleDefinition], ranges: Sequence[KeyRange]) -> _Night:
    """Go through the night's steps, the planner's statistics refreshed between them as the night does."""
    occasion = occasion_of_night(run_id=run.pk, on=run.business_date)
    columns, found = needed_columns(rules), list[int]()

    def of_every_chunk(work: Callable[[KeyRange], object], *, then_refresh: str) -> float:
        # Statements are compiled once per run, which a night of a million does not notice: before the clock.
        work(KeyRange(lower=_BEYOND, upper=_BEYOND))
        seconds = 0.0
        for keys in ranges:
            with transaction.atomic():
                seconds += seconds_of(partial(work, keys))
        run_statement(f"ANALYZE {then_refresh}", [])
        if then_refresh != FACTS:
            summarize_blocks(then_refresh)
        return seconds

    facts = of_every_chunk(
        lambda keys: fill_facts(run_id=run.pk, on=run.business_date, columns=columns, keys=keys), then_refresh=FACTS
    )
    matching = of_every_chunk(
        lambda keys: found.append(match_rules(rules, run_id=run.pk, keys=keys)), then_refresh="player_matches"
    )
    safety = of_every_chunk(
        lambda keys: judge_matches(rules, occasion=occasion, keys=keys), then_refresh="rule_candidates"
    )
    safety += of_every_chunk(
        lambda keys: allocate_rules(rules, occasion=occasion, keys=keys), then_refresh="rule_allocations"
    )
    return _Night(matches=sum(found), facts=facts, matching=matching, safety=safety)
