"""Rewards that wait for a person are found among all decisions by an index of their own."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("rewards", "0015_profit_figures_of_decisions")]

    operations = [
        migrations.AddIndex(
            model_name="rewarddecision",
            index=models.Index(
                fields=["player"],
                condition=models.Q(verdict="PENDING_REVIEW", reason="ABUSE_REVIEW"),
                name="idx_decision_waits",
            ),
        ),
    ]
