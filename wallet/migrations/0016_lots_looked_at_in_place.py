from importlib import import_module

from django.db import migrations

_CALLED = "(SELECT jurisdiction_of(NEW.player_id))"
_JURISDICTION_SQL = (
    import_module("players.migrations.0013_jurisdictions")
    .JURISDICTION_OF_SQL.split("$$")[1]
    .replace("asked_player", "NEW.player_id")
    .strip()
)
_EARLIER_GUARD_SQL = import_module("wallet.migrations.0014_limits_the_ledger_knows").GUARD_SQL
# A function in a statement starts one of its own: for a single credit that took as long as writing two of its rows.
GUARD_SQL = _EARLIER_GUARD_SQL.replace(_CALLED, f"({_JURISDICTION_SQL})")


class Migration(migrations.Migration):
    """The look at a player's jurisdiction before a grant, in the statement that looks at its limits."""

    dependencies = [("wallet", "0015_quicker_sets_of_postings"), ("players", "0013_jurisdictions")]
    operations = [migrations.RunSQL(GUARD_SQL, _EARLIER_GUARD_SQL)]
