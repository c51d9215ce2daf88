from django.db import migrations


class Migration(migrations.Migration):
    """Matches are written in order and read once by rule and range: block ranges find them at a tenth of a tree's price."""

    dependencies = [("rewards", "0005_drop_pattern_indexes")]
    operations = [
        migrations.RunSQL(
            [
                "ALTER TABLE rule_matches DROP CONSTRAINT rule_matches_pkey",
                """CREATE INDEX idx_rule_match_blocks ON rule_matches USING brin (run_id, player_id, rule_number)
                WITH (pages_per_range = 16)""",
            ],
            [
                "DROP INDEX idx_rule_match_blocks",
                "ALTER TABLE rule_matches ADD CONSTRAINT rule_matches_pkey PRIMARY KEY (run_id, rule_number, player_id)",
            ],
        )
    ]
