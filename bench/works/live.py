"""One action of one player whom fifty live rules wait for: how long the database works on it, by its own clock.

Every action goes the way of the API's: recorded, the player locked, the rules decided, posted, the decisions read back.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from itertools import count

from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from bench import database
from bench.measuring import Line, Yardstick, seconds_of
from bench.rules import RULES
from bench.stand import Stand
from core.expressions import run_statement
from core.policies import save_policy
from loyalty.actions import handle_action
from players.models import Player, PlayerMetrics
from rewards.models import RuleStatus
from rewards.rules import save_rule

_SECONDS = 0.010
_RULES = 50
_ACTIONS, _ROUNDS = 40, 5
_PLAYER = "bench live"
_NUMBERS = count()


@dataclass(frozen=True, slots=True, kw_only=True)
class Actions:
    """The middle round's mean seconds, by the database's clock and by this process's; queries and decisions of one."""

    database_seconds: float
    seconds: float
    queries: int
    decisions: int


def measure(stand: Stand) -> Iterator[Line]:
    """Measure actions for which none of the rules pays, one does, and those that the bench's own rules find."""
    rounds = stand.repetitions(_ROUNDS)
    with stand.populated(stand.fewer_players) as population:
        _make_player()
        # A session that has served before has what it keeps for temporary tables, and plans made since stay good.
        handle_action(player_id=_PLAYER, action="BENCH_BEGINS", event_id=f"bench {next(_NUMBERS)}")
        _save_bench_rules(players=population.players)
        for paying in (0, 1):
            _save_plain_rules(paying=paying)
            stand.say(f"actions for which {paying} of {_RULES} live rules pay")
            actions = _act(_PLAYER, f"PAYS_{paying}", rounds=rounds)
            yield _line(f"an action, {_RULES} live rules, {paying} pay(s)", actions)
        stand.say("actions that the bench's own rules wait for")
        player_id = Player.objects.exclude(pk=_PLAYER).filter(is_active=True).order_by("pk")[0].pk
        actions = _act(player_id, "BENCH_RULES", rounds=rounds)
        yield _line(f"an action, the bench's {_RULES} rules live", actions, is_promised=False)


def _line(work: str, actions: Actions, *, is_promised: bool = True) -> Line:
    return Line(
        work=work,
        seconds=actions.database_seconds,
        rate=f"{1 / actions.database_seconds:,.0f} actions/s",
        limit=Yardstick(name="10 ms of database time", seconds=_SECONDS, times=1) if is_promised else None,
        note=(
            "in a session that lives on, the time the server itself counts as active (pg_stat_database), parsing and "
            "planning included, the wait "
            f"of the commit for the disk not; {actions.seconds * 1000:.1f} ms by the wall clock with everything that "
            f"Python does; {actions.queries} statements, {actions.decisions} decision(s)"
        ),
    )


def _act(player_id: str, trigger: str, *, rounds: int) -> Actions:
    """Measure rounds of actions, each undone, so that every one is a player's first."""
    _round(player_id, trigger)
    statements, decisions = _statements_of_one(player_id, trigger)
    found = sorted(_round(player_id, trigger) for _ in range(rounds))
    return Actions(
        database_seconds=found[rounds // 2][0],
        seconds=statistics.median(seconds for _, seconds in found),
        queries=statements,
        decisions=decisions,
    )


def _statements_of_one(player_id: str, trigger: str) -> tuple[int, int]:
    with transaction.atomic(), CaptureQueriesContext(connection) as statements:
        outcome = handle_action(player_id=player_id, action=trigger, event_id=f"bench {next(_NUMBERS)}")
        transaction.set_rollback(True)
    return len(statements), len(outcome.decisions)


def _round(player_id: str, trigger: str) -> tuple[float, float]:
    """Return the mean seconds of an action by the database's clock and by this process's."""
    before = _active_seconds()
    with transaction.atomic():
        seconds = sum(seconds_of(lambda: _act_in_vain(player_id, trigger)) for _ in range(_ACTIONS))
        transaction.set_rollback(True)
    return (_active_seconds() - before) / _ACTIONS, seconds / _ACTIONS


def _act_in_vain(player_id: str, trigger: str) -> None:
    with transaction.atomic():
        handle_action(player_id=player_id, action=trigger, event_id=f"bench {next(_NUMBERS)}")
        transaction.set_rollback(True)


def _active_seconds() -> float:
    """Return how long sessions of this database have executed statements, this one's included."""
    run_statement("SELECT pg_stat_force_next_flush()", [])
    with database.connect() as plain:
        row = plain.execute("SELECT active_time FROM pg_stat_database WHERE datname = current_database()").fetchone()
    return float(row[0]) / 1000 if row else 0.0


def _make_player() -> None:
    player = Player.objects.create(player_id=_PLAYER, segment="LOSING")
    PlayerMetrics.objects.create(
        player=player, total_wagered=Decimal(10) ** 9, total_won=Decimal(10) ** 8, total_sessions=10
    )
    save_policy(name="MAX_DAILY_REWARD_PER_PLAYER", value="1000000", saved_by=None)


def _save_plain_rules(*, paying: int) -> None:
    """Save rules that all wait for one action, of which so many hold for the player."""
    for number in range(_RULES):
        least = 0 if number < paying else 10**12
        save_rule(
            rule_id=f"BENCH_LIVE_{paying}_{number}",
            content={
                "name": f"Live {number}",
                "status": RuleStatus.ACTIVE,
                "is_live": True,
                "trigger": f"PAYS_{paying}",
                "conditions": {"segment": "LOSING", "total_wagered_min": least, "risk_score_max": 60},
                "reward_config": {"type": "LOYALTY_POINTS", "amount": 1},
                "frequency_period": "DAY",
                "frequency_max": 1000,
            },
            saved_by=None,
        )


def _save_bench_rules(*, players: int) -> None:
    live = {"status": RuleStatus.ACTIVE, "is_live": True, "trigger": "BENCH_RULES"}
    for rule in RULES:
        save_rule(rule_id=rule.rule_id, content={**rule.columns(players=players), **live}, saved_by=None)
