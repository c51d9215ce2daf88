from importlib import import_module
from typing import Any

from django.db import migrations

from wallet.ledger_shape import PLAYER_LEDGER

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


def install_core(apps: Any, schema_editor: Any) -> None:
    """Put the posting core in place whose way in posts a single posting itself."""
    # The editor's own execute() would read the percent signs and dollar quotes as parameters.
    with schema_editor.connection.cursor() as cursor:
        cursor.execute(PLAYER_LEDGER.removal_sql())
        cursor.execute(PLAYER_LEDGER.posting_sql())


class Migration(migrations.Migration):
    """One function less for a single posting, and its jurisdiction in the statement that looks at its limits."""

    dependencies = [("wallet", "0014_limits_the_ledger_knows"), ("players", "0013_jurisdictions")]
    operations = [
        migrations.RunSQL(GUARD_SQL, _EARLIER_GUARD_SQL),
        migrations.RunPython(install_core, migrations.RunPython.noop),
    ]
