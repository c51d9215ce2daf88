from django.db import migrations

FORWARDS = [
    "DROP TABLE rule_matches",
    "CREATE TYPE rule_match AS (rule_number integer, amount numeric)",
    """CREATE UNLOGGED TABLE player_matches (
        run_id bigint NOT NULL, match_count integer NOT NULL, player_id varchar(50) COLLATE "C" NOT NULL,
        matches rule_match[] NOT NULL)""",
    "CREATE INDEX idx_player_match_blocks ON player_matches USING brin (run_id, player_id) WITH (pages_per_range = 16)",
    """CREATE VIEW rule_matches AS
    SELECT p.run_id, m.rule_number, p.player_id, m.amount FROM player_matches p CROSS JOIN LATERAL unnest(p.matches) m""",
    "DROP FUNCTION exact_min(numeric, numeric), exact_max(numeric, numeric)",
]
BACKWARDS = [
    """CREATE FUNCTION exact_min(numeric, numeric) RETURNS numeric LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    AS $$ SELECT least($1, $2) $$""",
    """CREATE FUNCTION exact_max(numeric, numeric) RETURNS numeric LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    AS $$ SELECT greatest($1, $2) $$""",
    "DROP VIEW rule_matches",
    "DROP TABLE player_matches",
    "DROP TYPE rule_match",
    """CREATE UNLOGGED TABLE rule_matches (
        run_id bigint NOT NULL, rule_number integer NOT NULL, player_id varchar(50) COLLATE "C" NOT NULL,
        amount numeric(24, 6))""",
    """CREATE INDEX idx_rule_match_blocks ON rule_matches USING brin (run_id, player_id, rule_number)
    WITH (pages_per_range = 16)""",
]


class Migration(migrations.Migration):
    """A player's matches of a run in one row: a third of the time to store one each. A view shows them rule by rule.

    The functions of extremes are gone with the expressions that used them.
    """

    dependencies = [("rewards", "0013_points_earned_so_far")]
    operations = [
        migrations.RunSQL(FORWARDS, BACKWARDS),
        migrations.AlterModelOptions(name="rulematch", options={"managed": False}),
    ]
