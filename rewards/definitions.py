"""A rule read in full: conditions, amount, terms and limits as frozen objects, or every problem at once."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from rewards.conditions import Condition, comparisons, parse_conditions
from rewards.fields import FIELDS, LIFETIME_MEASURES, SINCE_LAST_REWARD, Field
from rewards.formulas import Formula, Number, formula_fields, parse_formula
from rewards.models import BudgetPacing, FrequencyPeriod, RewardRule, RewardType
from rewards.problems import Problem, nearest, shown, shown_key
from rewards.reward_keys import GAMES_MAX, PERK_LENGTH_MAX, REWARD_KEYS
from safety.caps import window_ends
from safety.profitability import RewardTerms
from wallet.bonuses import EXPIRY_HOURS_MAX

PERIOD_DAYS = {FrequencyPeriod.DAY: 1, FrequencyPeriod.WEEK: 7, FrequencyPeriod.MONTH: 31}
BONUS_TYPES = (RewardType.BONUS_BALANCE, RewardType.CASHBACK, RewardType.FREE_PLAY)
COOLDOWN_DAYS_MAX = 3650
UNKNOWN_KEYS_MAX = 100
DECIMAL_PATTERN = r"-?[0-9]{1,20}(?:\.[0-9]{1,20})?"
DECIMAL_TEXT = re.compile(DECIMAL_PATTERN)
# Conditions of a lot, which money paid as cash is not.
LOT_TERMS = ("wagering_requirement", "expiry_hours", "eligible_games", "max_bet", "max_conversion")


@dataclass(frozen=True, slots=True, kw_only=True)
class RewardConfig:
    """What a rule gives: amounts in the reward's own unit, `wagering_requirement` as a multiple of the amount.

    Where it `is_cash`, an outgoing event has the platform pay it; `perk` says in words what a VIP perk is.
    """

    type: RewardType
    formula: Formula
    max_amount: Decimal | None
    min_amount: Decimal
    wagering_requirement: Decimal
    expiry_hours: int | None
    eligible_games: tuple[str, ...] | None
    max_bet: Decimal | None
    max_conversion: Decimal | None
    is_cash: bool = False
    perk: str = ""

    @property
    def has_requirement(self) -> bool:
        """Whether it must be wagered, so that a requirement can rise; a perk counts as such: a person looks anyway."""
        is_credited_bonus = self.type in BONUS_TYPES and not self.is_cash
        return self.type is RewardType.VIP_PERKS or (is_credited_bonus and self.wagering_requirement > 0)

    @property
    def terms(self) -> RewardTerms:
        """What safety must know of it."""
        return RewardTerms(
            reward_type=self.type,
            wagering_requirement=self.wagering_requirement,
            eligible_games=self.eligible_games,
            is_cash=self.is_cash,
            max_conversion=self.max_conversion,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleLimits:
    """How often, to whom and up to what a rule may give; budgets in money value.

    A paced total budget is spread evenly over the business dates up to `ends_on`.
    """

    frequency_period: FrequencyPeriod
    frequency_max: int
    cooldown_days: int
    daily_budget: Decimal | None
    total_budget: Decimal | None
    budget_pacing: BudgetPacing
    ends_on: date | None
    max_players: int | None
    exclusive_group: str
    holdout_percent: Decimal

    @property
    def has_budget(self) -> bool:
        """Whether players compete for the rule's money or places, so that its allocation is settled in one place."""
        return not (self.daily_budget is None and self.total_budget is None and self.max_players is None)

    @property
    def may_repeat(self) -> bool:
        """Whether a player may get it more than once."""
        return self.frequency_period is not FrequencyPeriod.ONCE


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleDefinition:
    """One version of a rule, ready to be compiled."""

    rule_id: str
    number: int
    version: int
    priority: int
    conditions: Condition
    reward: RewardConfig
    limits: RuleLimits
    jurisdictions: tuple[str, ...] = ()

    def __hash__(self) -> int:
        """Tell versions apart without walking through everything they say: compiled statements are kept by rules."""
        return hash((self.rule_id, self.number, self.version))

    @property
    def unit(self) -> str:
        """What the rule gives, as words: for example bonus money."""
        label = str(self.reward.type.label)
        return label[0].lower() + label[1:] if label[1:2].islower() else label

    @property
    def fields(self) -> list[Field]:
        """Every field the rule reads, in conditions and formula."""
        used = [comparison.field for comparison in comparisons(self.conditions)] + formula_fields(self.reward.formula)
        return list({field.name: field for field in used}.values())

    @property
    def columns(self) -> list[str]:
        """Every column of the facts that a decision of the rule keeps: what it reads, and what it may ask for later.

        A rule that may repeat keeps the lifetime measures, so that it can be changed to pay since the last reward.
        """
        kept = LIFETIME_MEASURES if self.limits.may_repeat else ()
        return sorted({column for field in self.fields for column in field.columns} | set(kept))

    @property
    def cooldown_days(self) -> int:
        """The days that must pass between two rewards: the rule's cooldown, or the longest window its amount measures.

        A week's reward on Sunday and the next week's on Monday would pay six days twice.
        """
        if not self.limits.may_repeat:
            return self.limits.cooldown_days
        windows = [field.window_days or 0 for field in formula_fields(self.reward.formula)]
        return max(self.limits.cooldown_days, *windows, 0)

    def cooling_since(self, on: date) -> date:
        """Return the date after which a reward given still keeps the rule from giving on a business date."""
        return on - timedelta(days=self.cooldown_days)

    def cooling_until(self, on: date) -> date:
        """Return the date before which a reward given later keeps the rule from giving on a business date run late."""
        return on + timedelta(days=self.cooldown_days)

    def period_start(self, on: date) -> date:
        """Return the first business date of the period in which rewards count for the frequency."""
        match self.limits.frequency_period:
            case FrequencyPeriod.DAY:
                return on
            case FrequencyPeriod.WEEK:
                return on - timedelta(days=on.weekday())
            case FrequencyPeriod.MONTH:
                return on.replace(day=1)
            case FrequencyPeriod.ONCE:
                return date.min

    def period_end(self, on: date) -> date:
        """Return the last business date of that period: a date that is run late counts those after it as well."""
        match self.limits.frequency_period:
            case FrequencyPeriod.DAY | FrequencyPeriod.WEEK | FrequencyPeriod.MONTH as period:
                return window_ends(on)[period.lower()]
            case FrequencyPeriod.ONCE:
                return date.max


