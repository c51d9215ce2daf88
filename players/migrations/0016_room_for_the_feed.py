from django.db import migrations, models


class Migration(migrations.Migration):
    """Each batch of the feed moves its players and their days: with room on its page a row keeps its place in the indexes.

    It keeps it only where no index names what moves, so what the indexes of days ask is a column of its own.
    """

    dependencies = [("players", "0015_choices_of_jurisdictions")]
    operations = [
        migrations.RemoveIndex(model_name="playerday", name="idx_player_day_lp_open"),
        migrations.RemoveIndex(model_name="playerday", name="idx_player_day_unaccrued"),
        migrations.AddField(
            model_name="playerday",
            name="is_lp_open",
            field=models.GeneratedField(
                db_persist=True,
                expression=models.Q(lp_due__gt=models.F("lp_posted") + models.F("lp_refused")),
                help_text="More points are due than were posted or refused.",
                output_field=models.BooleanField(),
            ),
        ),
        migrations.AddField(
            model_name="playerday",
            name="is_turnover_open",
            field=models.GeneratedField(
                db_persist=True,
                expression=models.Q(is_estimated=True, wagered__gt=models.F("wagered_accrued")),
                help_text="An estimated day whose turnover has not earned its points yet.",
                output_field=models.BooleanField(),
            ),
        ),
        migrations.AddIndex(
            model_name="playerday",
            index=models.Index(
                fields=["player"], condition=models.Q(is_lp_open=True), name="idx_player_day_with_lp_open"
            ),
        ),
        migrations.AddIndex(
            model_name="playerday",
            index=models.Index(
                fields=["player"], condition=models.Q(is_turnover_open=True), name="idx_player_day_turnover_open"
            ),
        ),
        # The days that are there already will not move again: only new pages get room.
        migrations.RunSQL(
            "ALTER TABLE player_days SET (fillfactor = 75)", "ALTER TABLE player_days RESET (fillfactor)"
        ),
        # Events are known by their names; the number is for pages, and by it rows stand in the table already.
        migrations.RunSQL(
            [
                "ALTER TABLE player_activity_keys DROP CONSTRAINT player_activity_keys_pkey",
                """
                CREATE INDEX player_activity_keys_by_number ON player_activity_keys USING brin (id)
                WITH (autosummarize = on)
                """,
            ],
            [
                "DROP INDEX player_activity_keys_by_number",
                "ALTER TABLE player_activity_keys ADD CONSTRAINT player_activity_keys_pkey PRIMARY KEY (id)",
            ],
        ),
        migrations.RunSQL("ALTER TABLE players SET (fillfactor = 90)", "ALTER TABLE players RESET (fillfactor)"),
    ]
