from django.db import migrations


class Migration(migrations.Migration):
    """Entries come in the order of their times: a few bytes per range of blocks find those of one day."""

    dependencies = [("wallet", "0006_posting_core_of_turns")]
    operations = [
        migrations.RunSQL(
            "CREATE INDEX idx_transaction_blocks ON transactions USING brin (created_at) "
            "WITH (pages_per_range = 32, autosummarize = on)",
            "DROP INDEX idx_transaction_blocks",
        )
    ]
