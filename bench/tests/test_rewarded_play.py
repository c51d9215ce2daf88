"""Rewards that profitability approves raise the margin of a population with a known house edge; without it they eat it.

All arms meet the same luck. The quick version runs with every test; the long one is two hundred days.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.db import transaction

from bench.rewarded_play import (
    AS_ASSUMED,
    Outcome,
    make_players,
    play,
    save_rule_for_all,
    turnover_back,
    without_profitability,
)
from core.policies import save_policy

pytestmark = pytest.mark.django_db
SINCE = date(2025, 3, 3)
long_run = pytest.mark.timeout(1800)


def arm(
    name: str,
    *,
    players: int,
    days: int,
    response: Mapping[str, str],
    rule: Mapping[str, Any] | None,
    basis: str = "TOTAL",
) -> Outcome:
    """Play one arm from the same beginning; afterwards everything is as before."""
    with transaction.atomic():
        make_players(count=players, before=SINCE)
        save_policy(name="PROFIT_BASIS", value=basis, saved_by=None)
        if rule is not None:
            save_rule_for_all(rule)
        outcome = play(name, since=SINCE, days=days, response=response)
        transaction.set_rollback(True)
    return outcome


def arms(*, players: int, days: int, response: Mapping[str, str], rule: Mapping[str, Any]) -> dict[str, Outcome]:
    common: dict[str, Any] = {"players": players, "days": days, "response": response}
    found = [arm("no rewards", rule=None, **common), arm("with the check", rule=rule, **common)]
    with without_profitability():
        found.append(arm("without it", rule=rule, **common))
    found.append(arm("must add more", rule=rule, basis="INCREMENTAL", **common))
    for outcome in found:
        print(
            f"{outcome.name:>15}: margin {outcome.margin:>12.2f} = GGR {outcome.ggr:>12.2f} − cost "
            f"{outcome.cost:>11.2f}; {outcome.rewards} rewards, {outcome.refused} refused"
        )
    return {outcome.name: outcome for outcome in found}


def margins(found: Mapping[str, Outcome]) -> tuple[Decimal, Decimal, Decimal, Decimal]:
    nothing, checked, unchecked, added = (
        found[name].margin for name in ("no rewards", "with the check", "without it", "must add more")
    )
    return nothing, checked, unchecked, added


def test_approved_rewards_raise_the_margin_and_the_same_rules_without_the_check_do_not() -> None:
    found = arms(players=300, days=42, response=AS_ASSUMED, rule=turnover_back("0.01"))

    nothing, checked, unchecked, added = margins(found)
    assert checked > nothing > unchecked
    assert added > nothing
    assert found["without it"].rewards > found["with the check"].rewards > 0


@pytest.mark.long
@long_run
def test_over_two_hundred_days_approved_rewards_raise_the_margin() -> None:
    found = arms(players=300, days=200, response=AS_ASSUMED, rule=turnover_back("0.012"))

    nothing, checked, unchecked, added = margins(found)
    assert checked > nothing > unchecked
    assert added > nothing
