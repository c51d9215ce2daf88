from typing import Any

from django.db import migrations

from wallet.ledger_shape import PLAYER_LEDGER


def install(apps: Any, schema_editor: Any) -> None:
    """Put the posting core in place that knows the columns of bets, turns and reversals."""
    # The editor's own execute() would read the percent signs and dollar quotes as parameters.
    with schema_editor.connection.cursor() as cursor:
        cursor.execute(PLAYER_LEDGER.removal_sql())
        cursor.execute(PLAYER_LEDGER.posting_sql())


class Migration(migrations.Migration):
    dependencies = [("wallet", "0005_bets_and_turns")]
    operations = [migrations.RunPython(install, migrations.RunPython.noop)]
