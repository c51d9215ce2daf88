from __future__ import annotations

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("wallet", "0007_block_ranges_of_entry_times")]

    operations = [
        migrations.AlterModelOptions(
            name="operation",
            options={
                "ordering": ["-id"],
                "permissions": [
                    ("reverse_operation", "Can reverse an operation or take back what remains of it"),
                    ("adjust_balance", "Can adjust a balance"),
                    ("cancel_bonus", "Can cancel a bonus"),
                    ("act_for_player", "Can claim, spend, withdraw and act for a player"),
                ],
            },
        ),
    ]
