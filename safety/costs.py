"""What a reward is expected to cost: its money value, less what the house keeps while a requirement is met.

`docs/safety.md` derives it. Written once, as expressions over the columns named in `CostTerms.columns`, for one player
as for all.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, ClassVar

from django.db.models import Case, DecimalField, F, Value, When
from django.db.models.expressions import Combinable
from django.db.models.functions import Coalesce, Greatest, Least, Round, Sign

from core.constants import constant
from core.expressions import Sql
from core.money import CENT, round_to_cent
from players.models import GameCategory
from safety import policies
from safety.models import RewardFamily, UnitValue
from wallet.models import WageringBasis
from wallet.policies import BET_FUNDS_ORDER, BONUS_WINNINGS_TO, WAGERING_BASIS

_MONEY = DecimalField(max_digits=18, decimal_places=2)
_EXACT = DecimalField(max_digits=38, decimal_places=10)
_RATE = DecimalField(max_digits=12, decimal_places=10)
_AMOUNT, _UNIT_VALUE, _COST_MAX = F("amount"), F("unit_value"), F("cost_max")
FAMILIES = {
    "BONUS_BALANCE": RewardFamily.BONUS,
    "FREE_PLAY": RewardFamily.BONUS,
    "CASHBACK": RewardFamily.CASHBACK,
    "LOYALTY_POINTS": RewardFamily.LP,
}
CURRENCIES = {
    "BONUS_BALANCE": "BONUS",
    "FREE_PLAY": "BONUS",
    "CASHBACK": "BONUS",
    "LOYALTY_POINTS": "LP",
    "REWARD_POINTS": "RP",
    "TICKETS": "TICKETS",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RewardTerms:
    """What safety must know of a reward: its type, the wagering multiple, the games that count (None: all), the most of
    it that can become real money (None: all), whether it is paid as cash, and of what a requirement is a multiple
    (None: as the policy says).
    """

    reward_type: str
    wagering_requirement: Decimal = Decimal(0)
    eligible_games: tuple[str, ...] | None = None
    is_cash: bool = False
    max_conversion: Decimal | None = None
    wagering_basis: str | None = None

    @property
    def family(self) -> RewardFamily:
        """The family its retention multiplier is kept under."""
        return FAMILIES.get(self.reward_type, RewardFamily.OTHER)

    @property
    def is_wagered(self) -> bool:
        """Whether it must be wagered before it is the player's."""
        is_bonus = CURRENCIES.get(self.reward_type) == "BONUS" and not self.is_cash
        return is_bonus and self.wagering_requirement > 0


def unit_value(terms: RewardTerms) -> Decimal:
    """Return what one unit of the reward is worth in money; perks, which credit nothing, are worth 0."""
    if terms.is_cash:
        return Decimal(1)
    currency = CURRENCIES.get(terms.reward_type)
    return Decimal(0) if currency is None else currency_value(currency)


def currency_value(currency: str) -> Decimal:
    """Return what one unit of a currency is worth in money.

    Where the value is missing a unit counts as 1: points that cost nothing would pass every cap. Rules and checks then
    refuse the reward outright, see `CostTerms.unknown`.
    """
    value = _stored_value(currency)
    return Decimal(1) if value is None else value


def _stored_value(currency: str) -> Decimal | None:
    return _unit_values().get(currency)


@constant("safety_unit_values")
def _unit_values() -> dict[str, Decimal]:
    return dict(UnitValue.objects.values_list("currency_type", "money_value"))


@dataclass(frozen=True, slots=True, kw_only=True)
class CostTerms:
    """A reward's terms with the figures that its cost follows from; `columns` are their names in a relation.

    `cheapest_edge` is the least that an eligible category earns per unit that counts, `cheapest_stake_edge` per unit
    staked, None where none counts; `turnover_max` how often bonus money is reckoned to be staked at most, None: as
    required; `plain_rate` what a unit of value costs that is not wagered; `unknown` names what is missing.
    """

    unit_value: Decimal
    requirement: Decimal = Decimal(0)
    cheapest_edge: Decimal | None = None
    cheapest_stake_edge: Decimal | None = None
    turnover_max: Decimal | None = None
    floor: Decimal = Decimal(1)
    plain_rate: Decimal = Decimal(1)
    cost_max: Decimal | None = None
    unknown: str = ""

    columns: ClassVar[dict[str, str]] = {
        "unit_value": "numeric",
        "requirement": "numeric",
        "cheapest_edge": "numeric",
        "cheapest_stake_edge": "numeric",
        "turnover_max": "numeric",
        "cost_floor": "numeric",
        "plain_rate": "numeric",
        "cost_max": "numeric",
        "cost_unknown": "text",
    }

    def as_columns(self) -> dict[str, Any]:
        """Return the values by the names of `columns`."""
        return {
            "unit_value": self.unit_value,
            "requirement": self.requirement,
            "cheapest_edge": self.cheapest_edge,
            "cheapest_stake_edge": self.cheapest_stake_edge,
            "turnover_max": self.turnover_max,
            "cost_floor": self.floor,
            "plain_rate": self.plain_rate,
            "cost_max": self.cost_max,
            "cost_unknown": self.unknown,
        }


