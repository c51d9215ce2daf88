"""Rewards that profitability approves raise the margin of a population with a known house edge; without it they eat it.

All arms meet the same luck. The quick version runs with every test; the long one is two hundred days.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import pytest
from django.db import transaction

from bench.rewarded_play import (
    AS_ASSUMED,
    WEAKER,
    Outcome,
    make_players,
    play,
    save_generous_rules,
    without_profitability,
)
from core.policies import save_policy

pytestmark = pytest.mark.django_db
SINCE = date(2025, 3, 3)


def arm(
    name: str, *, players: int, days: int, response: Mapping[str, str], has_rules: bool = True, basis: str = "total"
) -> Outcome:
    """Play one arm from the same beginning; afterwards everything is as before."""
    with transaction.atomic():
        make_players(count=players, before=SINCE)
        save_policy(name="PROFIT_BASIS", value=basis, saved_by=None)
        if has_rules:
            save_generous_rules()
        outcome = play(name, since=SINCE, days=days, response=response)
        transaction.set_rollback(True)
    return outcome


def arms(*, players: int, days: int, response: Mapping[str, str]) -> dict[str, Outcome]:
    common = {"players": players, "days": days, "response": response}
    found = [arm("no rewards", has_rules=False, **common), arm("with the check", **common)]
    with without_profitability():
        found.append(arm("without it", **common))
    found.append(arm("must add more", basis="incremental", **common))
    for outcome in found:
        print(
            f"{outcome.name:>15}: margin {outcome.margin:>12.2f} = GGR {outcome.ggr:>12.2f} − cost "
            f"{outcome.cost:>11.2f}; {outcome.rewards} rewards of {outcome.granted:.2f}, {outcome.refused} refused"
        )
    return {outcome.name: outcome for outcome in found}


def test_approved_rewards_raise_the_margin_and_the_same_rules_without_the_check_do_not() -> None:
    found = arms(players=300, days=42, response=AS_ASSUMED)

    nothing, checked, unchecked = (found[name].margin for name in ("no rewards", "with the check", "without it"))
    assert checked > nothing > unchecked
    assert found["without it"].rewards > found["with the check"].rewards > 0


@pytest.mark.slow
@pytest.mark.parametrize("response", [AS_ASSUMED, WEAKER], ids=["as assumed", "weaker"])
def test_over_two_hundred_days_approved_rewards_raise_the_margin(response: Mapping[str, str]) -> None:
    found = arms(players=2000, days=200, response=response)

    nothing, checked, unchecked = (found[name].margin for name in ("no rewards", "with the check", "without it"))
    assert checked > nothing > unchecked
    assert found["must add more"].margin > nothing
