"""What the database decides about rewards is what docs/safety.md says in prose, for houses and players at random."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from core.policies import save_policy
from players.models import GameCategory, Player, PlayerDay, PlayerMetrics
from players.tests.factories import ON
from rewards.models import RewardDecision
from rewards.tests.factories import evaluate, make_rule
from rewards.tests.naive_safety import (
    Granted,
    House,
    Offer,
    Person,
    Verdict,
    decide,
    is_too_close_to_tell,
    to_the_cent,
)
from safety.models import RetentionMultiplier, RewardCap, SegmentBaseline, UnitValue
from wallet.bonuses import add_bonus_balance
from wallet.corrections import reverse_operation, take_back_remaining
from wallet.ledger import Posted
from wallet.points import add_reward_points, deduct_balance

pytestmark = pytest.mark.django_db
SEGMENTS = ("NEW", "LOSING", "WINNING", "BREAKEVEN", "VIP")
GAMES = ("slots", "roulette", "blackjack", "poker", "other")
# Dates around the windows of ON, a Sunday: its week, its month, the horizon's ends, and after it.
DATES = [ON + timedelta(days=days) for days in (-31, -30, -29, -21, -20, -7, -6, -1, 0, 1, 10, 11, 29, 30)]


def fractions(*texts: str) -> st.SearchStrategy[Fraction]:
    return st.sampled_from([Fraction(text) for text in texts])


@st.composite
def houses(draw: st.DrawFn) -> House:
    edges = fractions("0", "0.005", "0.027", "0.05", "0.0713", "1")
    values = {"LP": draw(fractions("0.01", "0.004")), "RP": draw(fractions("0.01", "0")), "BONUS": Fraction(1)}
    return House(
        edges={game: draw(edges) for game in GAMES},
        weights={game: draw(fractions("0", "0.1", "0.5", "1")) for game in GAMES},
        multipliers={
            (segment, family): draw(fractions("0", "1", "1.1", "1.8", "2"))
            for segment in SEGMENTS
            for family in ("BONUS", "CASHBACK", "LP")
        },
        unit_values={**values, "TICKETS": draw(fractions("1", "2.5"))},
        means={segment: draw(fractions("0", "33.33", "600")) for segment in SEGMENTS if draw(st.booleans())},
        caps={name: draw(fractions("0", "25", "49.99", "1000")) for name in ("day", "week", "month")},
        segment_caps={("LOSING", "week"): draw(fractions("10", "5000"))},
        horizon=draw(st.sampled_from([1, 7, 30])),
        floor=draw(fractions("0", "0.3", "1")),
        redeemed=draw(fractions("0", "0.8", "1")),
        prior_days=draw(fractions("0", "6")),
        prior_weight=draw(fractions("0", "10")),
        is_incremental=draw(st.booleans()),
        reckons_with_what_is_certain=draw(st.booleans()),
        winnings_stay_in_the_bonus=draw(st.booleans()),
    )


@st.composite
def people(draw: st.DrawFn, *, number: int) -> Person:
    stakes = fractions("0", "0.01", "40", "700.07")
    chosen = st.lists(st.integers(0, 31), max_size=4, unique=True)
    days = {ON - timedelta(days=back): draw(stakes) for back in draw(chosen)} if draw(st.booleans()) else None
    played = draw(st.lists(st.sampled_from(GAMES), max_size=3, unique=True))
    return Person(
        player_id=f"P{number}",
        segment=draw(st.sampled_from(SEGMENTS)),
        wagered=draw(fractions("0", "100", "15000")),
        sessions=draw(st.sampled_from([0, 1, 25])),
        games={game: draw(fractions("1", "7", "92.5")) for game in played},
        days=days,
    )


@st.composite
def offers(draw: st.DrawFn, *, number: int) -> Offer:
    types = ["BONUS_BALANCE", "CASHBACK", "FREE_PLAY", "LOYALTY_POINTS", "REWARD_POINTS", "TICKETS"]
    reward_type = draw(st.sampled_from(types))
    is_whole, is_bonus = reward_type == "TICKETS", reward_type in types[:3]
    is_cash = reward_type == "CASHBACK" and draw(st.booleans())
    amount = draw(fractions("1", "7", "300") if is_whole else fractions("0.01", "0.4", "12.34", "30", "300"))
    if not is_bonus or is_cash:
        return Offer(rule_id=f"R{number}", priority=-number, reward_type=reward_type, amount=amount, is_cash=is_cash)
    games = draw(st.lists(st.sampled_from(GAMES), min_size=1, max_size=3, unique=True)) if draw(st.booleans()) else None
    return Offer(
        rule_id=f"R{number}",
        priority=-number,
        reward_type=reward_type,
        amount=amount,
        requirement=draw(fractions("0", "0.5", "10", "40")),
        games=tuple(games) if games else None,
        conversion_max=draw(st.none() | fractions("0.01", "5", "100")),
    )


def money(value: Fraction) -> Decimal:
    return Decimal(value.numerator) / Decimal(value.denominator)


def furnish(house: House) -> None:
    for game in GAMES:
        figures = {"house_edge_rate": money(house.edges[game]), "contribution_weight": money(house.weights[game])}
        GameCategory.objects.filter(code=game).update(**figures, lp_per_unit_staked=0)
    for (segment, family), value in house.multipliers.items():
        kept = RetentionMultiplier.objects.filter(segment=segment, reward_family=family)
        kept.update(multiplier=money(value))
    for currency, value in house.unit_values.items():
        UnitValue.objects.filter(currency_type=currency).update(money_value=money(value))
    for segment, value in house.means.items():
        SegmentBaseline.objects.create(segment=segment, wager_per_active_day=money(value), players=1, as_of=ON)
    for (segment, window), value in house.segment_caps.items():
        RewardCap.objects.create(kind="PER_PLAYER", segment=segment, window=window.upper(), value=money(value))
    periods = {"day": "DAILY", "week": "WEEKLY", "month": "MONTHLY"}
    saved = {f"MAX_{periods[name]}_REWARD_PER_PLAYER": money(value) for name, value in house.caps.items()}
    saved |= {"PROFIT_HORIZON_DAYS": Decimal(house.horizon), "BONUS_COST_FLOOR_RATE": money(house.floor)}
    saved |= {"POINTS_REDEEMED_RATE": money(house.redeemed), "EXPECTED_ACTIVE_DAYS_PRIOR": money(house.prior_days)}
    saved |= {"PRIOR_WEIGHT_DAYS": money(house.prior_weight)}
    words = {"PROFIT_BASIS": "INCREMENTAL" if house.is_incremental else "TOTAL"}
    words |= {"BONUS_COST_TURNOVER": "CERTAIN" if house.reckons_with_what_is_certain else "REQUIRED"}
    words |= {"BONUS_WINNINGS_TO": "ALL_TO_BONUS" if house.winnings_stay_in_the_bonus else "STAKE_TO_BONUS"}
    for name, text in [*((name, f"{value:f}") for name, value in saved.items()), *words.items()]:
        save_policy(name=name, value=text, saved_by=None)


def settle_in(people: list[Person]) -> None:
    Player.objects.bulk_create(Player(player_id=one.player_id, segment=one.segment) for one in people)
    PlayerMetrics.objects.bulk_create(
        PlayerMetrics(
            player_id=one.player_id,
            total_wagered=money(one.wagered),
            total_sessions=one.sessions,
            games_played={game: float(share) for game, share in one.games.items()},
            days_from=None if one.days is None else ON - timedelta(days=60),
        )
        for one in people
    )
    PlayerDay.objects.bulk_create(
        PlayerDay(player_id=one.player_id, on=on, wagered=money(stake))
        for one in people
        for on, stake in (one.days or {}).items()
    )


@st.composite
def histories(draw: st.DrawFn) -> list[tuple[date, str, str]]:
    """Return grants made before, each with what became of it."""
    fates = st.sampled_from(["kept", "kept", "reversed", "spent and taken back"])
    one = st.tuples(st.sampled_from(DATES), st.sampled_from(["bonus", "points"]), fates)
    return draw(st.lists(one, max_size=3))


def grant(person: Person, history: list[tuple[date, str, str]]) -> Person:
    """Grant what the history says, and return the person with what then stands."""
    standing, are_points_held = [], False
    for number, (on, kind, fate) in enumerate(history):
        at = datetime(on.year, on.month, on.day, 12, tzinfo=UTC)
        posted = _post(person, kind, key=f"{person.player_id}:{number}", at=at)
        value, cost = Fraction("10.01"), Fraction("7.03")
        if fate == "reversed":
            _reverse(posted, at=at)
            value = cost = Fraction(0)
        elif fate == "spent and taken back" and kind == "points" and not are_points_held:
            # A third was spent: two thirds come back.
            _spend_and_take_back(posted, player_id=person.player_id, at=at)
            value, cost = value - to_the_cent(value * 2 / 3), cost - to_the_cent(cost * 2 / 3)
        elif kind == "points":
            are_points_held = True
        standing.append(Granted(on=on, value=value, cost=cost))
    return replace(person, grants=standing)


def _spend_and_take_back(posted: Posted, *, player_id: str, at: datetime) -> None:
    key = posted.operation_id
    deduct_balance(player_id=player_id, currency="RP", amount=30, key=f"s{key}", actor="x", at=at)
    [taken] = take_back_remaining(operation_id=_number(posted), reason="wrong", key=f"t{key}", actor="x", at=at)
    assert (taken.balance_before, taken.balance_after) == (Decimal(60), Decimal(0))


def _number(posted: Posted) -> int:
    assert posted.operation_id is not None
    return posted.operation_id


def _reverse(posted: Posted, *, at: datetime) -> None:
    reverse_operation(operation_id=_number(posted), reason="wrong", key=f"r{posted.operation_id}", actor="x", at=at)


def _post(person: Person, kind: str, *, key: str, at: datetime) -> Posted:
    granted: dict[str, Any] = {"promotional_value": Decimal("10.01"), "expected_cost": Decimal("7.03")}
    of_all: dict[str, Any] = {"player_id": person.player_id, "key": key, "actor": "x", "at": at, **granted}
    if kind == "bonus":
        return add_bonus_balance(amount=Decimal("10.01"), wagering_requirement=Decimal(0), expiry=None, **of_all)
    return add_reward_points(amount=Decimal(90), source="x", **of_all)


def run_rule(offer: Offer) -> None:
    reward: dict[str, Any] = {"type": offer.reward_type, "amount": f"{money(offer.amount):f}"}
    if offer.is_cash:
        reward["withdrawable"] = True
    if offer.requirement:
        reward["wagering_requirement"] = f"{money(offer.requirement):f}"
    if offer.games:
        reward["eligible_games"] = list(offer.games)
    if offer.conversion_max is not None:
        reward["max_conversion"] = f"{money(offer.conversion_max):f}"
    make_rule(offer.rule_id, reward=reward, priority=offer.priority)


def decided() -> dict[tuple[str, str], Verdict]:
    rows = RewardDecision.objects.select_related("rule")
    return {
        (row.player_id, row.rule.rule_id): Verdict(
            code=row.reason if row.verdict == "REJECTED" else row.verdict,
            given=Fraction(row.amount_given),
            cost=Fraction(row.expected_cost or 0),
            margin=Fraction(row.expected_margin or 0),
            granted_before=Fraction(row.granted_cost or 0),
        )
        for row in rows
    }


# A failure is told by the first house that shows it: shrinking would run hundreds of nights.
@settings(
    max_examples=10,
    derandomize=True,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(data=st.data())
def test_the_night_decides_what_the_prose_says(data: st.DataObject) -> None:
    house = data.draw(houses())
    players = [data.draw(people(number=number)) for number in range(6)]
    rules = [data.draw(offers(number=number)) for number in range(4)]
    history = [data.draw(histories()) for _ in players]

    with transaction.atomic():
        settle_in(players)
        known = [grant(player, past) for player, past in zip(players, history, strict=True)]
        furnish(house)
        for rule in rules:
            run_rule(rule)
        evaluate(ON)
        found = decided()
        transaction.set_rollback(True)

    assert len(found) == len(players) * len(rules)
    for player in known:
        if any(is_too_close_to_tell(rule, player, house, on=ON) for rule in rules):
            continue
        for rule_id, verdict in decide(rules, player, house, on=ON).items():
            assert found[player.player_id, rule_id] == verdict, (player, rule_id, rules, house)
