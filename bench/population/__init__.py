"""Players made inside PostgreSQL: ninety days of play, balances, restrictions and signals, the same every time."""

from bench.population.building import Population, build_population, find_population
from bench.population.playing import play_another_day

__all__ = ["Population", "build_population", "find_population", "play_another_day"]