def define_rule(rule: RewardRule) -> tuple[RuleDefinition | None, list[Problem]]:
    """Read a rule row; the definition is None where there are problems."""
    conditions, problems = parse_conditions(rule.conditions)
    reward, config_problems = parse_reward_config(rule.reward_config)
    limits = _limits(rule)
    problems = problems + config_problems + _limit_problems(limits)
    if reward is not None:
        problems += _repeat_problems(reward.formula, limits)
    if reward is None or problems:
        return None, problems
    definition = RuleDefinition(
        rule_id=rule.rule_id,
        number=rule.number,
        version=rule.version,
        priority=rule.priority,
        conditions=conditions,
        reward=reward,
        limits=limits,
        jurisdictions=tuple(rule.jurisdictions),
    )
    return definition, []


def parse_reward_config(raw: object) -> tuple[RewardConfig | None, list[Problem]]:
    """Read the documented `reward_config` object."""
    if not isinstance(raw, dict):
        return None, [Problem("reward_config", "an object is needed", '{"type": "BONUS_BALANCE", "amount": 10}')]
    reader = _ConfigReader(raw)
    reward = reader.read()
    return (None if reader.problems else reward), reader.problems


class _ConfigReader:
    def __init__(self, raw: dict[str, Any]) -> None:
        self.raw = raw
        self.problems = [
            Problem(f"reward_config.{shown_key(key)}", "unknown key", nearest(str(key), REWARD_KEYS))
            for key in list(raw)[:UNKNOWN_KEYS_MAX]
            if key not in REWARD_KEYS
        ]

    def read(self) -> RewardConfig | None:
        reward_type = self._type()
        formula = self._formula()
        max_amount = self._decimal("max_amount")
        min_amount = self._decimal("min_amount") or Decimal(0)
        wagering_requirement = self._decimal("wagering_requirement") or Decimal(0)
        expiry_hours = self._hours()
        eligible_games = self._games()
        max_bet = self._decimal("max_bet")
        max_conversion = self._decimal("max_conversion")
        is_cash = self._is_cash()
        perk = self._perk()
        if reward_type is not None:
            self._check_type(reward_type)
        if formula is not None:
            self._check_amounts(formula, most=max_amount, least=min_amount)
        if reward_type is None or formula is None:
            return None
        return RewardConfig(
            type=reward_type,
            formula=formula,
            max_amount=max_amount,
            min_amount=min_amount,
            wagering_requirement=wagering_requirement,
            expiry_hours=expiry_hours,
            eligible_games=eligible_games,
            max_bet=max_bet,
            max_conversion=max_conversion,
            is_cash=is_cash,
            perk=perk,
        )

    def _type(self) -> RewardType | None:
        raw = self.raw.get("type")
        if isinstance(raw, str) and raw in RewardType.values:
            return RewardType(raw)
        known = nearest(raw, RewardType.values) if isinstance(raw, str) else ""
        message = f"unknown reward type {shown(raw)}" if raw else "the type is missing"
        self._refuse("type", message, known or "one of " + ", ".join(RewardType.values))
        return None

    def _formula(self) -> Formula | None:
        raw, amount = self.raw.get("formula"), self.raw.get("amount")
        if (raw is None) == (amount is None):
            self._refuse("formula", "either a formula or an amount is needed, not both", 'for example "amount": 10')
            return None
        if raw is None:
            number = self._decimal("amount")
            return None if number is None else Number(number)
        formula, problems = parse_formula(raw)
        self.problems += problems
        if self.raw.get("max_amount") is None:
            self._refuse("max_amount", "a formula without a maximum could give any amount", 'add "max_amount"')
        return formula

    def _decimal(self, name: str) -> Decimal | None:
        raw, key = self.raw.get(name), REWARD_KEYS[name]
        if raw is None:
            return None
        number = _decimal_of(raw)
        too_small = number is not None and (number < 0 or (key.is_above_zero and number == 0))
        if number is None or too_small or number > key.maximum or number != round(number, 2):
            least = "more than 0" if key.is_above_zero else "0 or more"
            wanted = f"a number of {least}, at most {key.maximum:f}, with two decimals at most"
            self._refuse(name, f"{shown(raw)} is not usable", wanted)
            return None
        return number

    def _hours(self) -> int | None:
        raw = self.raw.get("expiry_hours")
        if raw is None:
            return None
        if isinstance(raw, bool) or not isinstance(raw, int) or not 1 <= raw <= EXPIRY_HOURS_MAX:
            self._refuse("expiry_hours", f"{shown(raw)} is not usable", f"whole hours from 1 to {EXPIRY_HOURS_MAX}")
            return None
        return raw

    def _games(self) -> tuple[str, ...] | None:
        raw = self.raw.get("eligible_games")
        if raw is None:
            return None
        if not isinstance(raw, list) or not 0 < len(raw) <= GAMES_MAX or not all(isinstance(game, str) for game in raw):
            wanted = f"a list of 1 to {GAMES_MAX} game categories is needed"
            self._refuse("eligible_games", wanted, 'for example ["slots", "roulette"]')
            return None
        return tuple(dict.fromkeys(raw))

    def _is_cash(self) -> bool:
        raw = self.raw.get("withdrawable", False)
        if not isinstance(raw, bool):
            self._refuse("withdrawable", f"{shown(raw)} is not usable", "true or false")
        return raw is True

    def _perk(self) -> str:
        raw = self.raw.get("perk", "")
        if not isinstance(raw, str) or len(raw) > PERK_LENGTH_MAX:
            wanted = f'a text of at most {PERK_LENGTH_MAX} characters, such as "Dinner for two"'
            self._refuse("perk", f"{shown(raw)} is not usable", wanted)
            return ""
        return raw

    def _check_type(self, reward_type: RewardType) -> None:
        self._check_cash_and_perk(reward_type)
        if reward_type not in BONUS_TYPES:
            for key in REWARD_KEYS.values():
                if key.is_for_bonus_money and self.raw.get(key.name):
                    self._refuse(key.name, f"{reward_type} is not bonus money and has no such condition", "remove it")
        if reward_type is RewardType.TICKETS:
            for name in ("amount", "max_amount", "min_amount"):
                number = _decimal_of(self.raw.get(name))
                if number is not None and number != number.to_integral_value():
                    self._refuse(name, f"{number} is not whole", "tickets are not cut")

    def _check_cash_and_perk(self, reward_type: RewardType) -> None:
        if self.raw.get("perk") and reward_type is not RewardType.VIP_PERKS:
            self._refuse("perk", f"{reward_type} is credited, it is no perk", "remove it")
        if self.raw.get("withdrawable") is not True:
            return
        if reward_type is not RewardType.CASHBACK:
            self._refuse("withdrawable", f"{reward_type} cannot be paid as cash", "use CASHBACK, or remove it")
        for key in LOT_TERMS:
            if self.raw.get(key):
                self._refuse(key, "cash has no such condition", 'remove it, or remove "withdrawable"')

    def _check_amounts(self, formula: Formula, *, most: Decimal | None, least: Decimal) -> None:
        if most is not None and least > most:
            self._refuse("min_amount", f"{least} is above max_amount {most}", "no reward could ever be given")
        if isinstance(formula, Number) and least > formula.value:
            self._refuse("min_amount", f"{least} is above amount {formula.value}", "no reward could ever be given")
        if isinstance(formula, Number) and most is not None and formula.value > most:
            given = "amount" if self.raw.get("formula") is None else "formula"
            self._refuse(given, f"{formula.value} is above max_amount {most}", "lower one of them")

    def _refuse(self, key: str, message: str, suggestion: str) -> None:
        self.problems.append(Problem(f"reward_config.{key}", message, suggestion))


