from datetime import date
from typing import Any

from django.db import migrations

from core.partitions import partition_by_month

PLAYER_KEY = (
    "CONSTRAINT transactions_player_fk FOREIGN KEY (player_id) REFERENCES players (player_id) "
    "DEFERRABLE INITIALLY IMMEDIATE"
)


def partition_transactions(apps: Any, schema_editor: Any) -> None:
    partition_by_month(
        schema_editor,
        table="transactions",
        column="created_at",
        first=date.today().replace(day=1),
        months=4,
        foreign_key=PLAYER_KEY,
    )


class Migration(migrations.Migration):
    dependencies = [("wallet", "0001_initial"), ("core", "0002_month_partitioned_tables")]
    operations = [migrations.RunPython(partition_transactions, migrations.RunPython.noop)]
