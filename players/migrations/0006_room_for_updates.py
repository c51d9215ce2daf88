from django.db import migrations


class Migration(migrations.Migration):
    """The night rewrites the metrics of whoever has played: with room on its page a row keeps its place in the indexes."""

    dependencies = [("players", "0005_documented_game_categories")]
    operations = [
        migrations.RunSQL(
            "ALTER TABLE player_metrics SET (fillfactor = 80)", "ALTER TABLE player_metrics RESET (fillfactor)"
        )
    ]
