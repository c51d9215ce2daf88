"""The night as it is usually written, a loop over players with the ORM: kept to compare with."""

from bench.orm_loop.night import OrmNight

__all__ = ["OrmNight"]
