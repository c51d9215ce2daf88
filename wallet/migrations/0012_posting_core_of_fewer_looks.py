from typing import Any

from django.db import migrations, models

from wallet.ledger_shape import PLAYER_LEDGER


def install_core(apps: Any, schema_editor: Any) -> None:
    """Put the posting core in place that asks a single posting's rare questions only where they arise."""
    # The editor's own execute() would read the percent signs and dollar quotes as parameters.
    with schema_editor.connection.cursor() as cursor:
        cursor.execute(PLAYER_LEDGER.removal_sql())
        cursor.execute(PLAYER_LEDGER.posting_sql())


class Migration(migrations.Migration):
    """Quicker single postings, and an index that yields a player's entries in their order though times are equal."""

    dependencies = [("wallet", "0011_lots_within_jurisdictions")]
    operations = [
        migrations.RunPython(install_core, migrations.RunPython.noop),
        migrations.AddIndex(
            model_name="ledgerentry",
            index=models.Index(fields=["player", "created_at", "number"], name="idx_transaction_player_order"),
        ),
        migrations.RemoveIndex(model_name="ledgerentry", name="idx_transaction_player_date"),
    ]