def cost_terms(terms: RewardTerms) -> CostTerms:
    """Return what the cost of a reward follows from, by the figures in force."""
    currency = CURRENCIES.get(terms.reward_type)
    is_valued = currency is not None and not terms.is_cash
    value = _stored_value(currency) if currency is not None and is_valued else unit_value(terms)
    if not terms.is_wagered:
        is_points = is_valued and currency != "BONUS"
        return CostTerms(
            unit_value=Decimal(1) if value is None else value,
            plain_rate=policies.POINTS_REDEEMED_RATE.value() if is_points else Decimal(1),
            unknown=f"the unit value of {currency}" if value is None else "",
        )
    categories = _categories()
    missing = sorted(set(terms.eligible_games or ()) - {code for code, _, _ in categories})
    unknown = [f"the unit value of {currency}"] if value is None else []
    unknown += [f"the game category {missing[0]}"] if missing else [] if categories else ["any game category"]
    counting = _counting(categories, eligible_games=terms.eligible_games)
    return CostTerms(
        unit_value=Decimal(1) if value is None else value,
        requirement=terms.wagering_requirement,
        cheapest_edge=min((edge / weight for _, edge, weight in counting), default=None),
        cheapest_stake_edge=min((edge for _, edge, _ in counting), default=None),
        turnover_max=turnover_max(terms),
        floor=policies.BONUS_COST_FLOOR_RATE.value(),
        cost_max=terms.max_conversion,
        unknown=unknown[0][:60] if unknown else "",
    )


def turnover_max(terms: RewardTerms) -> Decimal | None:
    """Return how often bonus money is reckoned to be staked at most while its requirement is met; None: as required.

    Not at all where real money pays first and its stakes count: what the house keeps of those is the player's margin
    already. Where BONUS_COST_TURNOVER asks for what is certain, as `certain_turnover` says.
    """
    basis = terms.wagering_basis or WAGERING_BASIS.value()
    if basis == WageringBasis.DEPOSIT_AND_BONUS and BET_FUNDS_ORDER.value() in {"REAL_FIRST", "REAL_ONLY"}:
        return Decimal(0)
    return certain_turnover() if policies.BONUS_COST_TURNOVER.value() == "CERTAIN" else None


def certain_turnover() -> Decimal | None:
    """Return how often bonus money is sure to be staked whatever the odds; None: until its requirement is met.

    Once, where what it wins becomes real at once: how much of a stake comes back to the bonus depends on the odds.
    """
    return None if BONUS_WINNINGS_TO.value() == "ALL_TO_BONUS" else Decimal(1)


@constant("game_categories")
def _categories() -> list[tuple[str, Decimal, Decimal]]:
    """Return code, edge and weight of every category."""
    return list(GameCategory.objects.order_by("code").values_list("code", "house_edge_rate", "contribution_weight"))


def _counting(
    categories: Sequence[tuple[str, Decimal, Decimal]], *, eligible_games: tuple[str, ...] | None
) -> list[tuple[str, Decimal, Decimal]]:
    """Return the eligible categories that count towards a requirement."""
    return [
        (code, edge, weight)
        for code, edge, weight in categories
        if weight > 0 and (eligible_games is None or code in eligible_games)
    ]


def cost_rate(terms: RewardTerms) -> Decimal:
    """Return the expected cost of one unit of money value for a player of whose games nothing is known.

    They are taken to choose the eligible category that is cheapest for them. Between the floor share and 1.
    """
    figures = cost_terms(terms)
    if not figures.requirement:
        return figures.plain_rate
    kept = figures.requirement * (figures.cheapest_edge or Decimal(0))
    if figures.turnover_max is not None:
        kept = min(kept, figures.turnover_max * (figures.cheapest_stake_edge or Decimal(0)))
    return max(1 - kept, figures.floor)


def own_edge_sql(terms: RewardTerms, *, games: str) -> Sql:
    """Return SQL of what a player's own mix of the eligible games earns per unit that counts.

    `games` is SQL of the JSON object of bets by category. Unknown where it holds none of the eligible games. Of mixed
    play the house keeps Σ bets × edge while Σ bets × weight count.
    """
    return _own_quotient_sql(_wagered(terms), games=games)


