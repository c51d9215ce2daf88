"""The worked example of docs/rules.md: its rule and its table are the data of this test."""

from __future__ import annotations

import json
from datetime import timedelta
from decimal import Decimal
from itertools import takewhile

import pytest
from django.utils import timezone

from core.environment import PROJECT_FOLDER
from rewards.explaining import ExplainedComparison, explain, walk
from rewards.tests.factories import make_player, make_rule

VERDICTS = {"HOLDS": "holds", "DOES_NOT_HOLD": "does not hold", "UNKNOWN": "not known"}


def documented() -> str:
    return (PROJECT_FOLDER / "docs" / "rules.md").read_text().partition("## Why, and why not")[2]


def documented_rows() -> list[list[str]]:
    lines = documented().partition("| condition | alice |")[2].splitlines()[2:]
    rows = takewhile(lambda line: line.startswith("|"), lines)
    return [[cell.strip(" `") for cell in line.strip("|").split("|")] for line in rows]


@pytest.mark.django_db
def test_the_documented_rule_is_explained_as_documented() -> None:
    conditions = json.loads(documented().partition("```json")[2].partition("```")[0])
    yesterday = timezone.now() - timedelta(days=1)
    make_player(total_won=Decimal(14937), last_deposit_at=yesterday, country="MT")
    make_rule(conditions=conditions)

    found = explain(player_id="alice", rule_id="GIFT")

    explained = {
        node.path: [node.shown_actual, VERDICTS[node.truth], node.distance]
        if isinstance(node, ExplainedComparison)
        else ["", VERDICTS[node.truth], ""]
        for node in walk(found.conditions)
    }
    assert explained.pop("conditions") == ["", "does not hold", ""]
    assert len(documented_rows()) == 9
    assert explained == {path: rest for path, *rest in documented_rows()}
