"""Where the works are measured: the size asked for, and the databases they stand in."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from django.core.management import call_command

from bench.database import BenchDatabase, leave
from bench.population import Population, build_population, find_population

_TRIAL_PLAYERS = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Stand:
    """Makes databases when a work first asks: an empty one, populations, and copies of these to work on."""

    players: int
    prefix: str
    workers: int
    folder: Path
    on: date
    say: Callable[[str], None]

    @property
    def fewer_players(self) -> int:
        """A tenth: what growth is measured from."""
        return max(1, self.players // 10)

    def repetitions(self, usual: int) -> int:
        """How often a measure is taken: once where there are so few players that it only shows that it runs."""
        return usual if self.players >= _TRIAL_PLAYERS else 1

    @contextmanager
    def empty(self) -> Iterator[None]:
        """Use a migrated database without players."""
        with self._copy(self._migrated(), name="empty_copy"):
            yield

    @contextmanager
    def populated(self, players: int) -> Iterator[Population]:
        """Use a copy of the population of that many players."""
        template = self._population(players)
        with self._copy(template, name=f"copy_{players}"):
            yield _standing()

    def clear(self) -> None:
        """Drop everything this stand may have made."""
        names = ["migrated", "empty_copy"]
        for players in (self.players, self.fewer_players):
            names += [f"population_{players}", f"copy_{players}"]
        for name in names:
            self._database(name).drop()

    @contextmanager
    def _copy(self, template: BenchDatabase, *, name: str) -> Iterator[None]:
        copy = self._database(name)
        self.say(f"copying {template.name}")
        copy.create(template=template)
        if self.players >= _TRIAL_PLAYERS:
            # Gigabytes still on their way to the disk would be written inside the clock.
            os.sync()
        copy.use()
        try:
            yield
        finally:
            copy.drop()

    def _population(self, players: int) -> BenchDatabase:
        found = self._database(f"population_{players}")
        if found.exists() and self._is_whole(found):
            call_command("migrate", verbosity=0)
            leave()
            return found
        found.create(template=self._migrated())
        found.use()
        build_population(
            players=players, on=self.on, workers=self.workers, say=lambda part: self.say(f"{players:,} players: {part}")
        )
        leave()
        return found

    def _is_whole(self, found: BenchDatabase) -> bool:
        found.use()
        return find_population() is not None

    def _migrated(self) -> BenchDatabase:
        found = self._database("migrated")
        self.say("migrating")
        if not found.exists():
            found.create()
        found.use()
        call_command("migrate", verbosity=0)
        leave()
        return found

    def _database(self, name: str) -> BenchDatabase:
        return BenchDatabase(name=f"{self.prefix}_{name}")


def _standing() -> Population:
    population = find_population()
    if population is None:
        raise LookupError("the database in use has no population")
    return population
