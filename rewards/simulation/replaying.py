"""Replay a period night by night, with decisions, budgets and grants of the replay's own."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal

from core.expressions import fetch_rows, run_statement
from core.models import Run
from core.runs import ALL_KEYS
from rewards.definitions import RuleDefinition
from rewards.facts import fill_facts
from rewards.fields import LIFETIME_MEASURES
from rewards.live import allocate_facts
from rewards.occasions import occasion_of_night
from rewards.rechecking import recheck_allocations
from rewards.simulation.balances import begin_balances, carry_balances_to, credit_virtually
from rewards.simulation.history import KEPT, Scope, begin_history, carry_to
from rewards.simulation.outcomes import Outcome
from rewards.simulation.sandbox import analyze, empty_working_tables, shadow_budgets, shadow_empty

_ZERO = Decimal("0.00")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayedDay:
    """What one night of the period gives; `players_reached` counts everybody reached by then."""

    on: date
    matches: int
    rewards: int
    money_value: Decimal
    expected_cost: Decimal
    beyond_budget: int
    players_reached: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayedRefusal:
    """On how many player-days matches ended without a reward for one reason."""

    verdict: str
    reason: str
    player_days: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayedBudget:
    """How a rule's budgets held: when the total was used up, on how many days the day's budget or share refused."""

    rule_id: str
    daily_budget: Decimal | None
    total_budget: Decimal | None
    given: Decimal
    exhausted_on: date | None
    days_cut: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """What a set of rules would have given in a period; versions by rule."""

    versions: dict[str, int]
    total: Outcome
    by_rule: list[Outcome]
    days: list[ReplayedDay]
    refusals: list[ReplayedRefusal]
    budgets: list[ReplayedBudget]


@dataclass(slots=True)
class _Tally:
    """What is added up in the process: one figure per day and rule, whatever the number of players."""

    days: list[ReplayedDay] = field(default_factory=list)
    refusals: dict[tuple[str, str], int] = field(default_factory=lambda: defaultdict(int))
    matches: dict[int, int] = field(default_factory=lambda: defaultdict(int))
    given: dict[int, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    days_cut: dict[int, int] = field(default_factory=lambda: defaultdict(int))
    exhausted_on: dict[int, date] = field(default_factory=dict)


def replay(rules: Sequence[RuleDefinition], *, run: Run, scope: Scope) -> Replay:
    """Return what the rules would have given from day to day.

    Must run in a sandbox of its own.
    """
    tally = _Tally()
    _begin(rules, scope=scope)
    for on in _days(scope):
        _replay_day(rules, on=on, run=run, scope=scope, tally=tally)
    return _read(rules, tally=tally)


def _days(scope: Scope) -> Iterator[date]:
    for number in range((scope.until - scope.since).days + 1):
        yield scope.since + timedelta(days=number)


def _begin(rules: Sequence[RuleDefinition], *, scope: Scope) -> None:
    begin_history(scope)
    if scope.has_balances:
        begin_balances(scope)
    shadow_budgets(rules, is_empty=True)
    # It asks what the rule costs; a guardrail would hide that on the very days it matters.
    run_statement("UPDATE reward_rules SET forecast_cost = NULL", [])
    shadow_empty("reward_decisions")
    run_statement("CREATE INDEX ON reward_decisions (player_id, rule_number)", [])


def _replay_day(rules: Sequence[RuleDefinition], *, on: date, run: Run, scope: Scope, tally: _Tally) -> None:
    carry_to(on, scope=scope)
    if scope.has_balances:
        carry_balances_to(on, scope=scope)
    empty_working_tables()
    occasion = occasion_of_night(run_id=run.pk, on=on)
    fill_facts(run_id=run.pk, on=on, columns=scope.columns, kept=KEPT)
    allocate_facts(rules, occasion=occasion, on_filled=analyze)
    recheck_allocations(rules, occasion=occasion, keys=ALL_KEYS)
    _count(rules, on=on, run=run, tally=tally)
    _book(rules, on=on, run=run, scope=scope)


def _count(rules: Sequence[RuleDefinition], *, on: date, run: Run, tally: _Tally) -> None:
    rows = fetch_rows(
        """
        SELECT rule_number, verdict, reason, count(*), count(*) FILTER (WHERE amount_given > 0),
               coalesce(sum(money_value), 0), coalesce(sum(expected_cost) FILTER (WHERE amount_given > 0), 0)
        FROM rule_allocations WHERE run_id = %s GROUP BY rule_number, verdict, reason
        """,
        [run.pk],
    )
    beyond: dict[int, int] = defaultdict(int)
    paced = {row[0] for row in rows if row[2] == "PACING"}
    given_before = dict(tally.given)
    for number, verdict, reason, matches, rewards, value, _ in rows:
        tally.matches[number] += matches
        tally.given[number] += value
        if not rewards:
            tally.refusals[verdict, reason] += matches
        if reason in ("BUDGET", "PACING"):
            beyond[number] += matches
    tally.days.append(
        ReplayedDay(
            on=on,
            matches=sum(row[3] for row in rows),
            rewards=sum(row[4] for row in rows),
            money_value=sum((row[5] for row in rows), _ZERO),
            expected_cost=sum((row[6] for row in rows), _ZERO),
            beyond_budget=sum(beyond.values()),
            players_reached=0,
        )
    )
    for rule in rules:
        if rule.number in beyond:
            given = given_before.get(rule.number, _ZERO)
            _note_cut(rule, on=on, given_before=given, is_paced=rule.number in paced, tally=tally)


def _note_cut(rule: RuleDefinition, *, on: date, given_before: Decimal, is_paced: bool, tally: _Tally) -> None:
    """Tell which budget refused: the total one where it left no more than the day's, or the day's share of it."""
    daily, total = rule.limits.daily_budget, rule.limits.total_budget
    if not is_paced and total is not None and (daily is None or total - given_before <= daily):
        tally.exhausted_on.setdefault(rule.number, on)
    else:
        tally.days_cut[rule.number] += 1


_GIVEN_SQL = "a.run_id = %s AND a.verdict IN ('APPROVED', 'REDUCED', 'PENDING_REVIEW')"


def _book(rules: Sequence[RuleDefinition], *, on: date, run: Run, scope: Scope) -> None:
    """Keep what later days must know: decisions that count, and what they granted."""
    kept = " ".join(f"WHEN {rule.number} THEN jsonb_build_object({_measures_kept(rule)})" for rule in rules)
    run_statement(
        f"""
        INSERT INTO reward_decisions (player_id, rule_number, occasion, rule_version, run_id, verdict, reasons, facts,
                                      segment, tier, amount_given, money_value, expected_cost, expected_margin,
                                      first_on, last_on)
        SELECT a.player_id, a.rule_number, %s, 0, a.run_id, a.verdict, '[]', CASE a.rule_number {kept} END,
               f.segment, f.tier, a.amount_given, a.money_value, a.expected_cost, a.expected_margin, %s, %s
        FROM rule_allocations a JOIN player_facts f ON f.run_id = a.run_id AND f.player_id = a.player_id
        WHERE {_GIVEN_SQL}
        """,
        [on.isoformat(), on, on, run.pk],
    )
    run_statement(
        """
        INSERT INTO wallet_lots (player_id, granted_on, promotional_value, expected_cost, rule_number)
        SELECT player_id, %s, money_value, expected_cost, rule_number FROM rule_allocations a
        WHERE a.run_id = %s AND a.amount_given > 0
        """,
        [on, run.pk],
    )
    if scope.has_balances:
        credit_virtually(rules, run_id=run.pk)


def _measures_kept(rule: RuleDefinition) -> str:
    """Return what a later reward is measured from, where the rule asks for play since the last one."""
    asked = {column for known in rule.fields if known.is_since_last_reward for column in known.columns}
    return ", ".join(f"'{column}', f.{column}" for column in LIFETIME_MEASURES if column in asked)


_REACHED_SQL = """
    SELECT first_on, count(*) FROM (
        SELECT min(first_on) AS first_on FROM reward_decisions WHERE amount_given > 0 GROUP BY player_id
    ) reached GROUP BY first_on
