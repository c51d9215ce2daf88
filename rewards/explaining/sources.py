"""Where the facts of an explanation come from: a row of the working table, or what a decision kept.

The compiled expressions read the relations `player_facts` and `reward_decisions` by name. A query that names common
table expressions so shows them one player's row, and the decisions as they stood then.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Protocol

from core.expressions import Sql
from rewards.definitions import RuleDefinition

_PREAMBLE = """WITH player_facts AS MATERIALIZED ({facts}),
    reward_decisions AS MATERIALIZED (
        SELECT * FROM reward_decisions WHERE player_id = %s AND rule_number = %s AND {before})"""


class FactsSource(Protocol):
    """One player's facts and earlier decisions, as the head of a query."""

    @property
    def player_id(self) -> str:
        """Whose they are."""

    def preamble(self, definition: RuleDefinition) -> Sql:
        """Return the common table expressions that hold them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFacts:
    """The player's row of a run's facts; decisions count up to the business date."""

    run_id: int
    player_id: str
    on: date

    def preamble(self, definition: RuleDefinition) -> Sql:
        """Return the common table expressions that hold them."""
        facts = "SELECT * FROM player_facts WHERE run_id = %s AND player_id = %s"
        sql = _PREAMBLE.format(facts=facts, before="first_on <= %s")
        return sql, [self.run_id, self.player_id, self.player_id, definition.number, self.on]


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptFacts:
    """What a decision kept of the facts; decisions count that were made before it."""

    decision_id: int
    player_id: str
    on: date

    def preamble(self, definition: RuleDefinition) -> Sql:
        """Return the common table expressions that hold them."""
        # Read where they stand: on the way through Python a number of JSON becomes a float.
        sql = _PREAMBLE.format(facts=_KEPT_SQL, before="id < %s")
        kept = [self.player_id, str(self.on), self.decision_id]
        return sql, [*kept, self.player_id, definition.number, self.decision_id]


_KEPT_SQL = """SELECT f.* FROM reward_decisions d CROSS JOIN LATERAL jsonb_populate_record(
        NULL::player_facts,
        coalesce(d.facts, '{}') || jsonb_build_object('run_id', 0, 'player_id', %s::text, 'as_of', %s::text)) f
    WHERE d.id = %s"""
