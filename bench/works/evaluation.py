"""Fifty rules for everybody: conditions evaluated, amounts computed, matches stored; by one process."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import transaction

from bench import database
from bench.measuring import Line, Peer, Yardstick, per_second, seconds_of
from bench.peers.zen_rules import ZenDecision, ZenExpression, as_zen_input
from bench.population import Population, play_another_day
from bench.rules import RULES
from bench.rules.saving import save_rules
from bench.stand import Stand
from bench.works.growth import growth_line
from core.expressions import compile_expression
from core.models import Run, RunKind
from core.runs import KeyRange, ranges_between
from loyalty.pipeline import night_edges
from rewards.definitions import RuleDefinition
from rewards.evaluation import match_rules
from rewards.expressions import field_expression
from rewards.facts import fill_facts, needed_columns
from rewards.fields import FIELDS
from rewards.models import PlayerFacts
from rewards.rules import active_rules

_EVALUATIONS_PER_SECOND = 8_000_000
_ZEN_TIMES = 12
_ZEN_PLAYERS = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """What one process did, chunk by chunk, as the night's workers do."""

    players: int
    rules: int
    matches: int
    fact_seconds: float
    match_seconds: float

    @property
    def evaluations(self) -> int:
        return self.players * self.rules


def measure(stand: Stand) -> Iterator[Line]:
    """Measure one process, so that a rate is a rate per core; zen-engine gets a sample of the same facts."""
    with stand.populated(stand.fewer_players) as population:
        smaller = _evaluate(stand, population)
    with stand.populated(stand.players) as population:
        whole = _evaluate(stand, population)
        zen = _zen_seconds_per_evaluation(stand)
    yield _facts_line(whole)
    yield _match_line(whole, zen=zen)
    yield growth_line(
        "50 rules evaluated",
        fewer=smaller.players,
        fewer_seconds=smaller.match_seconds,
        more=whole.players,
        seconds=whole.match_seconds,
    )


def _evaluate(stand: Stand, population: Population) -> Evaluation:
    save_rules(players=population.players)
    on = population.on + timedelta(days=1)
    play_another_day(on=on)
    rules = active_rules(on=on)
    run = Run.objects.create(kind=RunKind.SIMULATION, business_date=on)
    stand.say(f"{population.players:,} players: facts and {len(rules)} rules")
    figures = [_evaluate_chunk(run, rules=rules, keys=keys) for keys in ranges_between(night_edges())]
    return Evaluation(
        players=population.players,
        rules=len(rules),
        matches=sum(matches for matches, _, _ in figures),
        fact_seconds=sum(seconds for _, seconds, _ in figures),
        match_seconds=sum(seconds for _, _, seconds in figures),
    )


def _evaluate_chunk(run: Run, *, rules: Sequence[RuleDefinition], keys: KeyRange) -> tuple[int, float, float]:
    matches: list[int] = []
    columns = needed_columns(rules)
    with transaction.atomic():
        fact_seconds = seconds_of(lambda: fill_facts(run_id=run.pk, on=run.business_date, columns=columns, keys=keys))
        match_seconds = seconds_of(lambda: matches.append(match_rules(rules, run_id=run.pk, keys=keys)))
    return matches[0], fact_seconds, match_seconds


def _facts_line(whole: Evaluation) -> Line:
    return Line(
        work="facts of everybody, windows included",
        seconds=whole.fact_seconds,
        rate=per_second(whole.players, seconds=whole.fact_seconds, unit="players"),
        note="one process; once per run, before the rules",
    )


