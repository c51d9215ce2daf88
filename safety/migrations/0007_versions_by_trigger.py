from django.db import migrations

# A figure that somebody writes without the service gets its version too; the service leaves who and why in settings of
# the transaction. Where the newest version begun already says it, there is nothing to add.
_APPEND_SQL = """
CREATE FUNCTION append_assumption() RETURNS trigger LANGUAGE plpgsql AS
$$
DECLARE
    kind_of text := TG_ARGV[0];
    name_of text := to_jsonb(NEW) ->> TG_ARGV[1];
    family_of text := coalesce(to_jsonb(NEW) ->> nullif(TG_ARGV[3], ''), '');
    figure numeric := (to_jsonb(NEW) ->> TG_ARGV[2])::numeric;
    today date := coalesce(nullif(current_setting('safety.assumed_on', true), '')::date, current_date);
    known numeric;
BEGIN
    -- Saving the rest of a row must not undo a figure that is due and not taken up yet.
    IF TG_OP = 'UPDATE' AND (to_jsonb(OLD) ->> TG_ARGV[2])::numeric = figure THEN
        RETURN NULL;
    END IF;
    SELECT v.value INTO known FROM safety_assumptions v
    WHERE v.kind = kind_of AND v.name = name_of AND v.reward_family = family_of AND v.valid_from <= today
    ORDER BY v.valid_from DESC, v.id DESC LIMIT 1;
    IF known IS DISTINCT FROM figure THEN
        INSERT INTO safety_assumptions (kind, name, reward_family, value, valid_from, reason, made_by)
        VALUES (kind_of, name_of, family_of, figure, today,
                coalesce(nullif(current_setting('safety.assumed_because', true), ''), 'written without a reason'),
                coalesce(nullif(current_setting('safety.assumed_by', true), ''), session_user));
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER house_edge_versions AFTER INSERT OR UPDATE OF house_edge_rate ON game_categories
    FOR EACH ROW EXECUTE FUNCTION append_assumption('HOUSE_EDGE', 'code', 'house_edge_rate', '');
CREATE TRIGGER unit_value_versions AFTER INSERT OR UPDATE OF money_value ON safety_unit_values
    FOR EACH ROW EXECUTE FUNCTION append_assumption('UNIT_VALUE', 'currency_type', 'money_value', '');
CREATE TRIGGER retention_versions AFTER INSERT OR UPDATE OF multiplier ON safety_retention_multipliers
    FOR EACH ROW EXECUTE FUNCTION append_assumption('RETENTION', 'segment', 'multiplier', 'reward_family');

CREATE FUNCTION refuse_assumption_change() RETURNS trigger LANGUAGE plpgsql AS
$$
BEGIN
    RAISE EXCEPTION 'safety_assumptions is append-only: % is refused; a change is a new version', TG_OP
        USING ERRCODE = 'restrict_violation';
END
$$;
CREATE TRIGGER safety_assumptions_append_only BEFORE UPDATE OR DELETE ON safety_assumptions
    FOR EACH ROW EXECUTE FUNCTION refuse_assumption_change();
CREATE TRIGGER safety_assumptions_not_truncated BEFORE TRUNCATE ON safety_assumptions
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_assumption_change();
"""
_FORGET_SQL = """
DROP TRIGGER house_edge_versions ON game_categories;
DROP TRIGGER unit_value_versions ON safety_unit_values;
DROP TRIGGER retention_versions ON safety_retention_multipliers;
DROP FUNCTION append_assumption();
DROP TRIGGER safety_assumptions_append_only ON safety_assumptions;
DROP TRIGGER safety_assumptions_not_truncated ON safety_assumptions;
DROP FUNCTION refuse_assumption_change();
"""

# What is in force now began, as far as anybody knows, at the beginning.
_SEED_SQL = """
INSERT INTO safety_assumptions (kind, name, reward_family, value, valid_from, reason, made_by)
SELECT 'HOUSE_EDGE', code, '', house_edge_rate, DATE '2000-01-01', 'in force when versions began', 'house'
FROM game_categories ORDER BY code;
INSERT INTO safety_assumptions (kind, name, reward_family, value, valid_from, reason, made_by)
SELECT 'UNIT_VALUE', currency_type, '', money_value, DATE '2000-01-01', 'in force when versions began', 'house'
FROM safety_unit_values ORDER BY currency_type;
INSERT INTO safety_assumptions (kind, name, reward_family, value, valid_from, reason, made_by)
SELECT 'RETENTION', segment, reward_family, multiplier, DATE '2000-01-01', 'in force when versions began', 'house'
FROM safety_retention_multipliers ORDER BY segment, reward_family;
"""

# Taking back frees the pools under which the grant was counted. By row, and only where the value falls: bulk postings
# of the wallet are not held up.
_RELEASE_SQL = """
CREATE FUNCTION release_pools() RETURNS trigger LANGUAGE plpgsql AS
$$
BEGIN
    INSERT INTO safety_pool_releases (segment, tier, "on", value)
    SELECT d.segment, d.tier, d."on", OLD.promotional_value - NEW.promotional_value
    FROM safety_pool_members m JOIN safety_pool_days d ON d."on" = m."on"
     AND d.segment IN ('', m.segment) AND d.tier IN ('', m.tier)
    WHERE m.player_id = NEW.player_id AND m."on" = NEW.granted_on;
    RETURN NULL;
END
$$;
CREATE TRIGGER wallet_lots_release_pools AFTER UPDATE OF promotional_value ON wallet_lots
    FOR EACH ROW WHEN (NEW.promotional_value < OLD.promotional_value) EXECUTE FUNCTION release_pools();
"""


class Migration(migrations.Migration):
    """No figure without its version, and no cap that stays taken by what was taken back."""

    dependencies = [
        ("safety", "0006_profit_versions_caps_and_violations"),
        ("players", "0009_tier_kept_until"),
        ("wallet", "0008_correction_permissions"),
    ]
    operations = [
        migrations.RunSQL(_SEED_SQL, migrations.RunSQL.noop),
        migrations.RunSQL(_APPEND_SQL, _FORGET_SQL),
        migrations.RunSQL(
            _RELEASE_SQL, "DROP TRIGGER wallet_lots_release_pools ON wallet_lots; DROP FUNCTION release_pools();"
        ),
    ]
