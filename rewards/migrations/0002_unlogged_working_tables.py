from django.db import migrations

TABLES = ("player_facts", "rule_matches", "rule_allocations")


class Migration(migrations.Migration):
    """The working tables of an evaluation can be made again, so they need no write-ahead log."""

    dependencies = [("rewards", "0001_initial")]
    operations = [
        migrations.RunSQL(
            [
                *(f"ALTER TABLE {table} SET UNLOGGED" for table in TABLES),
                "ALTER TABLE reward_decisions SET (fillfactor = 85)",
            ],
            [
                *(f"ALTER TABLE {table} SET LOGGED" for table in TABLES),
                "ALTER TABLE reward_decisions RESET (fillfactor)",
            ],
        )
    ]
