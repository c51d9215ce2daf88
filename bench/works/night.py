"""A whole night, the second one, the rewards it posts, and the loop that would do the same player by player."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from bench import database
from bench.measuring import Line, Memory, Peer, Yardstick, per_second, seconds_of
from bench.memory import PeakMemory
from bench.orm_loop import OrmNight
from bench.population import Population, play_another_day
from bench.rules.saving import save_rules
from bench.stand import Stand
from bench.works.growth import growth_line
from core.models import Run
from core.runs import step_counts
from loyalty.night import run_night
from players.models import Player
from rewards.rules import active_rules
from safety.profitability import refresh_segment_baselines
from wallet.reconciliation import find_differences

_PLAYERS_PER_SECOND = 10_000
_REWARDS_PER_SECOND = 20_000
_LOOP_TIMES = 100
_LOOP_PLAYERS = 300
_REWARDS_STEP = "rules: rewards"


@dataclass(frozen=True, slots=True, kw_only=True)
class Night:
    """A measured night."""

    run: Run
    players: int
    seconds: float
    megabytes: float

    @property
    def counts(self) -> dict[str, dict[str, int]]:
        return step_counts(self.run)

    @property
    def rewards(self) -> int:
        given = self.counts.get(_REWARDS_STEP, {})
        return given.get("APPROVED", 0) + given.get("REDUCED", 0)

    @property
    def matches(self) -> int:
        return sum(counts.get("matches", 0) for counts in self.counts.values())

    @property
    def step_seconds(self) -> dict[str, float]:
        """Seconds of each step; steps of one kind together."""
        seconds: dict[str, float] = {}
        for step in self.run.steps.all():
            kind = " ".join(step.name.split()[:2]) if step.name.startswith("rules:") else step.name
            if step.finished_at is not None:
                seconds[kind] = seconds.get(kind, 0) + (step.finished_at - step.started_at).total_seconds()
        return seconds


def measure(stand: Stand) -> Iterator[Line]:
    """Measure nights of both sizes; the loop takes a sample of the smaller population, which favours it if anything."""
    loop, loop_note = _loop_seconds_per_player(stand)
    with stand.populated(stand.fewer_players) as population:
        save_rules(players=population.players)
        smaller = _next_night(stand, population, after_days=1)
    with stand.populated(stand.players) as population:
        save_rules(players=population.players)
        first = _next_night(stand, population, after_days=1)
        yield _night_line("a whole night", first, loop=loop, note=loop_note)
        yield _rewards_line(first)
        yield growth_line(
            "a whole night",
            fewer=smaller.players,
            fewer_seconds=smaller.seconds,
            more=first.players,
            seconds=first.seconds,
        )
        second = _next_night(stand, population, after_days=2)
        yield _night_line("the second night", second, loop=loop)
        _check_ledger()


def _next_night(stand: Stand, population: Population, *, after_days: int) -> Night:
    on = population.on + timedelta(days=after_days)
    play_another_day(on=on)
    stand.say(f"{population.players:,} players: night of {on}")
    with PeakMemory.of_this_process() as memory:
        runs: list[Run] = []
        seconds = seconds_of(lambda: runs.append(run_night(business_date=on, workers=stand.workers)))
    return Night(run=runs[0], players=population.players, seconds=seconds, megabytes=memory.megabytes)


def _night_line(work: str, night: Night, *, loop: float, note: str = "") -> Line:
    steps = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in night.step_seconds.items())
    matched = night.matches / max(1, night.players) / 50
    return Line(
        work=work,
        seconds=night.seconds,
        rate=per_second(night.players, seconds=night.seconds, unit="players"),
        limit=Yardstick(name="10,000 players per second", seconds=night.players / _PLAYERS_PER_SECOND, times=1),
        peer=Peer(name="a per-player ORM loop", seconds=loop * night.players, times=_LOOP_TIMES),
        memory=Memory(megabytes=night.megabytes),
        note=f"{night.rewards:,} rewards; {matched:.1%} of rule and player pairs match; {steps}. {note}".strip(),
    )


def _rewards_line(night: Night) -> Line:
    seconds = night.step_seconds[_REWARDS_STEP]
    return Line(
        work="rewards posted in bulk",
        seconds=seconds,
        rate=per_second(night.rewards, seconds=seconds, unit="rewards"),
        limit=Yardstick(name="20,000 rewards per second", seconds=night.rewards / _REWARDS_PER_SECOND, times=1),
        note="the night's own step on all workers: locks, caps again, balances, lots, entries, hashes, history, and a "
        "decision for every match, given or not",
    )


def _loop_seconds_per_player(stand: Stand) -> tuple[float, str]:
    with stand.populated(stand.fewer_players) as population:
        save_rules(players=population.players)
        on = population.on + timedelta(days=1)
        play_another_day(on=on)
        refresh_segment_baselines(on=on)
        night = OrmNight(active_rules(on=on), on=on)
        sample = _sample(_LOOP_PLAYERS)
        night.run(sample[:10])
        stand.say(f"the loop over {len(sample)} players")
        counts: dict[str, int] = {}
        seconds = seconds_of(lambda: counts.update(night.run(sample[10:])))
    per_player = seconds / counts["players"]
    note = (
        f"The loop took {per_player * 1000:.1f} ms per player over {counts['players']} players "
        f"({counts['matches']} matches, {counts['rewards']} rewards), scaled."
    )
    return per_player, note


def _sample(count: int) -> list[str]:
    """Return some players drawn by hash, whatever the shape of their keys."""
    drawn = Player.objects.extra(order_by=["drawn"], select={"drawn": "hashtextextended(player_id, 5)"})
    return list(drawn.values_list("player_id", flat=True)[:count])


def _check_ledger() -> None:
    """A fast night that leaves a wrong ledger would be worth nothing."""
    _, differences = find_differences()
    if differences:
        raise AssertionError(f"the ledger does not prove out after two nights: {differences[0]}")
    entries = database.scalar("SELECT count(*) FROM transactions")
    if not entries:
        raise AssertionError("two nights posted nothing")
