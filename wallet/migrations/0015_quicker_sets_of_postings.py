from typing import Any

from django.db import migrations

from wallet.ledger_shape import PLAYER_LEDGER

# A number each costs a bulk posting an eighth of its time. Sessions that draw several ahead give numbers that tell rows
# apart and not which of two sessions was first: entries are in order by their own number per player, operations and
# movements by their entries. Lots keep theirs one by one, whose order decides whose turn it is.
_SEQUENCES = ("wallet_operations_id_seq", "transactions_id_seq", "wallet_lot_movements_id_seq")
_DRAWN_AHEAD = 64


def _draw(number: int) -> str:
    return ";\n".join(f"ALTER SEQUENCE {sequence} CACHE {number}" for sequence in _SEQUENCES)


def install_core(apps: Any, schema_editor: Any) -> None:
    """Put the posting core in place that asks who is missing, and what is due, only where somebody or something is."""
    # The editor's own execute() would read the percent signs and dollar quotes as parameters.
    with schema_editor.connection.cursor() as cursor:
        cursor.execute(PLAYER_LEDGER.removal_sql())
        cursor.execute(PLAYER_LEDGER.posting_sql())


class Migration(migrations.Migration):
    dependencies = [("wallet", "0014_limits_the_ledger_knows")]
    operations = [
        migrations.RunPython(install_core, migrations.RunPython.noop),
        migrations.RunSQL(_draw(_DRAWN_AHEAD), _draw(1)),
    ]
