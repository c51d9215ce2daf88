from pathlib import Path

from django.db import migrations

SQL = Path(__file__).parent.parent / "sql"
# What was in force before does not cancel anybody's bonus now.
TAKEN_EFFECT_BEFORE = "UPDATE player_restrictions SET applied_at = created_at WHERE applied_at IS NULL"
ADDITIONS_REFUSED = """
    INSERT INTO restriction_effects (kind, purpose, effect)
    SELECT kind, 'ADDITION', 'REFUSE' FROM unnest(ARRAY['SELF_EXCLUDED', 'COOL_OFF', 'RG_HARM', 'BLOCKED']) kind
    ON CONFLICT DO NOTHING
"""
NOTHING_REQUIRED = """
    INSERT INTO credit_requirements (purpose)
    SELECT * FROM unnest(ARRAY['PROMOTION', 'REDEMPTION', 'EARNED', 'BET', 'CONVERSION'])
"""
BLOCKED_NOW = """
    UPDATE players SET is_blocked = NOT is_blocked
    WHERE player_id IN (
        SELECT player_id FROM player_restrictions WHERE kind = 'BLOCKED' UNION SELECT player_id FROM players WHERE is_blocked
    ) AND is_blocked <> is_player_blocked(player_id)
"""


class Migration(migrations.Migration):
    dependencies = [("players", "0011_lives_of_restrictions")]
    operations = [
        migrations.RunSQL(TAKEN_EFFECT_BEFORE, migrations.RunSQL.noop),
        migrations.RunSQL(ADDITIONS_REFUSED, "DELETE FROM restriction_effects WHERE purpose = 'ADDITION'"),
        migrations.RunSQL(NOTHING_REQUIRED, "DELETE FROM credit_requirements"),
        migrations.RunSQL((SQL / "restrictions.sql").read_text(), (SQL / "without_restrictions.sql").read_text()),
        migrations.RunSQL(BLOCKED_NOW, migrations.RunSQL.noop),
    ]
