"""Load what a fresh house starts with: example rules, roles, and one user per role where that is safe."""

from __future__ import annotations

import json
from dataclasses import dataclass

from django.db import transaction

from core.environment import PROJECT_FOLDER
from loyalty.roles import install_demo_users, install_roles
from loyalty.schedule import install_schedule
from rewards.models import RewardRule
from rewards.rules import save_rule

RULES_FILE = PROJECT_FOLDER / "fixtures" / "rules.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedFixtures:
    """How many rows were new."""

    rules: int


@transaction.atomic
def load_fixtures() -> LoadedFixtures:
    """Load everything that is missing; rows that exist are left as staff made them."""
    install_roles()
    install_schedule()
    install_demo_users()
    return LoadedFixtures(rules=load_rules())


def load_rules() -> int:
    """Create the example rules that do not exist yet; return how many."""
    made = 0
    for content in json.loads(RULES_FILE.read_text()):
        rule_id = content.pop("rule_id")
        if not RewardRule.objects.filter(rule_id=rule_id).exists():
            save_rule(rule_id=rule_id, content=content, saved_by=None)
            made += 1
    return made
