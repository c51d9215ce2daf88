from pathlib import Path
from typing import Any

from django.db import migrations

from wallet.ledger_shape import PLAYER_LEDGER

SQL = Path(__file__).parent.parent / "sql"
# What the columns' domains keep from now on.
KEPT_BY_DOMAINS = {
    "lot": (
        "lot_remaining_not_negative",
        "lot_amount_positive",
        "lot_kind_known",
        "lot_status_known",
        "lot_currency_known",
        "lot_wagering_not_negative",
        "lot_wagering_basis_known",
        "lot_bets_and_conversion_not_negative",
    ),
    "ledgerentry": ("transaction_amount_not_zero", "transaction_balance_not_negative"),
    "loyaltybalance": (
        "balance_lp_not_negative",
        "balance_rp_not_negative",
        "balance_bonus_not_negative",
        "balance_tickets_not_negative",
    ),
}


def install_domains(apps: Any, schema_editor: Any) -> None:
    with schema_editor.connection.cursor() as cursor:
        cursor.execute((SQL / "domains.sql").read_text())


def remove_domains(apps: Any, schema_editor: Any) -> None:
    with schema_editor.connection.cursor() as cursor:
        cursor.execute((SQL / "without_domains.sql").read_text())


def install_core(apps: Any, schema_editor: Any) -> None:
    """Put the posting core in place that knows the columns of bets, turns and reversals."""
    # The editor's own execute() would read the percent signs and dollar quotes as parameters.
    with schema_editor.connection.cursor() as cursor:
        cursor.execute(PLAYER_LEDGER.removal_sql())
        cursor.execute(PLAYER_LEDGER.posting_sql())


def remove_core(apps: Any, schema_editor: Any) -> None:
    with schema_editor.connection.cursor() as cursor:
        cursor.execute(PLAYER_LEDGER.removal_sql())


class Migration(migrations.Migration):
    dependencies = [("wallet", "0005_bets_and_turns")]
    operations = [
        *(
            migrations.RemoveConstraint(model_name=model, name=name)
            for model, names in KEPT_BY_DOMAINS.items()
            for name in names
        ),
        migrations.RunPython(install_domains, remove_domains),
        migrations.RunPython(install_core, remove_core),
    ]
