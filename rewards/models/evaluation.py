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
        case Kind.COUNTS:
            return models.JSONField(null=True)
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
    """A player whose conditions hold for a rule in a run; `amount` is NULL where the formula has no value.

    A view of `player_matches`, where evaluation stores all matches of a player in one row.
    """

    pk = models.CompositePrimaryKey("run_id", "rule_number", "player_id")
    run_id = models.BigIntegerField()
    rule_number = models.IntegerField()
    player_id = models.CharField(max_length=50, db_collation="C")
    amount = models.DecimalField(max_digits=24, decimal_places=6, null=True)

    class Meta:
        managed = False
        db_table = "rule_matches"

    def __str__(self) -> str:
        return f"{self.player_id} matches rule {self.rule_number}"


def _money(**options: Any) -> models.DecimalField[Any, Any]:
    return models.DecimalField(max_digits=18, decimal_places=2, **options)


def _figure(**options: Any) -> models.DecimalField[Any, Any]:
    return models.DecimalField(max_digits=26, decimal_places=4, null=True, **options)


def _share(**options: Any) -> models.DecimalField[Any, Any]:
    return models.DecimalField(max_digits=12, decimal_places=10, null=True, **options)


class RuleCandidate(models.Model):
    """A match judged by itself: what it is worth and what speaks against it, whatever else the run gives.

    `amount` is what the abuse score leaves of `amount_computed`; `reason` the first thing against it, empty if none.
    """

    pk = models.CompositePrimaryKey("run_id", "rule_number", "player_id")
    run_id = models.BigIntegerField()
    rule_number = models.IntegerField()
    player_id = models.CharField(max_length=50, db_collation="C")
    amount_computed = _money(null=True)
    amount = _money()
    expected_cost = _money()
    expected_margin = _money(null=True)
    wager_per_active_day = _figure()
    active_days = _figure()
    retention_multiplier = _figure()
    house_edge = _share()
    cost_rate = _share(help_text="Expected cost of one unit of money value.")
    granted_cost = _money(help_text="Expected cost of what was granted before in the horizon.")
    cap_room = _money(help_text="Money value that the caps leave, before this run.")
    cap_name = models.CharField(max_length=60, default="", help_text="Which cap leaves that.")
    cap_source = models.JSONField(null=True, help_text="Whose limit it is, where a jurisdiction's month leaves that.")
    rule_room = _money(null=True, help_text="Money value that the guard over all rules leaves; NULL without one.")
    wagering_multiplier = models.DecimalField(max_digits=6, decimal_places=2)
    is_held_out = models.BooleanField()
    reason = models.CharField(max_length=40)
    reasons = models.JSONField(null=True, help_text="The reason with figures, or what the abuse score did.")
    last_decision_id = models.BigIntegerField(null=True, help_text="The last decision about the player and the rule.")

    class Meta:
        db_table = "rule_candidates"

    def __str__(self) -> str:
        return f"{self.player_id} may get rule {self.rule_number}"


class RuleAllocation(models.Model):
    """What allocation made of a match, before it is posted."""

    pk = models.CompositePrimaryKey("run_id", "player_id", "rule_number")
    run_id = models.BigIntegerField()
    player_id = models.CharField(max_length=50, db_collation="C")
    rule_number = models.IntegerField()
    verdict = models.CharField(max_length=15)
    reason = models.CharField(max_length=40, default="")
    reasons = models.JSONField()
    decision_id = models.BigIntegerField(null=True)
    last_decision_id = models.BigIntegerField(null=True)
    amount_computed = _money(null=True)
    amount_given = _money()
    money_value = _money()
    expected_cost = _money(null=True)
    expected_margin = _money(null=True)
    wager_per_active_day = _figure()
    active_days = _figure()
    retention_multiplier = _figure()
    house_edge = _share()
    cost_rate = _share()
    granted_cost = _money(null=True, help_text="Expected cost of what was granted before, in this run too.")
    wagering_multiplier = models.DecimalField(max_digits=6, decimal_places=2)
    exclusive_group = models.CharField(max_length=60)

    class Meta:
        db_table = "rule_allocations"

    def __str__(self) -> str:
        return f"{self.verdict} of rule {self.rule_number} for {self.player_id}"


class AllocationCandidate(models.Model):
    """The shape of a match under judgement: facts, the rule's terms, and what was found out about it so far.

    Not a table: `rewards.judging` and `rewards.allocation` name subqueries so, and the expressions of safety are
    compiled against it.
    """

    player_id = models.CharField(max_length=50, primary_key=True)
    # The rule's terms.
    is_whole = models.BooleanField()
    has_requirement = models.BooleanField()
    unit_value = models.DecimalField(max_digits=12, decimal_places=6)
    requirement = _money(default=0)
    cheapest_edge = _share()
    cheapest_stake_edge = _share()
    turnover_max = _share()
    cost_floor = _share()
    plain_rate = _share()
    cost_max = _money(null=True)
    cost_unknown = models.CharField(max_length=60, default="")
    own_edge = _share(help_text="What the player's own mix of the eligible games earns per unit that counts.")
    own_stake_edge = _share(help_text="What it earns per unit staked.")
    reward_family = models.CharField(max_length=10)
    min_amount = _money()
    frequency_max = models.IntegerField()
    smallest_units = models.IntegerField(help_text="How many of its smallest units the unit of the reward is made of.")
    is_perk = models.BooleanField()
    exclusive_group = models.CharField(max_length=60)
    # What is known of the match by itself.
    amount_computed = _money(null=True)
    given_in_period = models.IntegerField()
    last_given_on = models.DateField(null=True)
    is_cooling_down = models.BooleanField()
    restriction = models.CharField(max_length=20, null=True)
    confirmed_case = models.BigIntegerField(null=True)
    abuse_amount_multiplier = models.DecimalField(max_digits=6, decimal_places=2)
    abuse_wagering_multiplier = models.DecimalField(max_digits=6, decimal_places=2)
    # What the player's jurisdiction has to say of the rule, NULL where nothing.
    jurisdiction_terms = models.JSONField(null=True)
    jurisdiction_refusal = models.JSONField(null=True)
    vip_refusal = models.JSONField(null=True)
    jurisdiction_amount_max = _money(null=True)
    jurisdiction_month_max = _money(null=True)
    held_wagering_multiplier = models.DecimalField(max_digits=6, decimal_places=2)
    amount = _money()
    wager_per_active_day = _figure()
    active_days = _figure()
    retention_multiplier = _figure()
    house_edge = _share()
    cost_rate = _share()
    expected_cost = _money()
    expected_margin = _money(null=True)
    granted_cost = _money()
    room_of_caps = _money(help_text="What the caps leave the player, the jurisdiction's month aside.")
    name_of_cap = models.CharField(max_length=60, help_text="Which cap leaves that.")
    cap_room = _money()
    cap_name = models.CharField(max_length=60, default="")
    cap_source = models.JSONField(null=True)
    rule_room = _money(null=True)
    is_held_out = models.BooleanField()
    reason = models.CharField(max_length=40)
    # What the run gave the player before, and what that leaves.
    given_value_run = _money()
    given_cost_run = _money()
    is_group_taken = models.BooleanField()
    cap_room_left = _money()
    rule_room_left = _money(null=True)
    amount_after_caps = _money()
    other_reason = models.CharField(max_length=40)

    class Meta:
        managed = False
        db_table = "candidate"

    def __str__(self) -> str:
        return self.player_id


_add_fact_fields(PlayerFacts)
_add_fact_fields(AllocationCandidate)
