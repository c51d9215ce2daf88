from django.db import migrations


class Migration(migrations.Migration):
    """A balance changes with every posting: with room on its page it keeps its place in both indexes."""

    dependencies = [("wallet", "0003_posting_core")]
    operations = [
        migrations.RunSQL(
            "ALTER TABLE loyalty_balances SET (fillfactor = 70)", "ALTER TABLE loyalty_balances RESET (fillfactor)"
        )
    ]
