from django.db import migrations

# Django adds an index for LIKE to every unique text column. Our keys collate as "C", whose plain index serves LIKE as well,
# and nothing searches the others by prefix; each would cost a write per row in the tables the night fills.
DROP_SQL = r"""
DO $$
DECLARE
    name text;
BEGIN
    FOR name IN
        SELECT i.indexname FROM pg_indexes i
        WHERE i.schemaname = current_schema() AND i.indexdef LIKE '%\_pattern\_ops%'
          AND i.tablename IN ('outbox_events', 'policy_values', 'game_categories', 'import_jobs', 'players',
                              'player_metrics', 'tiers', 'reward_rules', 'reward_rule_versions', 'rule_budget_days',
                              'safety_unit_values', 'safety_segment_baselines', 'wallet_operations', 'loyalty_balances')
    LOOP
        EXECUTE format('DROP INDEX %I', name);
    END LOOP;
END
$$
"""


class Migration(migrations.Migration):
    dependencies = [
        ("rewards", "0004_exact_extremes"),
        ("core", "0002_month_partitioned_tables"),
        ("players", "0005_documented_game_categories"),
        ("safety", "0003_documented_assumptions"),
        ("wallet", "0003_posting_core"),
    ]
    operations = [migrations.RunSQL(DROP_SQL, migrations.RunSQL.noop)]
