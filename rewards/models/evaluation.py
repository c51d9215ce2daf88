"""The working tables of an evaluation: unlogged, filled per run, emptied when a later run begins."""

from __future__ import annotations

from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db import models

from rewards.fields import COLUMNS, Column, Kind


def _fact_field(column: Column) -> models.Field[Any, Any]:
    match column.kind:
        case Kind.NUMBER:
            return models.DecimalField(max_digits=20, decimal_places=column.decimal_places, null=True)
        case Kind.INTEGER:
            return models.IntegerField(null=True)
        case Kind.BOOLEAN:
            return models.BooleanField(null=True)
        case Kind.TAGS:
            return ArrayField(models.CharField(max_length=60), null=True)
        case Kind.TEXT:
            return models.CharField(max_length=60, null=True)


def _add_fact_fields(model: type[models.Model]) -> None:
    for column in COLUMNS.values():
        model.add_to_class(column.name, _fact_field(column))


class PlayerFacts(models.Model):
    """Everything the compiled expressions read: one row per run and player, as of the run's business date.

    Only the columns that the run's rules and safety ask for are filled; the others stay NULL.
    """

    pk = models.CompositePrimaryKey("run_id", "player_id")
    run_id = models.BigIntegerField()
    player_id = models.CharField(max_length=50, db_collation="C")
    as_of = models.DateField()

    class Meta:
        db_table = "player_facts"

    def __str__(self) -> str:
        return f"facts of {self.player_id} in run {self.run_id}"


class RuleMatch(models.Model):
    """A player whose conditions hold for a rule in a run; `amount` is NULL where the formula has no value."""

    pk = models.CompositePrimaryKey("run_id", "rule_number", "player_id")
    run_id = models.BigIntegerField()
    rule_number = models.IntegerField()
    player_id = models.CharField(max_length=50, db_collation="C")
    amount = models.DecimalField(max_digits=24, decimal_places=6, null=True)

    class Meta:
        db_table = "rule_matches"

    def __str__(self) -> str:
        return f"{self.player_id} matches rule {self.rule_number}"


class RuleAllocation(models.Model):
    """What allocation made of a match, before it is posted."""

    pk = models.CompositePrimaryKey("run_id", "player_id", "rule_number")
    run_id = models.BigIntegerField()
    player_id = models.CharField(max_length=50, db_collation="C")
    rule_number = models.IntegerField()
    verdict = models.CharField(max_length=15)
    reason = models.CharField(max_length=40, default="")
    reasons = models.JSONField()
    facts = models.JSONField(null=True)
    decision_id = models.BigIntegerField(null=True)
    amount_computed = models.DecimalField(max_digits=18, decimal_places=2, null=True)
    amount_given = models.DecimalField(max_digits=18, decimal_places=2)
    money_value = models.DecimalField(max_digits=18, decimal_places=2)
    expected_cost = models.DecimalField(max_digits=18, decimal_places=2, null=True)
    expected_margin = models.DecimalField(max_digits=18, decimal_places=2, null=True)
    wagering_multiplier = models.DecimalField(max_digits=6, decimal_places=2)
    exclusive_group = models.CharField(max_length=60)

    class Meta:
        db_table = "rule_allocations"

    def __str__(self) -> str:
        return f"{self.verdict} of rule {self.rule_number} for {self.player_id}"


class AllocationCandidate(models.Model):
    """The shape of a match under allocation: facts, the rule's terms and what the player was given before it.

    Not a table: `rewards.allocation` names a subquery so, and the expressions of safety are compiled against it.
    """

    player_id = models.CharField(max_length=50, primary_key=True)
    amount_computed = models.DecimalField(max_digits=18, decimal_places=2, null=True)
    given_value_run = models.DecimalField(max_digits=18, decimal_places=2)
    given_cost_run = models.DecimalField(max_digits=18, decimal_places=2)
    given_groups_run = ArrayField(models.CharField(max_length=60))
    given_in_period = models.IntegerField()
    last_given_on = models.DateField(null=True)
    is_cooling_down = models.BooleanField()
    restriction = models.CharField(max_length=20, null=True)
    holdout_draw = models.DecimalField(max_digits=7, decimal_places=4)
    amount = models.DecimalField(max_digits=18, decimal_places=2, null=True)
    abuse_amount_multiplier = models.DecimalField(max_digits=6, decimal_places=2)
    abuse_wagering_multiplier = models.DecimalField(max_digits=6, decimal_places=2)
    money_value = models.DecimalField(max_digits=18, decimal_places=2)
    expected_cost = models.DecimalField(max_digits=18, decimal_places=2)
    expected_margin = models.DecimalField(max_digits=18, decimal_places=2)
    cap_room = models.DecimalField(max_digits=18, decimal_places=2)
    amount_after_caps = models.DecimalField(max_digits=18, decimal_places=2)
    other_reason = models.CharField(max_length=40)

    class Meta:
        managed = False
        db_table = "candidate"

    def __str__(self) -> str:
        return self.player_id


_add_fact_fields(PlayerFacts)
_add_fact_fields(AllocationCandidate)