def _decimal_of(raw: object) -> Decimal | None:
    """Return a number, or a text that is one, in plain digits; underscores and other scripts' digits are not."""
    if isinstance(raw, bool) or not isinstance(raw, int | float | str | Decimal):
        return None
    if isinstance(raw, int) and raw.bit_length() > 64:
        return None
    if isinstance(raw, str) and not DECIMAL_TEXT.fullmatch(raw):
        return None
    number = Decimal(str(raw))
    return number if number.is_finite() else None


def _limits(rule: RewardRule) -> RuleLimits:
    return RuleLimits(
        frequency_period=_period(rule.frequency_period),
        frequency_max=rule.frequency_max or 1,
        cooldown_days=rule.cooldown_days or 0,
        daily_budget=rule.daily_budget,
        total_budget=rule.total_budget,
        budget_pacing=_pacing(rule.budget_pacing),
        ends_on=rule.ends_on,
        max_players=rule.max_players,
        exclusive_group=rule.exclusive_group,
        holdout_percent=rule.holdout_percent,
    )


def _period(name: str) -> FrequencyPeriod:
    """Return the period; of an unknown one, which is refused with its column, the strictest."""
    return FrequencyPeriod(name) if name in FrequencyPeriod.values else FrequencyPeriod.ONCE


def _pacing(name: str) -> BudgetPacing:
    return BudgetPacing(name) if name in BudgetPacing.values else BudgetPacing.NONE


