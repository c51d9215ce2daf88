from decimal import Decimal
from typing import Any

from django.db import migrations

# Assumptions, editable by staff: segment → multiplier for bonus money, cashback, loyalty points.
RETENTION_MULTIPLIERS = {
    "LOSING": ("1.8", "1.5", "1.2"),
    "BREAKEVEN": ("1.5", "1.4", "1.3"),
    "WINNING": ("1.1", "1.1", "1.2"),
    "NEW": ("2.0", "1.6", "1.4"),
    "VIP": ("1.3", "1.4", "1.5"),
}
UNIT_VALUES = {"LP": "0.01", "RP": "0.01", "BONUS": "1", "TICKETS": "1"}


def write_assumptions(apps: Any, schema_editor: Any) -> None:
    multiplier_model = apps.get_model("safety", "RetentionMultiplier")
    multiplier_model.objects.bulk_create(
        multiplier_model(segment=segment, reward_family=family, multiplier=Decimal(multiplier))
        for segment, multipliers in RETENTION_MULTIPLIERS.items()
        for family, multiplier in zip(("BONUS", "CASHBACK", "LP"), multipliers, strict=True)
    )
    unit_model = apps.get_model("safety", "UnitValue")
    unit_model.objects.bulk_create(
        unit_model(currency_type=currency, money_value=Decimal(value)) for currency, value in UNIT_VALUES.items()
    )


class Migration(migrations.Migration):
    dependencies = [("safety", "0002_segment_baselines")]
    operations = [migrations.RunPython(write_assumptions, migrations.RunPython.noop)]
