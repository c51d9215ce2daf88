"""The cookbook's fifteen rules, read from the page and run for the players it shows."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import jsonschema
import pytest

from core.environment import PROJECT_FOLDER
from players.models import Player, PlayerMetrics
from players.tests.factories import ON, make_day
from rewards.field_reference import field_reference
from rewards.live import allocate_now
from rewards.management.commands.document_fields import REFERENCE
from rewards.models import RewardRule, RuleAllocation
from rewards.preview import test_rule as try_rule
from rewards.rules import save_rule, validate_rule
from rewards.schema import current_rule_schema
from rewards.tests.factories import make_player, new_run
from safety.tests.factories import set_baseline

PAGE = (PROJECT_FOLDER / "docs" / "rule-cookbook.md").read_text()
_RECIPE = re.compile(r"^## (\d+)\. (.+?)\n(.*?)(?=^## |\Z)", re.DOTALL | re.MULTILINE)
_RULE = re.compile(r"```json\n(.*?)```", re.DOTALL)
_LINE = re.compile(r"^\| `(\{.*\})` \| ([^|]*) \| ([^|]*)\|$", re.MULTILINE)


@dataclass(frozen=True)
class Recipe:
    title: str
    rule: dict[str, Any]
    players: list[tuple[dict[str, Any], str]]


def read_recipe(title: str, text: str) -> Recipe:
    found = [(read(player), f"{verdict} {given}".strip()) for player, verdict, given in _LINE.findall(text)]
    return Recipe(title, json.loads(_RULE.findall(text)[0]), found)


def read(text: str) -> dict[str, Any]:
    values: dict[str, Any] = json.loads(text, parse_float=Decimal)
    return values


RECIPES = [read_recipe(title, text) for _, title, text in _RECIPE.findall(PAGE)]


def make(player_id: str, values: dict[str, Any]) -> None:
    """Make a player as the page describes one."""
    values = dict(values)
    days, games = values.pop("days", []), values.pop("games", [])
    bets, deposited = values.pop("bets_a_day", 1), values.pop("deposited_today", 0)
    given = {name: _typed(name, value) for name, value in values.items()}
    player = make_player(player_id, **given, **({"days_from": ON - timedelta(days=89)} if days else {}))
    for days_ago, wagered, won in days:
        sums = {"wagered": Decimal(wagered), "won": Decimal(won), "bets": bets}
        make_day(player, ON - timedelta(days=days_ago), **sums, games={game: {"bets": bets} for game in games} or None)
    if deposited:
        make_day(player, ON, deposited=Decimal(deposited))


def _typed(name: str, value: Any) -> Any:
    if name.endswith("_at") and value:
        return datetime.fromisoformat(value).replace(hour=12, tzinfo=UTC)
    if name.endswith("_on"):
        return date.fromisoformat(value)
    return Decimal(value) if name in ("total_deposited", "total_wagered", "total_won") else value


def outcome_of(verdict: str | None, reasons: list[dict[str, Any]] | None, amount: Decimal | None) -> str:
    if verdict is None:
        return "no match"
    code = reasons[0]["code"] if reasons else verdict
    return " ".join([*dict.fromkeys([verdict, code]), f"{amount:.2f}"])


@pytest.fixture
def baselines(db: None) -> None:
    for segment in ("LOSING", "NEW", "BREAKEVEN", "WINNING", "VIP"):
        set_baseline(segment, {"LOSING": "600", "NEW": "90"}.get(segment, "500"))


def test_there_are_fifteen_recipes_each_with_a_player_who_matches_and_one_who_does_not() -> None:
    assert len(RECIPES) == 15
    for recipe in RECIPES:
        outcomes = [outcome for _, outcome in recipe.players]
        assert "no match" in outcomes, recipe.title
        assert any(outcome.startswith("APPROVED") for outcome in outcomes), recipe.title


@pytest.mark.usefixtures("baselines")
@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.title)
def test_a_recipe_gives_what_the_page_says(recipe: Recipe) -> None:
    for number, (player, _) in enumerate(recipe.players, start=1):
        make(f"P{number}", player)
    rule = saved(recipe)
    wanted = [outcome for _, outcome in recipe.players]

    alone = [try_rule(rule=rule, player_id=f"P{number}", on=ON) for number in range(1, len(wanted) + 1)]
    assert [outcome_of(tried.verdict, tried.reasons, tried.amount_given) for tried in alone] == wanted

    run = new_run()
    allocate_now([validate_rule(rule)], run=run)
    rows = {row.player_id: row for row in RuleAllocation.objects.filter(run_id=run.pk)}
    found = [rows.get(f"P{number}") for number in range(1, len(wanted) + 1)]
    assert [outcome_of(r.verdict, r.reasons, r.amount_given) if r else "no match" for r in found] == wanted


def saved(recipe: Recipe) -> RewardRule:
    content = dict(recipe.rule)
    rule_id = content.pop("rule_id")
    return save_rule(rule_id=rule_id, content={**content, "status": "ACTIVE"}, saved_by=None)


@pytest.mark.django_db
@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.title)
def test_a_recipe_validates(recipe: Recipe) -> None:
    jsonschema.Draft202012Validator(current_rule_schema()).validate(recipe.rule)


def test_every_column_the_players_name_exists() -> None:
    columns = {field.name for model in (Player, PlayerMetrics) for field in model._meta.fields}
    named = {name for recipe in RECIPES for player, _ in recipe.players for name in player}

    assert named - columns == {"days", "games", "bets_a_day", "deposited_today"}


def test_the_reference_of_fields_is_what_the_registries_say() -> None:
    assert REFERENCE.read_text() == field_reference(), "run manage.py document_fields"
