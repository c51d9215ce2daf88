from django.db import migrations

# What of a bonus breaks a binding limit of the player's jurisdiction on a business date; the figures are compared first,
# so that the player is only looked up for a bonus that somewhere would be too much.
BROKEN_LIMIT_SQL = """
    CREATE FUNCTION wallet_broken_limit(asked_player varchar, asked_on date, bonus numeric, turnover_required numeric)
    RETURNS TABLE (jurisdiction varchar, version integer, kind varchar, most numeric, clause varchar)
    LANGUAGE plpgsql STABLE AS
    $$
    BEGIN
        IF NOT EXISTS (
            SELECT 1 FROM jurisdiction_limits l
            WHERE l.severity = 'BINDING' AND l.valid_from <= asked_on AND CASE l.kind
                WHEN 'WAGERING_REQUIREMENT_MAX' THEN turnover_required > l.value * bonus
                WHEN 'BONUS_AMOUNT_MAX' THEN bonus > l.value
                WHEN 'PROMOTIONS_FORBIDDEN' THEN true ELSE false END
        ) THEN
            RETURN;
        END IF;
        RETURN QUERY
        SELECT j.code, j.version, l.kind, l.value, l.clause
        FROM jurisdictions j JOIN jurisdiction_limits l ON l.jurisdiction_id = j.code
        WHERE j.code = jurisdiction_of(asked_player) AND l.severity = 'BINDING' AND l.valid_from <= asked_on
          AND NOT EXISTS (
              SELECT 1 FROM jurisdiction_limits later
              WHERE later.jurisdiction_id = l.jurisdiction_id AND later.kind = l.kind
                AND later.severity = 'BINDING' AND later.valid_from > l.valid_from AND later.valid_from <= asked_on)
          AND CASE l.kind
                WHEN 'WAGERING_REQUIREMENT_MAX' THEN turnover_required > l.value * bonus
                WHEN 'BONUS_AMOUNT_MAX' THEN bonus > l.value
                WHEN 'PROMOTIONS_FORBIDDEN' THEN true ELSE false END
        ORDER BY l.kind;
    END
    $$
"""
GUARD_SQL = """
    CREATE FUNCTION wallet_lot_within_jurisdiction() RETURNS trigger LANGUAGE plpgsql AS
    $$
    DECLARE broken record;
    BEGIN
        -- The same look at the figures first, here, where it costs no call: nearly every bonus is within all limits.
        IF NOT EXISTS (
            SELECT 1 FROM jurisdiction_limits l
            WHERE l.severity = 'BINDING' AND l.valid_from <= NEW.granted_on AND CASE l.kind
                WHEN 'WAGERING_REQUIREMENT_MAX' THEN NEW.wagering_required > l.value * NEW.amount
                WHEN 'BONUS_AMOUNT_MAX' THEN NEW.amount > l.value
                WHEN 'PROMOTIONS_FORBIDDEN' THEN true ELSE false END
        ) THEN
            RETURN NEW;
        END IF;
        SELECT * INTO broken
        FROM wallet_broken_limit(NEW.player_id, NEW.granted_on, NEW.amount, NEW.wagering_required) LIMIT 1;
        IF FOUND THEN
            RAISE EXCEPTION 'a bonus of % that asks for a turnover of % breaks % of %, at most %',
                NEW.amount, NEW.wagering_required, broken.kind, broken.jurisdiction, broken.most
                USING ERRCODE = 'check_violation', CONSTRAINT = 'lot_within_jurisdiction', DETAIL = NEW.player_id;
        END IF;
        RETURN NEW;
    END
    $$
"""
# What is given back, settled or corrected is no new promotion. The triggers rest where foreign keys do: what rules post in
# bulk was held to the limits by a statement of its own, under the same lock, and a look per row costs as much as the row.
TRIGGERS_SQL = """
    CREATE TRIGGER lot_within_jurisdiction BEFORE INSERT ON wallet_lots FOR EACH ROW
    WHEN (NEW.currency_type = 'BONUS' AND NEW.kind IN ('REWARD', 'FREE_PLAY', 'CASHBACK', 'MANUAL', 'REDEMPTION'))
    EXECUTE FUNCTION wallet_lot_within_jurisdiction();
    CREATE TRIGGER lot_stays_within_jurisdiction BEFORE UPDATE OF amount, wagering_required ON wallet_lots FOR EACH ROW
    WHEN (NEW.currency_type = 'BONUS' AND NEW.kind IN ('REWARD', 'FREE_PLAY', 'CASHBACK', 'MANUAL', 'REDEMPTION')
          AND (NEW.wagering_required > OLD.wagering_required OR NEW.amount > OLD.amount))
    EXECUTE FUNCTION wallet_lot_within_jurisdiction()
"""
DROP_TRIGGERS_SQL = """
    DROP TRIGGER lot_within_jurisdiction ON wallet_lots;
    DROP TRIGGER lot_stays_within_jurisdiction ON wallet_lots
"""


class Migration(migrations.Migration):
    """The last word on what a jurisdiction forbids of bonus money, on every path."""

    dependencies = [("wallet", "0010_posting_core_of_requirements"), ("players", "0013_jurisdictions")]
    operations = [
        migrations.RunSQL(BROKEN_LIMIT_SQL, "DROP FUNCTION wallet_broken_limit(varchar, date, numeric, numeric)"),
        migrations.RunSQL(GUARD_SQL, "DROP FUNCTION wallet_lot_within_jurisdiction()"),
        migrations.RunSQL(TRIGGERS_SQL, DROP_TRIGGERS_SQL),
    ]
