from __future__ import annotations

from typing import Any

from django.db import models


def _exact(**options: Any) -> models.DecimalField[Any, Any]:
    return models.DecimalField(max_digits=38, decimal_places=10, **options)


class RewardQuestion(models.Model):
    """The shape of what is asked about one reward for one player: facts, terms, and what was found out so far.

    Not a table: `safety.expected_value` names a subquery so, and the expressions of safety are compiled against it.
    """

    player_id = models.CharField(max_length=50, primary_key=True)
    segment = models.CharField(max_length=20, null=True)
    tier = models.CharField(max_length=30, null=True)
    reward_family = models.CharField(max_length=10)
    amount = _exact()
    unit_value = _exact()
    requirement = _exact()
    cheapest_edge = _exact(null=True)
    cheapest_stake_edge = _exact(null=True)
    turnover_max = _exact(null=True)
    cost_floor = _exact()
    plain_rate = _exact()
    cost_max = _exact(null=True)
    own_edge = _exact(null=True)
    own_stake_edge = _exact(null=True)
    total_wagered = _exact(null=True)
    total_sessions = models.IntegerField(null=True)
    total_wagered_30d = _exact(null=True)
    active_days_30d = models.IntegerField(null=True)
    house_edge_rate = _exact(null=True)
    granted_value_day = _exact(null=True)
    granted_value_week = _exact(null=True)
    granted_value_month = _exact(null=True)
    granted_cost = _exact()
    given_cost_run = _exact()
    wager_per_active_day = _exact(null=True)
    active_days = _exact(null=True)
    retention_multiplier = _exact(null=True)
    house_edge = _exact(null=True)
    cost_rate = _exact()
    expected_cost = _exact()
    expected_margin = _exact(null=True)
    cap_room = _exact()

    class Meta:
        managed = False
        db_table = "question"

    def __str__(self) -> str:
        return self.player_id
