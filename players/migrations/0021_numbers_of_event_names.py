from django.db import migrations


class Migration(migrations.Migration):
    """A batch numbers thousands of names: a session takes a thousand numbers at a time, not each one from the sequence.

    The numbers tell only where in the table a name stands, so those a session leaves unused are missed by nobody.
    """

    dependencies = [("players", "0020_stakes_by_game")]
    operations = [
        migrations.RunSQL(
            "ALTER SEQUENCE player_activity_keys_id_seq CACHE 1000",
            "ALTER SEQUENCE player_activity_keys_id_seq CACHE 1",
        )
    ]
