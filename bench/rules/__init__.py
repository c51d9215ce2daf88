"""Fifty rules of mixed shape, as a programme of some years has them."""

from bench.rules.cashback import CASHBACK_RULES
from bench.rules.play import PLAY_RULES
from bench.rules.points import POINT_RULES
from bench.rules.shape import BenchRule
from bench.rules.welcome import WELCOME_RULES

RULES: tuple[BenchRule, ...] = (*CASHBACK_RULES, *WELCOME_RULES, *PLAY_RULES, *POINT_RULES)

__all__ = ["RULES", "BenchRule"]
