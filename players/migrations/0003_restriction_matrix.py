from typing import Any

from django.db import migrations

from players.restriction_matrix import RESTRICTION_MATRIX

# What the constraint of the time allows; later purposes come with the migration that adds them.
PURPOSES = (
    "PROMOTION", "EARNED", "OPENING", "SETTLEMENT", "REFUND", "REVERSAL", "ADJUSTMENT", "SPEND", "EXPIRY",
)  # fmt: skip


def write_matrix(apps: Any, schema_editor: Any) -> None:
    effect_model = apps.get_model("players", "RestrictionEffect")
    effect_model.objects.bulk_create(
        effect_model(kind=kind, purpose=purpose, effect=effect)
        for (kind, purpose), effect in RESTRICTION_MATRIX.items()
        if purpose in PURPOSES
    )


class Migration(migrations.Migration):
    dependencies = [("players", "0002_partition_activity")]
    operations = [migrations.RunPython(write_matrix, migrations.RunPython.noop)]
