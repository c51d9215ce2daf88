"""What a reward is expected to cost and bring, and what caps leave, once more in plain Python: from the prose alone.

Written from `docs/safety.md`, exact and slow: fractions instead of numeric, one player at a time, unaware of SQL.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

CENT = Decimal("0.01")
FAMILIES = {"BONUS_BALANCE": "BONUS", "FREE_PLAY": "BONUS", "CASHBACK": "CASHBACK", "LOYALTY_POINTS": "LP"}
UNITS = {"LOYALTY_POINTS": "LP", "REWARD_POINTS": "RP", "TICKETS": "TICKETS"}


@dataclass(frozen=True, kw_only=True)
class House:
    """What the house assumes, and its limits. Edges and weights by game; multipliers by segment and family."""

    edges: dict[str, Fraction]
    weights: dict[str, Fraction]
    multipliers: dict[tuple[str, str], Fraction]
    unit_values: dict[str, Fraction]
    means: dict[str, Fraction]
    caps: dict[str, Fraction]
    segment_caps: dict[tuple[str, str], Fraction]
    horizon: int = 30
    floor: Fraction = Fraction(3, 10)
    redeemed: Fraction = Fraction(1)
    prior_days: Fraction = Fraction(6)
    prior_weight: Fraction = Fraction(10)
    is_incremental: bool = False
    reckons_with_what_is_certain: bool = False
    winnings_stay_in_the_bonus: bool = False


@dataclass(frozen=True, kw_only=True)
class Granted:
    """A grant as it stands: what is left of its value and cost once something was taken back."""

    on: date
    value: Fraction
    cost: Fraction


@dataclass(frozen=True, kw_only=True)
class Person:
    """What is known of a player. `days` are stakes by date, None where no daily rows cover the last thirty days."""

    player_id: str
    segment: str
    wagered: Fraction
    sessions: int
    games: dict[str, Fraction]
    days: dict[date, Fraction] | None
    grants: list[Granted] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class Offer:
    """A rule's reward of a fixed amount, in its own unit."""

    rule_id: str
    priority: int
    reward_type: str
    amount: Fraction
    requirement: Fraction = Fraction(0)
    games: tuple[str, ...] | None = None
    conversion_max: Fraction | None = None
    is_cash: bool = False


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What becomes of an offer; cost and margin as the decision keeps them."""

    code: str
    given: Fraction
    cost: Fraction
    margin: Fraction
    granted_before: Fraction


def to_the_cent(value: Fraction) -> Fraction:
    """Round half up."""
    scaled = value * 100
    whole = (2 * scaled + 1).numerator // (2 * (2 * scaled + 1).denominator)
    return Fraction(whole, 100)


def counted(value: Fraction) -> Fraction:
    """Round to the cent, but count what is worth anything as one at least."""
    return max(to_the_cent(value), Fraction(1, 100)) if value > 0 else to_the_cent(value)


def to_places(value: Fraction, places: int) -> Fraction:
    exact = Decimal(value.numerator) / Decimal(value.denominator)
    return Fraction(exact.quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_UP))


def is_wagered(offer: Offer) -> bool:
    return offer.reward_type not in UNITS and not offer.is_cash and offer.requirement > 0


def unit(offer: Offer, house: House) -> Fraction:
    return Fraction(1) if offer.is_cash else house.unit_values[UNITS.get(offer.reward_type, "BONUS")]


def cost_of_a_unit(offer: Offer, person: Person, house: House) -> Fraction:
    """max(1 − what is kept while it is wagered, floor), all of it where nothing need be wagered."""
    if not is_wagered(offer):
        return house.redeemed if offer.reward_type in UNITS else Fraction(1)
    games = [game for game in house.edges if house.weights[game] > 0 and (offer.games is None or game in offer.games)]
    shares = {game: person.games.get(game, Fraction(0)) for game in games}
    kept = sum((shares[game] * house.edges[game] for game in games), Fraction(0))
    counts = sum((shares[game] * house.weights[game] for game in games), Fraction(0))
    if counts:
        per_count, per_stake = kept / counts, kept / sum(shares.values())
    else:
        per_count = min((house.edges[game] / house.weights[game] for game in games), default=Fraction(0))
        per_stake = min((house.edges[game] for game in games), default=Fraction(0))
    share = offer.requirement * per_count
    if house.reckons_with_what_is_certain and not house.winnings_stay_in_the_bonus:
        share = min(share, per_stake)
    return to_places(max(1 - share, house.floor), 10)


def cost_of(amount: Fraction, offer: Offer, person: Person, house: House) -> Fraction:
    cost = counted(amount * unit(offer, house) * cost_of_a_unit(offer, person, house))
    is_capped = is_wagered(offer) and offer.conversion_max is not None
    return min(cost, offer.conversion_max) if is_capped and offer.conversion_max is not None else cost


def is_too_close_to_tell(offer: Offer, person: Person, house: House, *, on: date) -> bool:
    """Tell whether a margin lies half between two cents: quotients of numeric end somewhere, fractions do not."""
    return abs(margin_of(offer, person, house, on=on) * 100 % 1 - Fraction(1, 2)) < Fraction(1, 10**6)


def margin_of(offer: Offer, person: Person, house: House, *, on: date) -> Fraction:
    """Wager per active day × active days in the horizon × retention multiplier × house edge, not rounded yet."""
    last_30 = {on - timedelta(days=number) for number in range(30)}
    own = None if person.days is None else [stake for day, stake in person.days.items() if day in last_30 and stake > 0]
    wager, count = (sum(own, Fraction(0)), len(own)) if own else (person.wagered, person.sessions)
    if not count:
        wager = Fraction(0)
    mean = house.means.get(person.segment, Fraction(0))
    total = count + house.prior_weight
    per_day = (wager + house.prior_weight * mean) / total if total else Fraction(0)
    if own is None:
        days = house.prior_days
    else:
        days = (len(own) * 30 + house.prior_days * house.prior_weight) / (30 + house.prior_weight)
    family = FAMILIES.get(offer.reward_type, "OTHER")
    multiplier = house.multipliers.get((person.segment, family), Fraction(1))
    if house.is_incremental:
        multiplier = max(multiplier - 1, Fraction(0))
    bets = sum(person.games.values(), Fraction(0))
    mix = sum((share * house.edges[game] for game, share in person.games.items()), Fraction(0))
    edge = to_places(mix / bets, 6) if bets else house.edges["other"]
    return per_day * days * house.horizon / 30 * multiplier * edge


def room_of(person: Person, house: House, *, on: date) -> Fraction:
    """The least that day, ISO week and calendar month leave, of everybody's caps and the segment's own."""
    week = on.isocalendar()[:2]
    windows = {
        "day": [one for one in person.grants if one.on == on],
        "week": [one for one in person.grants if one.on.isocalendar()[:2] == week],
        "month": [one for one in person.grants if (one.on.year, one.on.month) == (on.year, on.month)],
    }
    return min(
        min(house.caps[name], house.segment_caps.get((person.segment, name), house.caps[name]))
        - sum((one.value for one in grants), Fraction(0))
        for name, grants in windows.items()
    )


def decide(offers: list[Offer], person: Person, house: House, *, on: date) -> dict[str, Verdict]:
    """Decide the offers of a date, the highest priority first: profitability, then caps."""
    horizon = timedelta(days=house.horizon)
    before = sum((one.cost for one in person.grants if -horizon < one.on - on < horizon), Fraction(0))
    room, verdicts = room_of(person, house, on=on), {}
    for offer in sorted(offers, key=lambda one: -one.priority):
        asked = cost_of(offer.amount, offer, person, house)
        margin = to_the_cent(margin_of(offer, person, house, on=on))
        worth, left = unit(offer, house), max(room, Fraction(0))
        smallest = 1 if offer.reward_type == "TICKETS" else 100
        fitting = Fraction((left / worth * smallest).__floor__(), smallest) if worth else offer.amount
        given = min(offer.amount, fitting)
        if before + asked >= margin:
            code = "UNPROFITABLE"
        elif given <= 0:
            code = "CAP"
        else:
            code = "APPROVED" if given == offer.amount else "REDUCED"
        is_given = code in {"APPROVED", "REDUCED"}
        cost = cost_of(given, offer, person, house) if is_given else asked
        verdicts[offer.rule_id] = Verdict(
            code=code, given=given if is_given else Fraction(0), cost=cost, margin=margin, granted_before=before
        )
        if is_given:
            before += cost
            room -= counted(given * worth)
    return verdicts