def own_stake_edge_sql(terms: RewardTerms, *, games: str) -> Sql:
    """Return SQL of what the same mix earns per unit staked: Σ bets × edge of Σ bets. Unknown where nobody asks."""
    if not terms.is_wagered or turnover_max(terms) is None:
        return "NULL::numeric", []
    return _own_quotient_sql([(code, edge, Decimal(1)) for code, edge, _ in _wagered(terms)], games=games)


def own_edges_sql_of_any_terms(asked: Callable[[str], object], *, games: str) -> tuple[Sql, Sql]:
    """Return both for terms yet to be told: `asked` gives what stands for each of `counting_figures` by name."""
    codes = [code for code, _, _ in _categories()]
    per_counted = [(code, asked(f"edge {code}"), asked(f"weight {code}")) for code in codes]
    per_staked = [(code, asked(f"edge {code}"), asked(f"counts {code}")) for code in codes]
    return _own_quotient_sql(per_counted, games=games), _own_quotient_sql(per_staked, games=games)


def counting_figures(terms: RewardTerms) -> dict[str, Decimal]:
    """Return edge, weight and 1 of every category by name, all 0 where it does not count towards the requirement."""
    counting = {code: (edge, weight, Decimal(1)) for code, edge, weight in _wagered(terms)}
    nothing = (Decimal(0), Decimal(0), Decimal(0))
    figures = {}
    for code, _, _ in _categories():
        figures[f"edge {code}"], figures[f"weight {code}"], figures[f"counts {code}"] = counting.get(code, nothing)
    return figures


def _wagered(terms: RewardTerms) -> list[tuple[str, Decimal, Decimal]]:
    return _counting(_categories(), eligible_games=terms.eligible_games) if terms.is_wagered else []


def _own_quotient_sql(categories: Sequence[tuple[str, Any, Any]], *, games: str) -> Sql:
    if not categories:
        return "NULL::numeric", []
    bets = f"coalesce(({games} ->> %s)::numeric, 0)"
    total = " + ".join(f"{bets} * %s" for _ in categories)
    above = [value for code, edge, _ in categories for value in (code, edge)]
    below = [value for code, _, weight in categories for value in (code, weight)]
    return f"(({total}) / nullif({total}, 0))", [*above, *below]


def edge_kept_expression() -> Combinable:
    """Return what the house keeps per unit that counts: of the player's games, else of the cheapest, else nothing."""
    nothing = Value(Decimal(0), output_field=_EXACT)
    return Coalesce(F("own_edge"), F("cheapest_edge"), nothing, output_field=_EXACT)


def share_kept_expression() -> Combinable:
    """Return the share of a wagered bonus that the house keeps while it is wagered, from the same columns.

    No more than the turnover that is reckoned with at most.
    """
    nothing = Value(Decimal(0), output_field=_EXACT)
    per_stake = Coalesce(F("own_stake_edge"), F("cheapest_stake_edge"), nothing, output_field=_EXACT)
    # Least leaves out what is unknown: no limit.
    return Least(F("requirement") * edge_kept_expression(), F("turnover_max") * per_stake, output_field=_EXACT)


def cost_rate_expression() -> Combinable:
    """Return the expected cost of one unit of money value, to ten decimals, from the columns of terms and games."""
    one = Value(Decimal(1), output_field=_EXACT)
    wagered = Greatest(one - share_kept_expression(), F("cost_floor"), output_field=_EXACT)
    rate = Case(When(requirement__gt=0, then=wagered), default=F("plain_rate"), output_field=_EXACT)
    return Round(rate, precision=10, output_field=_RATE)


def expected_cost_expression(
    *,
    amount: Combinable = _AMOUNT,
    unit_value: Combinable = _UNIT_VALUE,
    cost_max: Combinable = _COST_MAX,
) -> Combinable:
    """Return the expected cost of an amount, with the column `cost_rate`, to the cent; by default all from columns.

    More than can become real money it cannot cost. A requirement that the abuse score raises is not counted in the
    reward's favour.
    """
    # Least leaves out what is unknown: no limit.
    return Least(_counted_expression(amount * unit_value * F("cost_rate")), cost_max, output_field=_MONEY)


def counted_value(money: Decimal) -> Decimal:
    """Return what a reward counts for, to the cent: at least one where it is worth anything.

    A reward worth less than half a cent that counted as nothing could be given without end.
    """
    return max(round_to_cent(money), CENT) if money > 0 else round_to_cent(money)


def _counted_expression(money: Combinable) -> Combinable:
    least = Sign(money, output_field=_MONEY) * Value(CENT, output_field=_MONEY)
    return Greatest(Round(money, precision=2, output_field=_MONEY), least, output_field=_MONEY)


def counted_sql(money: str) -> str:
    """Return SQL of the same."""
    return f"greatest(round({money}, 2), sign({money}) * {CENT})"