def _limit_problems(limits: RuleLimits) -> list[Problem]:
    problems = _pacing_problems(limits)
    if limits.max_players is not None and limits.max_players < 1:
        problems.append(Problem("max_players", "a rule that may pay nobody", "1 or more, or empty for any number"))
    if not limits.may_repeat and limits.frequency_max > 1:
        problems.append(Problem("frequency_max", "once means one reward", "choose a period, or set frequency_max to 1"))
    if limits.cooldown_days > COOLDOWN_DAYS_MAX:
        message = f"{limits.cooldown_days} days are too long"
        problems.append(Problem("cooldown_days", message, f"at most {COOLDOWN_DAYS_MAX}; or give it once"))
    return problems


def _pacing_problems(limits: RuleLimits) -> list[Problem]:
    if limits.budget_pacing is BudgetPacing.NONE:
        return []
    needed = {
        "total_budget": (limits.total_budget, "there is no total budget to spread"),
        "ends_on": (limits.ends_on, "a budget cannot be spread over a time without an end"),
    }
    return [
        Problem("budget_pacing", message, f"set {name}, or choose NONE")
        for name, (value, message) in needed.items()
        if value is None
    ]


def _repeat_problems(formula: Formula, limits: RuleLimits) -> list[Problem]:
    """Refuse a repeating rule that pays by lifetime measures: it would pay the same loss again and again.

    What the amount is computed from matters; a fixed amount repeats by intention.
    """
    if not limits.may_repeat:
        return []
    between = PERIOD_DAYS[limits.frequency_period] // max(limits.frequency_max, 1)
    period = max(between, limits.cooldown_days, 1)
    refused = {
        field.name: field
        for field in formula_fields(formula)
        if field.is_lifetime_total or (field.window_days or 0) > period
    }
    return [
        Problem(
            "reward_config.formula",
            f"{field.name} would pay the same play again every {period} day(s)",
            _repeatable_instead(field),
        )
        for field in refused.values()
    ]


def _repeatable_instead(field: Field) -> str:
    since = field.name.removesuffix(f"_{field.window_days}d") + SINCE_LAST_REWARD
    window = "a window no longer than the period"
    return f"use {since}, or {window}" if since in FIELDS else f"use {window}"
