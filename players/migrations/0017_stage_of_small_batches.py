from django.db import migrations

# A batch's own rows: by its transaction, of which nobody else sees anything, and which empties them before its end.
COLUMNS = {
    "activity_stage": """
        external_id varchar COLLATE "C", player_id varchar COLLATE "C", kind varchar, occurred_at timestamptz,
        amount numeric(18,2), bonus_amount numeric(18,2), bet_id varchar COLLATE "C", game_category varchar,
        ended_at timestamptz, ip_address inet, device_id varchar, action varchar,
        corrects_external_id varchar COLLATE "C", body_hash bytea
    """,
    "activity_players": """
        player_id varchar COLLATE "C", source varchar, has_metrics boolean, totals_as_of date, lp_multiplier numeric,
        first_at timestamptz, last_at timestamptz, first_deposit_at timestamptz, last_deposit_at timestamptz,
        last_bet_at timestamptz, is_ahead boolean, bet_before timestamptz
    """,
    "activity_changes": """
        player_id varchar COLLATE "C", "on" date, game_category varchar, deposited numeric, withdrawn numeric,
        wagered numeric, won numeric, bets integer, sessions_reported integer, played_reported interval,
        sessions_inferred integer, played_inferred interval
    """,
    "activity_corrections": """
        external_id varchar, player_id varchar COLLATE "C", kind varchar, corrects_external_id varchar, reason varchar,
        is_latest boolean, occurred_at timestamptz, amount numeric, bonus_amount numeric, bets integer, bet_id varchar,
        game_category varchar, ended_at_before timestamptz, ended_at timestamptz, ip_address inet, device_id varchar
    """,
}


def _make(name: str, columns: str) -> list[str]:
    names = ", ".join(column.split()[0] for column in columns.replace("(18,2)", "").split(","))
    return [
        f"""
        CREATE UNLOGGED TABLE {name}_rows ({columns}, batch xid8 NOT NULL DEFAULT pg_current_xact_id())
        WITH (autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_scale_factor = 0)
        """,
        f"CREATE INDEX {name}_batch ON {name}_rows (batch)",
        f"CREATE VIEW {name} AS SELECT {names} FROM {name}_rows WHERE batch = pg_current_xact_id()",
    ]


class Migration(migrations.Migration):
    """A small batch is staged in tables that are there: to make its own would take longer than to count it."""

    dependencies = [("players", "0016_room_for_the_feed")]
    operations = [
        migrations.RunSQL(_make(name, columns), [f"DROP VIEW {name}", f"DROP TABLE {name}_rows"])
        for name, columns in COLUMNS.items()
    ]
