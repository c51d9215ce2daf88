from django.db import migrations, models


class Migration(migrations.Migration):
    """Revoking a rule finds its lots without reading those of everybody."""

    dependencies = [("wallet", "0008_correction_permissions")]
    operations = [
        migrations.AddIndex(
            model_name="lot",
            index=models.Index(
                fields=["rule_number", "player"],
                condition=models.Q(rule_number__isnull=False),
                name="idx_lot_rule",
            ),
        )
    ]
