from importlib import import_module

from django.db import migrations

_EARLIER_GUARD_SQL = import_module("wallet.migrations.0016_lots_looked_at_in_place").GUARD_SQL
# The business zone is not known here: half a day back lies on no later date than it in any zone, so that this is never
# stricter than what the rules were judged by, and a grant that is dated back escapes no limit by more than a day.
GUARD_SQL = (
    _EARLIER_GUARD_SQL.replace(
        "DECLARE broken record;",
        """DECLARE
        broken record;
        -- What is granted now for a date that is past is held to the limits of now.
        held_on date := greatest(NEW.granted_on, (NEW.created_at AT TIME ZONE 'UTC' - interval '12 hours')::date);""",
    )
    .replace("l.valid_from <= NEW.granted_on", "l.valid_from <= held_on")
    .replace("wallet_broken_limit(NEW.player_id, NEW.granted_on,", "wallet_broken_limit(NEW.player_id, held_on,")
)


class Migration(migrations.Migration):
    """Hold what is granted for a date that is past to the limits of the day on which it is granted."""

    dependencies = [("wallet", "0016_lots_looked_at_in_place")]
    operations = [migrations.RunSQL(GUARD_SQL, _EARLIER_GUARD_SQL)]
