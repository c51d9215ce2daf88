from django.db import migrations


class Migration(migrations.Migration):
    """Most refusals of a night repeat the last one: with room on its page a decision keeps its place in the indexes.

    Four in ten decisions of a page can be written again in one transaction, before anything can be cleared away.
    """

    dependencies = [("rewards", "0018_source_of_caps_and_profit_basis")]
    operations = [
        migrations.RunSQL(
            "ALTER TABLE reward_decisions SET (fillfactor = 60)", "ALTER TABLE reward_decisions SET (fillfactor = 85)"
        )
    ]
