from typing import Any

from django.conf import settings
from django.db import migrations

# Backwards from what is earned now, so that the last day agrees with the balance. A day is that of the posting.
POINTS_EARNED_SO_FAR_SQL = """
    INSERT INTO points_earned_days (player_id, "on", lp_earned)
    SELECT e.player_id, e.on, b.lp_earned - coalesce(sum(e.earned) OVER later, 0)
    FROM (
        SELECT t.player_id, (t.created_at AT TIME ZONE %s)::date AS on, sum(t.amount) AS earned FROM transactions t
        WHERE t.currency_type = 'LP'
          AND (t.transaction_type IN ('LP_EARNED', 'REWARD', 'OPENING', 'ADJUSTMENT') AND t.amount > 0
               OR t.transaction_type = 'REVERSAL' AND t.amount < 0)
        GROUP BY 1, 2
    ) e JOIN loyalty_balances b ON b.player_id = e.player_id
    WINDOW later AS (PARTITION BY e.player_id ORDER BY e.on DESC ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
    ON CONFLICT (player_id, "on") DO NOTHING
"""


def write_points_earned_so_far(apps: Any, schema_editor: Any) -> None:
    with schema_editor.connection.cursor() as cursor:
        cursor.execute(POINTS_EARNED_SO_FAR_SQL, [settings.TIME_ZONE])


class Migration(migrations.Migration):
    """From here on the night writes them; a rolling tier needs them from the first day on."""

    dependencies = [("rewards", "0012_rule_forecasts"), ("wallet", "0001_initial")]
    operations = [migrations.RunPython(write_points_earned_so_far, migrations.RunPython.noop)]
