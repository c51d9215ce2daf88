"""The worked examples of docs/jurisdictions.md."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from core.environment import PROJECT_FOLDER
from players.models import JurisdictionLimit
from safety.jurisdictions.profiles import profile_of
from safety.jurisdictions.violations import Incentive, known_games, violations
from wallet.bonuses import bonus_base

pytestmark = pytest.mark.django_db
PAGE = (PROJECT_FOLDER / "docs" / "jurisdictions.md").read_text(encoding="utf-8")
ROWS = [
    [cell.strip() for cell in line.strip("|\n ").split("|")]
    for line in PAGE.splitlines()
    if "| BONUS |" in line or "| DEPOSIT_AND_BONUS |" in line
]


def test_the_page_has_its_examples() -> None:
    assert len(ROWS) == 6


@pytest.mark.parametrize("row", ROWS)
def test_a_worked_example_holds(row: list[str]) -> None:
    bonus, deposit, basis, requirement, turnover, multiple, allowed = row
    base = bonus_base(Decimal(bonus), deposit=Decimal(deposit), wagering_basis=basis)

    required = base * Decimal(requirement)
    found = violations(
        Incentive(
            reward_type="BONUS_BALANCE",
            is_bonus_money=True,
            turnover_multiple=required / Decimal(bonus),
            eligible_games=("slots",),
        ),
        profile=profile_of("GB"),
        on=date(2026, 1, 19),
        games=known_games(),
    )

    assert (required, required / Decimal(bonus)) == (Decimal(turnover), Decimal(multiple))
    assert (not found) == (allowed == "yes")


def test_every_shipped_limit_stands_on_the_page_with_its_clause() -> None:
    for limit in JurisdictionLimit.objects.filter(jurisdiction="GB"):
        assert f"| {limit.valid_from} |" in PAGE
        assert limit.kind in PAGE
