"""The keys of `reward_config`: what each takes, in which unit, and what it is for.

The one list of them: the reader of rules, the JSON schema and the documentation all follow it.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from rewards.fields import NUMBER_MAX
from wallet.bonuses import WAGERING_MULTIPLE_MAX

GAMES_MAX = 100
PERK_LENGTH_MAX = 200


class Shape(StrEnum):
    """What the value of a key looks like."""

    TYPE = "type"
    FORMULA = "formula"
    AMOUNT = "amount"
    HOURS = "hours"
    GAMES = "games"
    SWITCH = "switch"
    TEXT = "text"


@dataclass(frozen=True, slots=True, kw_only=True)
class RewardKey:
    """One key. An amount has two decimals at most, is 0 or more, or above 0, and no larger than `maximum`."""

    name: str
    shape: Shape
    unit: str
    help: str
    is_above_zero: bool = False
    maximum: Decimal = NUMBER_MAX
    is_for_bonus_money: bool = False


_KEYS = (
    RewardKey(name="type", shape=Shape.TYPE, unit="type", help="What is given."),
    RewardKey(
        name="formula",
        shape=Shape.FORMULA,
        unit="reward",
        help="How much, computed from the player's fields; needs max_amount. Either this or amount.",
    ),
    RewardKey(
        name="amount",
        shape=Shape.AMOUNT,
        unit="reward",
        help="How much, the same for everybody. Either this or formula.",
        is_above_zero=True,
    ),
    RewardKey(
        name="max_amount",
        shape=Shape.AMOUNT,
        unit="reward",
        help="The most a formula may give one player at once.",
        is_above_zero=True,
    ),
    RewardKey(name="min_amount", shape=Shape.AMOUNT, unit="reward", help="Below it nothing is given."),
    RewardKey(
        name="wagering_requirement",
        shape=Shape.AMOUNT,
        unit="multiple",
        help="How many times the amount must be wagered before it can be withdrawn.",
        maximum=Decimal(WAGERING_MULTIPLE_MAX),
        is_for_bonus_money=True,
    ),
    RewardKey(
        name="expiry_hours",
        shape=Shape.HOURS,
        unit="hours",
        help="How long it can be used from the moment it is given; without it, for ever.",
    ),
    RewardKey(
        name="eligible_games",
        shape=Shape.GAMES,
        unit="game categories",
        help="Where it may be staked; without it, everywhere.",
        is_for_bonus_money=True,
    ),
    RewardKey(
        name="max_bet",
        shape=Shape.AMOUNT,
        unit="money",
        help="The largest stake that it may be part of.",
        is_above_zero=True,
        is_for_bonus_money=True,
    ),
    RewardKey(
        name="max_conversion",
        shape=Shape.AMOUNT,
        unit="money",
        help="The most that becomes real money when it has been wagered.",
        is_above_zero=True,
        is_for_bonus_money=True,
    ),
    RewardKey(
        name="withdrawable",
        shape=Shape.SWITCH,
        unit="yes or no",
        help="Cashback paid as real money by an outgoing event, without any condition of a bonus.",
    ),
    RewardKey(
        name="perk",
        shape=Shape.TEXT,
        unit="text",
        help="What a VIP perk is, in words, for who hands it over.",
    ),
)
REWARD_KEYS: dict[str, RewardKey] = {key.name: key for key in _KEYS}
