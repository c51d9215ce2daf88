"""What a stake earns in loyalty points: the rate of its game times the multiplier of the player's tier."""

from __future__ import annotations

LP_MULTIPLIER_SQL = "coalesce((t.benefits ->> 'lp_multiplier')::numeric, 1)"
"""Of the tier joined as `t`; 1 where it names none."""
