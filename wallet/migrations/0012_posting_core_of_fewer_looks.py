from importlib import import_module
from typing import Any

from django.db import migrations, models

from wallet.ledger_shape import PLAYER_LEDGER

_BEFORE = import_module("wallet.migrations.0011_lots_within_jurisdictions")
# PostgreSQL reads the text of a trigger's condition anew for every statement, so all but the first question of it is
# the function's.
_CONDITION = """
        IF NEW.kind NOT IN ('REWARD', 'FREE_PLAY', 'CASHBACK', 'MANUAL', 'REDEMPTION') THEN
            RETURN NEW;
        END IF;
        IF TG_OP = 'UPDATE' THEN
            IF NEW.wagering_required <= OLD.wagering_required AND NEW.amount <= OLD.amount THEN
                RETURN NEW;
            END IF;
        END IF;"""
GUARD_SQL = _BEFORE.GUARD_SQL.replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION").replace(
    "    BEGIN\n", f"    BEGIN{_CONDITION}\n", 1
)
GUARD_BEFORE_SQL = _BEFORE.GUARD_SQL.replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION")
TRIGGERS_SQL = """
    CREATE TRIGGER lot_within_jurisdiction BEFORE INSERT ON wallet_lots FOR EACH ROW
    WHEN (NEW.currency_type = 'BONUS') EXECUTE FUNCTION wallet_lot_within_jurisdiction();
    CREATE TRIGGER lot_stays_within_jurisdiction BEFORE UPDATE OF amount, wagering_required ON wallet_lots FOR EACH ROW
    WHEN (NEW.currency_type = 'BONUS') EXECUTE FUNCTION wallet_lot_within_jurisdiction()
"""


def install_core(apps: Any, schema_editor: Any) -> None:
    """Put the posting core in place that asks a single posting's rare questions only where they arise."""
    # The editor's own execute() would read the percent signs and dollar quotes as parameters.
    with schema_editor.connection.cursor() as cursor:
        cursor.execute(PLAYER_LEDGER.removal_sql())
        cursor.execute(PLAYER_LEDGER.posting_sql())


class Migration(migrations.Migration):
    """Quicker single postings, and an index that yields a player's entries in their order though times are equal."""

    dependencies = [("wallet", "0011_lots_within_jurisdictions")]
    operations = [
        migrations.RunPython(install_core, migrations.RunPython.noop),
        migrations.RunSQL(_BEFORE.DROP_TRIGGERS_SQL, _BEFORE.TRIGGERS_SQL),
        migrations.RunSQL(GUARD_SQL, GUARD_BEFORE_SQL),
        migrations.RunSQL(TRIGGERS_SQL, _BEFORE.DROP_TRIGGERS_SQL),
        migrations.AddIndex(
            model_name="ledgerentry",
            index=models.Index(fields=["player", "created_at", "number"], name="idx_transaction_player_order"),
        ),
        migrations.RemoveIndex(model_name="ledgerentry", name="idx_transaction_player_date"),
    ]
