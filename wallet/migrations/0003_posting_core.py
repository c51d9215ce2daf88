from pathlib import Path
from typing import Any

from django.db import migrations

from core.partitions import guard_partitions
from wallet.ledger_shape import PLAYER_LEDGER

IMMUTABILITY_SQL = Path(__file__).parent.parent / "sql" / "immutability.sql"


def install(apps: Any, schema_editor: Any) -> None:
    """Guard the ledger; the core itself comes with the migration that makes the columns its latest version needs."""
    # The editor's own execute() would read the percent signs and dollar quotes as parameters.
    with schema_editor.connection.cursor() as cursor:
        cursor.execute(IMMUTABILITY_SQL.read_text())
    guard_partitions("transactions")


def uninstall(apps: Any, schema_editor: Any) -> None:
    with schema_editor.connection.cursor() as cursor:
        cursor.execute(PLAYER_LEDGER.removal_sql())
        cursor.execute("DROP FUNCTION refuse_ledger_change CASCADE")


class Migration(migrations.Migration):
    dependencies = [("wallet", "0002_partition_transactions"), ("players", "0003_restriction_matrix")]
    operations = [migrations.RunPython(install, uninstall)]