def _match_line(whole: Evaluation, *, zen: _Zen) -> Line:
    evaluations = whole.evaluations
    return Line(
        work=f"{whole.rules} rules evaluated, matches stored",
        seconds=whole.match_seconds,
        rate=per_second(evaluations, seconds=whole.match_seconds, unit="evaluations"),
        limit=Yardstick(
            name="8 M evaluations per second per core", seconds=evaluations / _EVALUATIONS_PER_SECOND, times=1
        ),
        peer=Peer(name="zen-engine, one core", seconds=evaluations * zen.amount_seconds, times=_ZEN_TIMES),
        note=f"one process; {whole.matches:,} matches ({whole.matches / evaluations:.1%} of the pairs). {zen.note}",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Zen:
    """Seconds per evaluation in zen's forms, over so many players: with amounts, yes or no, and as one expression."""

    players: int
    matches: int
    amount_seconds: float
    decision_seconds: float
    expression_seconds: float

    @property
    def note(self) -> str:
        amounts, decision, expression = (
            f"{1e-6 / seconds:.2f} M/s"
            for seconds in (self.amount_seconds, self.decision_seconds, self.expression_seconds)
        )
        return (
            f"zen-engine finds the same matches and amounts for {self.players:,} of the players ({self.matches:,} "
            "matches), its rules compiled and its inputs and all derived figures made before the clock, and stores "
            f"nothing: {amounts} as a decision with a name per rule. Saying only yes or no it does {decision}, as one "
            f"bare expression without names {expression}"
        )


def _zen_seconds_per_evaluation(stand: Stand) -> _Zen:
    decision, expression = ZenDecision(RULES), ZenExpression(RULES)
    stand.say("zen-engine")
    inputs = [as_zen_input(row) for row in _facts_of_some(decision.fields)]
    decision.matches(inputs[:100])
    found: list[int] = []
    amounts: list[dict[str, float | None]] = []
    gc.disable()
    try:
        amount_seconds = seconds_of(lambda: amounts.extend(decision.amounts(inputs)))
        decision_seconds = seconds_of(lambda: found.append(decision.matches(inputs)))
        expression_seconds = seconds_of(lambda: found.append(expression.matches(inputs)))
    finally:
        gc.enable()
    _check_same_matches(found, amounts=amounts)
    evaluations = len(inputs) * len(RULES)
    return _Zen(
        players=len(inputs),
        matches=found[0],
        amount_seconds=amount_seconds / evaluations,
        decision_seconds=decision_seconds / evaluations,
        expression_seconds=expression_seconds / evaluations,
    )


_SOME_PLAYERS = "SELECT player_id FROM players ORDER BY hashtextextended(player_id, 9), player_id LIMIT {count}"


def _facts_of_some(fields: Sequence[str]) -> list[dict[str, Any]]:
    """Return the fields of some players drawn by hash, computed by the same expressions as the rules'."""
    compiled = [compile_expression(field_expression(FIELDS[name], rule_number=0), model=PlayerFacts) for name in fields]
    parameters = [parameter for _, own in compiled for parameter in own]
    chosen = _SOME_PLAYERS.format(count=_ZEN_PLAYERS)
    columns = ", ".join(sql for sql, _ in compiled)
    with database.connect() as connection:
        rows = connection.execute(
            f"SELECT {columns} FROM player_facts WHERE player_id IN ({chosen})".encode(), parameters
        ).fetchall()
    return [dict(zip(fields, row, strict=True)) for row in rows]


def _check_same_matches(found: Sequence[int], *, amounts: Sequence[dict[str, float | None]]) -> None:
    """A peer that finds other matches or amounts is evaluating other rules; it does not round, and counts in floats."""
    chosen = _SOME_PLAYERS.format(count=len(amounts))
    of_chosen = f"FROM rule_matches WHERE player_id IN ({chosen})"
    ours = database.scalar(f"SELECT count(*) {of_chosen}")
    given = [amount for player in amounts for amount in player.values() if amount is not None]
    if any(theirs != ours for theirs in (*found, len(given))):
        raise AssertionError(f"zen-engine finds {found[0]}, {found[1]} and {len(given)} matches, the house {ours}")
    cents = database.scalar(f"SELECT sum(amount) * 100 {of_chosen}")
    theirs = sum(amount for amount in given if amount >= 0) * 100
    if abs(theirs - cents) > ours:
        raise AssertionError(f"zen-engine computes {theirs:.0f} cents for {ours} matches, the house {cents}")
