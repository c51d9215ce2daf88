"""Load what a fresh house starts with: example rules, redemption options, roles, and a user per role where safe."""

from __future__ import annotations

import json
from dataclasses import dataclass
from decimal import Decimal

from django.db import transaction

from core.environment import PROJECT_FOLDER
from loyalty.roles import install_demo_users, install_roles
from loyalty.schedule import install_schedule
from rewards.models import RedemptionOption, RewardRule
from rewards.redemption.options import save_option
from rewards.rules import save_rule

RULES_FILE = PROJECT_FOLDER / "fixtures" / "rules.json"
OPTIONS_FILE = PROJECT_FOLDER / "fixtures" / "redemption_options.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedFixtures:
    """How many rows were new."""

    rules: int
    options: int


@transaction.atomic
def load_fixtures() -> LoadedFixtures:
    """Load everything that is missing; rows that exist are left as staff made them."""
    install_roles()
    install_schedule()
    install_demo_users()
    return LoadedFixtures(rules=load_rules(), options=load_options())


def load_rules() -> int:
    """Create the example rules that do not exist yet; return how many."""
    made = 0
    for content in json.loads(RULES_FILE.read_text()):
        rule_id = content.pop("rule_id")
        if not RewardRule.objects.filter(rule_id=rule_id).exists():
            save_rule(rule_id=rule_id, content=content, saved_by=None)
            made += 1
    return made


def load_options() -> int:
    """Create the example options of the redemption catalogue that do not exist yet; return how many."""
    made = 0
    for content in json.loads(OPTIONS_FILE.read_text()):
        if not RedemptionOption.objects.filter(code=content["code"]).exists():
            amounts = {name: Decimal(content[name]) for name in _AMOUNTS if name in content}
            save_option(RedemptionOption(**{**content, **amounts}))
            made += 1
    return made


_AMOUNTS = ("cost", "amount", "wagering_requirement", "max_bet")
