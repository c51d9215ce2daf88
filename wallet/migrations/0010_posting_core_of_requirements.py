from typing import Any

from django.db import migrations

from wallet.ledger_shape import PLAYER_LEDGER


def install_core(apps: Any, schema_editor: Any) -> None:
    """Put the posting core in place that asks for age and identity and refuses what an adjustment would add."""
    # The editor's own execute() would read the percent signs and dollar quotes as parameters.
    with schema_editor.connection.cursor() as cursor:
        cursor.execute(PLAYER_LEDGER.removal_sql())
        cursor.execute(PLAYER_LEDGER.posting_sql())


class Migration(migrations.Migration):
    dependencies = [
        ("wallet", "0009_lots_by_rule"),
        ("players", "0012_restrictions_kept_by_the_database"),
    ]
    operations = [migrations.RunPython(install_core, migrations.RunPython.noop)]
