from django.db import migrations, models

# What daily rows know by game category, added up; players whose play was only told in files keep none.
FILL_SQL = """
    UPDATE player_metrics m SET games_wagered = s.stakes
    FROM (
        SELECT c.player_id, jsonb_object_agg(c.category, c.wagered) AS stakes FROM (
            SELECT d.player_id, g.key AS category, sum((g.value ->> 'wagered')::numeric) AS wagered
            FROM player_days d CROSS JOIN LATERAL jsonb_each(d.games) g WHERE d.games IS NOT NULL GROUP BY 1, 2
        ) c WHERE c.wagered > 0 GROUP BY 1
    ) s WHERE s.player_id = m.player_id
"""


class Migration(migrations.Migration):
    dependencies = [
        ("players", "0019_corrected_restrictions"),
    ]

    operations = [
        migrations.AddField(
            model_name="playermetrics",
            name="games_wagered",
            field=models.JSONField(
                blank=True,
                db_default={},
                default=dict,
                help_text="Stakes by game category, as far as play was reported.",
            ),
        ),
        migrations.RunSQL(FILL_SQL, migrations.RunSQL.noop),
    ]
