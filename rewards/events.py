"""Live rules: decided when their trigger happens, for the players it happened to, through the night's phases.

The occasion of a decision is the event, so what arrives twice pays once, whoever evaluates it.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, NamedTuple

from django.db import transaction

from core.constants import constants_read_once
from core.models import Run, RunKind
from core.plans import plans_kept
from core.policies import policies_in_force, saved_policies_read_once
from core.runs import Counts, finish_run
from rewards.definitions import RuleDefinition, define_rule
from rewards.live import evaluate_now
from rewards.models import RewardRule
from rewards.occasions import occasion_of_events
from rewards.rules import rules_in_force
from rewards.triggers import TIER_REACHED, heard_triggers
from wallet.ledger import lock_players

if TYPE_CHECKING:
    from django.contrib.auth.models import User

OCCASION_LENGTH_MAX = 100
DEFINITIONS_KEPT_MAX = 2048


@dataclass(frozen=True, slots=True, kw_only=True)
class PlayerEvent:
    """Something that happened to a player: the trigger it is, and its name, unique for the player."""

    player_id: str
    trigger: str
    name: str


def activity_event(*, player_id: str, trigger: str, source: str, event_id: str) -> PlayerEvent:
    """Return the event of an activity or action; one with a name too long to be stored goes by its hash."""
    name = f"event:{source}:{event_id}"
    if len(name) > OCCASION_LENGTH_MAX:
        name = "event:" + hashlib.sha256(name.encode()).hexdigest()
    return PlayerEvent(player_id=player_id, trigger=trigger, name=name)


def tier_events(reached: Mapping[str, str]) -> list[PlayerEvent]:
    """Return the events of players who reached a tier: a tier is reached once ever, however often one falls."""
    return [
        PlayerEvent(player_id=player_id, trigger=TIER_REACHED, name=f"tier:{level}")
        for player_id, level in reached.items()
    ]


def evaluate_events(
    events: Sequence[PlayerEvent],
    *,
    on: date,
    at: datetime,
    run: Run | None = None,
    started_by: User | None = None,
    are_locked: bool = False,
) -> Counts:
    """Decide the live rules that the events set off, for a business date; return the counts by verdict.

    Under a run of its own where none is given. The players are locked until commit; `are_locked` says that the caller's
    transaction holds them already. What was decided for an event before is left alone. Raises NotFoundError for a
    player nobody knows; then the caller's transaction must end.
    """
    # Nobody goes on after an error in here: a savepoint would be for nothing.
    with transaction.atomic(savepoint=False), saved_policies_read_once():
        rules = live_rules(on=on, triggers={event.trigger for event in events})
        waited_for = [event for event in events if rules.get(event.trigger)]
        if not waited_for:
            return {}
        if not are_locked:
            lock_players([event.player_id for event in waited_for])
        under = run or Run.objects.create(kind=RunKind.LIVE, business_date=on, started_by=started_by)
        with plans_kept(keys=len(waited_for)):
            counts = _evaluate_rounds(waited_for, rules, run=under, on=on, at=at)
        if run is None:
            finish_run(under, counts)
        return counts


def _evaluate_rounds(
    events: Sequence[PlayerEvent],
    rules: Mapping[str, Sequence[RuleDefinition]],
    *,
    run: Run,
    on: date,
    at: datetime,
) -> Counts:
    counts: Counts = defaultdict(int)
    with constants_read_once() as fingerprint:
        built_from = _built_from(fingerprint)
        for trigger, names in _rounds(events):
            occasion = occasion_of_events(run_id=run.pk, on=on, built_from=built_from, names=names)
            given = evaluate_now(rules[trigger], run=run, player_ids=list(names), at=at, occasion=occasion)
            for verdict, count in given.items():
                counts[verdict] += count
    return dict(counts)


def _rounds(events: Iterable[PlayerEvent]) -> list[tuple[str, dict[str, str]]]:
    """Return the events, in their order, as rounds of one trigger with at most one event a player."""
    rounds: list[tuple[str, dict[str, str]]] = []
    turn: dict[tuple[str, str], int] = defaultdict(int)
    places: dict[tuple[str, int], dict[str, str]] = {}
    for event in dict.fromkeys(events):
        number = turn[event.trigger, event.player_id]
        turn[event.trigger, event.player_id] += 1
        if (event.trigger, number) not in places:
            places[event.trigger, number] = {}
            rounds.append((event.trigger, places[event.trigger, number]))
        places[event.trigger, number][event.player_id] = event.name
    return rounds


def live_rules(*, on: date, triggers: Iterable[str]) -> dict[str, list[RuleDefinition]]:
    """Return by trigger the live rules it sets off on a business date, in the order they are decided."""
    heard = {trigger: heard_triggers(trigger) for trigger in triggers}
    wanted = {code for codes in heard.values() for code in codes}
    waiting = rules_in_force(on).filter(is_live=True, trigger__in=wanted)
    rows = waiting.values_list("trigger", "rule_id", "number", "version", "updated_at")
    found = [
        (trigger, _Saved(rule_id, number, version, updated_at))
        for trigger, rule_id, number, version, updated_at in rows
    ]
    definitions = _definitions([saved for _, saved in found])
    return {
        trigger: [rule for code, saved in found if code in codes and (rule := definitions[saved]) is not None]
        for trigger, codes in heard.items()
    }


class _Saved(NamedTuple):
    """A rule as it was saved once: every save has its own time, so what is kept for it is never an older one."""

    rule_id: str
    number: int
    version: int
    updated_at: datetime


_DEFINITIONS: dict[_Saved, RuleDefinition | None] = {}


def _definitions(wanted: Sequence[_Saved]) -> dict[_Saved, RuleDefinition | None]:
    """Return what rules say, read once for each time they were saved; None where one cannot be read any more."""
    found = {saved: _DEFINITIONS[saved] for saved in wanted if saved in _DEFINITIONS}
    unread = [saved for saved in wanted if saved not in found]
    if not unread:
        return found
    rules = RewardRule.objects.in_bulk([saved.rule_id for saved in unread])
    read = {saved: _definition(rules.get(saved.rule_id), saved) for saved in unread}
    if len(_DEFINITIONS) + len(read) > DEFINITIONS_KEPT_MAX:
        _DEFINITIONS.clear()
    _DEFINITIONS.update(read)
    return found | read


def _definition(rule: RewardRule | None, saved: _Saved) -> RuleDefinition | None:
    """Return what a rule says where it still is the one that was saved."""
    if rule is None or (rule.number, rule.version) != (saved.number, saved.version):
        return None
    return define_rule(rule)[0]


def _built_from(constants: str) -> str:
    """Return a fingerprint of what compiled statements are built from: while it stays the same, they may be used."""
    return hashlib.sha256(f"{policies_in_force()}{constants}".encode()).hexdigest()
