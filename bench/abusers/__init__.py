"""A population of ordinary players with abusers of each kind planted, and how many of each a detector finds."""

from bench.abusers.judging import Judgement, judge_detectors, ring_of_twenty
from bench.abusers.planting import plant_population

__all__ = ["Judgement", "judge_detectors", "plant_population", "ring_of_twenty"]
