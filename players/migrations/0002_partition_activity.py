from datetime import date
from typing import Any

from django.db import migrations

from core.partitions import partition_by_month


def partition_activity(apps: Any, schema_editor: Any) -> None:
    partition_by_month(
        schema_editor, table="player_activity", column="occurred_at", first=date.today().replace(day=1), months=4
    )


class Migration(migrations.Migration):
    dependencies = [("players", "0001_initial"), ("core", "0002_month_partitioned_tables")]
    operations = [migrations.RunPython(partition_activity, migrations.RunPython.noop)]
