"""A back-test of thirty days and ten rules, held against one night of all rules over the same players."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime, time, timedelta

from django.utils import timezone

from bench.measuring import Line, Memory, Yardstick, per_second, seconds_of
from bench.memory import PeakMemory
from bench.population import Population, play_another_day
from bench.rules.saving import save_rules
from bench.stand import Stand
from bench.works.growth import growth_line
from loyalty.night import run_night
from rewards.definitions import RuleDefinition
from rewards.rules import active_rules
from rewards.simulation.backtesting import Backtest, backtest
from rewards.simulation.simulating import simulate

_DAYS = 30
_RULES = 10
_NIGHTS = 6
_MEMORY_GROWTH = 1.2  # for ten times the players


def measure(stand: Stand) -> Iterator[Line]:
    """Measure on a tenth of the players; memory must not grow with them, so it is taken at the other size as well."""
    with stand.populated(stand.fewer_players) as population:
        save_rules(players=population.players)
        rules = active_rules(on=population.on)
        seconds, memory, found = _backtest(stand, population, rules[:: max(1, len(rules) // _RULES)][:_RULES])
        on = population.on + timedelta(days=1)
        play_another_day(on=on)
        simulated = seconds_of(lambda: simulate(active_rules(on=on), on=on, at=_evening(on)))
        stand.say(f"{population.players:,} players: the night beside it")
        night = seconds_of(lambda: run_night(business_date=on, workers=1))
    yield Line(
        work=f"back-test, {_DAYS} days × {_RULES} rules",
        seconds=seconds,
        rate=per_second(population.players * _DAYS * _RULES, seconds=seconds, unit="decisions looked for"),
        limit=Yardstick(name="one night of 50 rules, one process", seconds=night, times=_NIGHTS),
        memory=Memory(megabytes=memory),
        note=f"{population.players:,} players, one process; {found.replay.total.rewards:,} rewards",
    )
    yield Line(
        work="simulation of all rules",
        seconds=simulated,
        rate=per_second(population.players, seconds=simulated, unit="players"),
        limit=Yardstick(name="one night of 50 rules, one process", seconds=night, times=1),
        note=f"{population.players:,} players, one process, measured anew first as the night does",
    )
    yield from _growth(stand, fewer=population.players, fewer_seconds=seconds, fewer_memory=memory)


def _growth(stand: Stand, *, fewer: int, fewer_seconds: float, fewer_memory: float) -> Iterator[Line]:
    with stand.populated(stand.players) as population:
        save_rules(players=population.players)
        rules = active_rules(on=population.on)
        seconds, memory, _ = _backtest(stand, population, rules[:: max(1, len(rules) // _RULES)][:_RULES])
    yield growth_line("back-test", fewer=fewer, fewer_seconds=fewer_seconds, more=population.players, seconds=seconds)
    yield Line(
        work=f"back-test of {population.players} players",
        seconds=seconds,
        rate=per_second(population.players * _DAYS * _RULES, seconds=seconds, unit="decisions looked for"),
        memory=Memory(megabytes=memory, most=fewer_memory * _MEMORY_GROWTH),
        note=f"{population.players / fewer:.0f} × the players may take {_MEMORY_GROWTH} × the memory of the process",
    )


def _backtest(stand: Stand, population: Population, rules: Sequence[RuleDefinition]) -> tuple[float, float, Backtest]:
    until = population.on
    since = until - timedelta(days=_DAYS - 1)
    stand.say(f"{population.players:,} players: back-test from {since} to {until}")
    found: list[Backtest] = []
    with PeakMemory.of_this_process() as memory:
        seconds = seconds_of(lambda: found.append(backtest(rules, since=since, until=until, at=_evening(until))))
    return seconds, memory.megabytes, found[0]


def _evening(on: date) -> datetime:
    return timezone.make_aware(datetime.combine(on, time(22)))
