from django.db import migrations, models

# On the way back what was found last is kept, as it would have replaced the others.
DELETE_REPLACED_SQL = "DELETE FROM safety_vip_checks WHERE replaced_at IS NOT NULL"


class Migration(migrations.Migration):
    """Keep what a check found before it was made again: a failed one must not vanish under a passed one."""

    dependencies = [("safety", "0014_reading_of_games_that_count_in_part")]
    operations = [
        migrations.RemoveConstraint(model_name="vipcheck", name="vip_check_unique"),
        migrations.AlterModelOptions(
            name="vipcheck", options={"ordering": ["approval", "kind", "id"], "verbose_name": "VIP check"}
        ),
        migrations.AddField(
            model_name="vipcheck",
            name="replaced_at",
            field=models.DateTimeField(
                blank=True, help_text="Empty: it stands. Else when it was made again.", null=True
            ),
        ),
        migrations.AddConstraint(
            model_name="vipcheck",
            constraint=models.UniqueConstraint(
                condition=models.Q(("replaced_at", None)), fields=("approval", "kind"), name="vip_check_one_stands"
            ),
        ),
        migrations.RunSQL(migrations.RunSQL.noop, DELETE_REPLACED_SQL),
    ]
