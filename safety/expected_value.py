"""What one reward would cost and bring for one player, with every step: the night's expressions with a filter.

Nothing is stored and nothing is credited. Restrictions and the abuse score are not part of it.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any

from django.db.models.expressions import Combinable
from django.utils import timezone

from core.constants import constants_read_once
from core.errors import InvalidInputError, NotFoundError
from core.expressions import Sql, compile_expression, partly_written_out
from core.money import round_to_cent
from core.plans import fetch_planned
from core.policies import policies_in_force, saved_policies_read_once
from safety.assumption_versions import assumptions_version
from safety.caps import REWARD_TYPES, cap_expressions, plans_of_today
from safety.costs import (
    CostTerms,
    cost_terms,
    counted_value,
    counting_figures,
    edge_kept_expression,
    own_edges_sql_of_any_terms,
)
from safety.granted import granted_sql
from safety.models import RewardQuestion
from safety.policies import PROFIT_BASIS
from safety.pools import PoolRoom, tightest_pool_room
from safety.profitability import (
    RewardTerms,
    cost_rate_expression,
    expected_cost_expression,
    is_profitable_expression,
    margin_inputs,
    margin_of_inputs,
    own_play,
    share_kept_expression,
    unknown_margin_expression,
)
from safety.standing import games_join, granted_sums, grants_join

AMOUNT_MAX = Decimal("9999999999.99")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reward:
    """A reward that is asked about: an amount in its own unit, and its terms."""

    amount: Decimal
    terms: RewardTerms


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectedValue:
    """The figures of one reward for one player. Money, but for rates; None where something is not known.

    `own_edge` is what the player's own mix of the eligible games earns per unit that counts, `edge_kept` what is
    reckoned with and `share_kept` the share of a bonus that comes to; `cost_unknown` and `margin_unknown` name what is
    missing; `cap_room` is the least that caps leave, of which `cap_name` is the one, and `pool` what a group that
    shares a cap has left. `own_wager` of `own_days`, days of the last 30 (`known_days`, where daily rows are known) or
    sessions, is shrunk towards `segment_mean`.
    """

    player_id: str
    on: date
    reward: Reward
    money_value: Decimal
    own_edge: Decimal | None
    edge_kept: Decimal
    share_kept: Decimal
    figures: CostTerms
    cost_rate: Decimal
    expected_cost: Decimal
    granted_cost: Decimal
    wager_per_active_day: Decimal | None
    active_days: Decimal | None
    retention_multiplier: Decimal | None
    house_edge: Decimal | None
    own_wager: Decimal
    own_days: Decimal
    segment_mean: Decimal
    known_days: int | None
    own_house_edge: Decimal | None
    segment: str
    profit_basis: str
    expected_margin: Decimal | None
    cost_unknown: str
    margin_unknown: str
    is_profitable: bool
    cap_room: Decimal
    cap_name: str
    pool: PoolRoom | None
    assumptions_version: int

    @property
    def expected_value(self) -> Decimal | None:
        """What is left of the margin after everything granted and this; above 0 the reward is profitable."""
        if self.expected_margin is None:
            return None
        return self.expected_margin - self.granted_cost - self.expected_cost

    @property
    def added_margin(self) -> Decimal | None:
        """What rewards of this kind add to the margin, whatever the basis: the whole of it, less what comes unrewarded.

        At least 0.
        """
        if self.expected_margin is None or self.profit_basis == "INCREMENTAL":
            return self.expected_margin
        multiplier = self.retention_multiplier or Decimal(0)
        return round_to_cent(self.expected_margin * (multiplier - 1) / multiplier) if multiplier > 1 else Decimal(0)

    @property
    def obstacles(self) -> tuple[str, ...]:
        """The reason codes that speak against it, in the order they are looked at."""
        found = {
            "COST_UNKNOWN": bool(self.cost_unknown),
            "MARGIN_UNKNOWN": bool(self.margin_unknown),
            "UNPROFITABLE": not self.is_profitable and not self.cost_unknown and not self.margin_unknown,
            "CAP": self.money_value > self.cap_room,
            "POOL_CAP": self.pool is not None and self.money_value > self.pool.left,
        }
        return tuple(code for code, stands in found.items() if stands)

    @property
    def is_safe(self) -> bool:
        """Whether profitability and caps would let all of it pass."""
        return not self.obstacles


def calculate_expected_value(*, player_id: str, reward: Reward, on: date | None = None) -> ExpectedValue:
    """Return what a reward would cost and bring on a business date, today where none is given.

    Raises NotFoundError for a player without measures, InvalidInputError for an amount or type that cannot be.
    """
    _check(reward)
    day = on or timezone.localdate()
    with plans_of_today(day), saved_policies_read_once(), constants_read_once() as constants:
        return _calculate(player_id=player_id, reward=reward, day=day, constants=constants)


def _calculate(*, player_id: str, reward: Reward, day: date, constants: str) -> ExpectedValue:
    figures = cost_terms(reward.terms)
    since = granted_sums(day, alias="l", cost="cost")[1]
    sql, params = _answer_sql(day, granted_sql(since=since), (policies_in_force(), constants))
    told = _told(player_id=player_id, reward=reward, figures=figures)
    rows = fetch_planned(sql, [told[param.name] for param in params])
    if not rows:
        raise NotFoundError(f"there is no active player {player_id!r} with metrics", player_id=player_id)
    found = dict(zip(_ANSWERED, rows[0], strict=True))
    is_profitable = found.pop("is_profitable") and not figures.unknown
    return ExpectedValue(
        player_id=player_id,
        on=day,
        reward=reward,
        figures=figures,
        cost_unknown=figures.unknown,
        profit_basis=PROFIT_BASIS.value(),
        is_profitable=is_profitable,
        pool=tightest_pool_room(player_id=player_id, on=day),
        assumptions_version=assumptions_version(),
        **found,
    )


@dataclass(frozen=True, slots=True)
class _Asked:
    """Stands for what a question tells in the statement that answers all of a day."""

    name: str


def _told(*, player_id: str, reward: Reward, figures: CostTerms) -> dict[str, Any]:
    return {
        "player_id": player_id,
        "reward_family": reward.terms.family,
        "amount": reward.amount,
        "money_value": counted_value(reward.amount * figures.unit_value),
        **figures.as_columns(),
        **counting_figures(reward.terms),
    }


@lru_cache(maxsize=16)
def _answer_sql(day: date, granted: str, built_from: Hashable) -> Sql:  # noqa: ARG001  what else the text depends on
    """Compile the statement once for all questions of a day that find the same policies and constants in force."""
    cap_room, cap_name = cap_expressions()
    sql, params = _question_sql(day)
    stages: list[dict[str, Combinable]] = [
        {
            **margin_inputs(),
            **own_play(),
            "cost_rate": cost_rate_expression(),
            "edge_kept": edge_kept_expression(),
            "share_kept": share_kept_expression(),
        },
        {"expected_cost": expected_cost_expression(), "expected_margin": margin_of_inputs()},
        {
            "margin_unknown": unknown_margin_expression(),
            "is_profitable": is_profitable_expression(),
            "cap_room": cap_room,
        },
        {"cap_name": cap_name},
    ]
    for columns in stages:
        sql, params = _with_columns(sql, params, columns)
    answered = ", ".join(_SELECTED.get(name, name) for name in _ANSWERED)
    return partly_written_out(
        f"SELECT {answered} FROM ({sql}) question", params, is_open=lambda param: isinstance(param, _Asked)
    )


_ANSWERED = (
    "segment",
    "own_wager",
    "own_days",
    "segment_mean",
    "known_days",
    "own_house_edge",
    "money_value",
    "own_edge",
    "edge_kept",
    "share_kept",
    "cost_rate",
    "expected_cost",
    "granted_cost",
    "wager_per_active_day",
    "active_days",
    "retention_multiplier",
    "house_edge",
    "expected_margin",
    "margin_unknown",
    "is_profitable",
    "cap_room",
    "cap_name",
)

# Facts that are called otherwise there.
_SELECTED = {"known_days": "active_days_30d", "own_house_edge": "house_edge_rate"}


def _check(reward: Reward) -> None:
    if reward.terms.reward_type not in REWARD_TYPES:
        raise InvalidInputError(
            f"reward_type is {reward.terms.reward_type!r}: one of {', '.join(REWARD_TYPES)} is needed",
            field="reward_type",
        )
    amount = reward.amount
    if not amount.is_finite() or not 0 < amount <= AMOUNT_MAX or amount != amount.quantize(Decimal("0.01")):
        raise InvalidInputError(
            f"amount is {amount}: more than 0 and at most {AMOUNT_MAX} with two decimals is needed", field="amount"
        )


def _question_sql(on: date) -> Sql:
    """Return the player's facts with the reward's terms, in one row, as the rules' facts have them."""
    player_id, amount = _Asked("player_id"), _Asked("amount")
    games, games_params = games_join()
    grants, grants_params = grants_join(on, in_range="l.player_id = %s", params=[player_id])
    (own_edge, own_edge_params), (stake_edge, stake_edge_params) = own_edges_sql_of_any_terms(
        _Asked, games="h.games_played"
    )
    columns = ", ".join(f"%s::{kind} AS {name}" for name, kind in CostTerms.columns.items())
    start = on - timedelta(days=29)
    sql = f"""
        SELECT p.player_id, p.segment, p.tier, %s::text AS reward_family, %s::numeric AS amount, {columns},
               %s::numeric AS money_value, {own_edge} AS own_edge,
               {stake_edge} AS own_stake_edge,
               m.total_wagered, m.total_sessions,
               CASE WHEN m.days_from <= %s THEN coalesce(d.wagered, 0) END AS total_wagered_30d,
               CASE WHEN m.days_from <= %s THEN coalesce(d.active_days, 0) END AS active_days_30d,
               h.house_edge_rate, g.granted_value_day, g.granted_value_week, g.granted_value_month,
               coalesce(g.expected_cost_horizon, 0) AS granted_cost, 0::numeric AS given_cost_run
        FROM players p JOIN player_metrics m ON m.player_id = p.player_id
        {games}
        {grants}
        LEFT JOIN (
            SELECT sum(wagered) AS wagered, count(*) FILTER (WHERE wagered > 0) AS active_days FROM player_days
            WHERE player_id = %s AND "on" BETWEEN %s AND %s
        ) d ON true
        WHERE p.player_id = %s AND p.is_active
    """
    return sql, [
        *(_Asked("reward_family"), amount, *(_Asked(name) for name in CostTerms.columns)),
        *(_Asked("money_value"), *own_edge_params, *stake_edge_params, start, start),
        *(*games_params, *grants_params, player_id, start, on, player_id),
    ]


def _with_columns(sql: str, params: list[Any], columns: dict[str, Combinable]) -> Sql:
    added, added_params = [], []
    for name, expression in columns.items():
        column, column_params = compile_expression(expression, model=RewardQuestion)
        added.append(f"{column} AS {name}")
        added_params += column_params
    return f"SELECT question.*, {', '.join(added)} FROM ({sql} OFFSET 0) question", [*added_params, *params]


def validate_reward_profitability(
    *, player_id: str, reward_amount: Decimal, terms: RewardTerms | None = None, on: date | None = None
) -> bool:
    """Return whether a reward would stay below the margin expected from the player, everything granted counted.

    Without terms it is bonus money that need not be wagered, the dearest there is. Raises what
    `calculate_expected_value` raises.
    """
    reward = Reward(amount=reward_amount, terms=terms or RewardTerms(reward_type="BONUS_BALANCE"))
    return calculate_expected_value(player_id=player_id, reward=reward, on=on).is_profitable