"""
# The margin of a player is that of the last reward: each player's counts once, though every night expects it anew.
_TOTALS_SQL = """
    SELECT count(*), coalesce(sum(rewards), 0)::bigint, coalesce(sum(money_value), 0), coalesce(sum(expected_cost), 0),
           coalesce(sum(expected_margin), 0)
    FROM (
        SELECT count(*) AS rewards, sum(money_value) AS money_value, sum(expected_cost) AS expected_cost,
               (array_agg(expected_margin ORDER BY first_on DESC, id DESC))[1] AS expected_margin
        FROM reward_decisions
        WHERE amount_given > 0 AND (%s::integer IS NULL OR rule_number = %s) GROUP BY player_id
    ) players
"""


def _read(rules: Sequence[RuleDefinition], *, tally: _Tally) -> Replay:
    total = _outcome("", rule_number=None, matches=sum(tally.matches.values()))
    by_rule = [_outcome(rule.rule_id, rule_number=rule.number, matches=tally.matches[rule.number]) for rule in rules]
    refusals = [
        ReplayedRefusal(verdict=verdict, reason=reason, player_days=count)
        for (verdict, reason), count in sorted(tally.refusals.items(), key=lambda item: (-item[1], item[0]))
    ]
    return Replay(
        versions={rule.rule_id: rule.version for rule in rules},
        total=total,
        by_rule=by_rule,
        days=_with_reached(tally.days),
        refusals=refusals,
        budgets=[_budget(rule, tally) for rule in rules if rule.limits.has_budget],
    )


def _outcome(name: str, *, rule_number: int | None, matches: int) -> Outcome:
    row = fetch_rows(_TOTALS_SQL, [rule_number, rule_number])[0]
    players, rewards, money_value, expected_cost, expected_margin = row
    return Outcome(
        name=name,
        matches=matches,
        players=players,
        rewards=rewards,
        money_value=money_value,
        expected_cost=expected_cost,
        expected_margin=expected_margin,
    )


def _with_reached(days: Sequence[ReplayedDay]) -> list[ReplayedDay]:
    new = dict(fetch_rows(_REACHED_SQL, []))
    reached, found = 0, []
    for day in days:
        reached += new.get(day.on, 0)
        found.append(
            ReplayedDay(
                on=day.on,
                matches=day.matches,
                rewards=day.rewards,
                money_value=day.money_value,
                expected_cost=day.expected_cost,
                beyond_budget=day.beyond_budget,
                players_reached=reached,
            )
        )
    return found


def _budget(rule: RuleDefinition, tally: _Tally) -> ReplayedBudget:
    return ReplayedBudget(
        rule_id=rule.rule_id,
        daily_budget=rule.limits.daily_budget,
        total_budget=rule.limits.total_budget,
        given=tally.given[rule.number],
        exhausted_on=tally.exhausted_on.get(rule.number),
        days_cut=tally.days_cut[rule.number],
    )
