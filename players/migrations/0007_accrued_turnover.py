from decimal import Decimal

from django.db import migrations, models


class Migration(migrations.Migration):
    """Remember which turnover of an estimated day has earned its points, so that what a later file adds earns too."""

    dependencies = [("players", "0006_room_for_updates")]
    operations = [
        migrations.AddField(
            model_name="playerday",
            name="wagered_accrued",
            field=models.DecimalField(
                db_default=Decimal("0.00"),
                decimal_places=2,
                default=Decimal("0.00"),
                help_text="The turnover of an estimated day that its points due count already.",
                max_digits=18,
            ),
        ),
        migrations.RunSQL(
            "UPDATE player_days SET wagered_accrued = wagered WHERE is_estimated AND lp_due > 0",
            migrations.RunSQL.noop,
        ),
        migrations.RemoveIndex(model_name="playerday", name="idx_player_day_unaccrued"),
        migrations.AddIndex(
            model_name="playerday",
            index=models.Index(
                condition=models.Q(("is_estimated", True), ("wagered__gt", models.F("wagered_accrued"))),
                fields=["player"],
                name="idx_player_day_unaccrued",
            ),
        ),
    ]
