from importlib import import_module

from django.db import migrations

# What one limit has against a grant, whoever it is for; safety/jurisdictions/violations.py says the same of rules.
# `best_weight` is the contribution of the eligible game that counts most: measured are the stakes that meet the requirement
# at least, less what rounding to the cent may have added. `products` is how many types of product the bonus is for, 0
# where it may be used freely.
LIMIT_IS_BROKEN_SQL = """
    CREATE FUNCTION wallet_limit_is_broken(
        kind varchar, most numeric, names varchar[], reward_type varchar, is_bonus boolean, amount numeric,
        turnover numeric, best_weight numeric, products bigint, hours integer
    ) RETURNS boolean LANGUAGE sql IMMUTABLE AS
    $$ SELECT CASE kind
           WHEN 'PROMOTIONS_FORBIDDEN' THEN true
           WHEN 'REWARD_TYPES_FORBIDDEN' THEN reward_type = ANY (names)
           WHEN 'WAGERING_REQUIREMENT_MAX' THEN is_bonus AND turnover - 0.005 > most * amount * best_weight
           WHEN 'SINGLE_PRODUCT' THEN is_bonus AND products > 1
           WHEN 'BONUS_AMOUNT_MAX' THEN is_bonus AND amount > most
           WHEN 'VALIDITY_HOURS_MIN' THEN is_bonus AND hours < most
           ELSE false END $$
"""
# Indicators of harm are looked for only where the restriction matrix was weakened: else the core has refused before.
_FORGOTTEN = """NOT EXISTS (
                    SELECT 1 FROM restriction_effects e
                    WHERE e.kind = 'RG_HARM' AND e.purpose = 'PROMOTION' AND e.effect = 'REFUSE')"""
_IS_BROKEN = f"""(wallet_limit_is_broken(l.kind, l.value, l.names, reward_type, is_bonus, amount, turnover, best_weight,
                                      products, hours)
               OR l.kind = 'HARM_BLOCKS_PROMOTION' AND {_FORGOTTEN} AND EXISTS (
                    SELECT 1 FROM player_restrictions r
                    WHERE r.player_id = asked_player AND r.kind = 'RG_HARM' AND r.starts_at <= statement_timestamp()
                      AND coalesce(r.ends_at > statement_timestamp(), true)))"""
BROKEN_LIMIT_SQL = f"""
    CREATE FUNCTION wallet_broken_limit(
        asked_player varchar, asked_on date, currency varchar, lot_kind varchar, amount numeric, turnover numeric,
        games jsonb, hours integer
    ) RETURNS TABLE (jurisdiction varchar, version integer, kind varchar, most numeric, clause varchar)
    LANGUAGE plpgsql STABLE AS
    $$
    DECLARE
        is_bonus boolean := currency = 'BONUS';
        reward_type varchar := CASE currency
            WHEN 'LP' THEN 'LOYALTY_POINTS' WHEN 'RP' THEN 'REWARD_POINTS' WHEN 'TICKETS' THEN 'TICKETS'
            ELSE CASE lot_kind WHEN 'FREE_PLAY' THEN 'FREE_PLAY' WHEN 'CASHBACK' THEN 'CASHBACK' ELSE 'BONUS_BALANCE' END
        END;
        best_weight numeric := 1;
        products bigint := 0;
    BEGIN
        IF is_bonus AND games IS NOT NULL THEN
            SELECT coalesce(max(g.contribution_weight), 0), count(DISTINCT coalesce(nullif(g.product, ''), x.code))
            INTO best_weight, products
            FROM jsonb_array_elements_text(games) x (code) LEFT JOIN game_categories g ON g.code = x.code;
        ELSIF is_bonus AND turnover > 0 THEN
            SELECT coalesce(max(g.contribution_weight), 0), count(DISTINCT coalesce(nullif(g.product, ''), g.code))
            INTO best_weight, products FROM game_categories g;
        END IF;
        -- The figures first: the player is only looked up for a grant that somewhere would be too much.
        IF NOT EXISTS (
            SELECT 1 FROM jurisdiction_limits l
            WHERE l.severity = 'BINDING' AND l.valid_from <= asked_on AND {_IS_BROKEN}
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
          AND {_IS_BROKEN}
        ORDER BY l.kind;
    END
    $$
"""
GUARD_SQL = """
    CREATE OR REPLACE FUNCTION wallet_lot_within_jurisdiction() RETURNS trigger LANGUAGE plpgsql AS
    $$
    DECLARE broken record;
    BEGIN
        -- Winnings and what is given back add to a lot and are no promotion: only what raises its requirement or what
        -- counts towards the caps is.
        IF NEW.kind NOT IN ('REWARD', 'FREE_PLAY', 'CASHBACK', 'MANUAL', 'REDEMPTION') THEN
            RETURN NEW;
        END IF;
        IF TG_OP = 'UPDATE' THEN
            IF NEW.wagering_required <= OLD.wagering_required AND NEW.promotional_value <= OLD.promotional_value THEN
                RETURN NEW;
            END IF;
        END IF;
        -- One look spares whoever belongs where nothing is limited, which in a set of grants are most.
        IF NOT EXISTS (
            SELECT 1 FROM jurisdiction_limits l
            WHERE l.jurisdiction_id = (SELECT jurisdiction_of(NEW.player_id)) AND l.severity = 'BINDING'
              AND l.valid_from <= NEW.granted_on
        ) THEN
            RETURN NEW;
        END IF;
        SELECT * INTO broken
        FROM wallet_broken_limit(NEW.player_id, NEW.granted_on, NEW.currency_type, NEW.kind, NEW.amount,
                                 NEW.wagering_required, NEW.eligible_games, NEW.active_hours) LIMIT 1;
        IF FOUND THEN
            RAISE EXCEPTION '% of % (%)', broken.kind, broken.jurisdiction, broken.clause
                USING ERRCODE = 'check_violation', CONSTRAINT = 'lot_within_jurisdiction', DETAIL = NEW.player_id,
                      HINT = jsonb_build_object(
                          'jurisdiction', broken.jurisdiction, 'version', broken.version, 'kind', broken.kind,
                          'most', broken.most::text, 'clause', broken.clause, 'currency', NEW.currency_type,
                          'amount', NEW.amount::text, 'wagering_required', NEW.wagering_required::text)::text;
        END IF;
        RETURN NEW;
    END
    $$
"""
# PostgreSQL reads the text of a trigger's condition anew for every statement, so the questions are the function's. The
# triggers rest where foreign keys do, as before.
TRIGGERS_SQL = """
    DROP TRIGGER lot_within_jurisdiction ON wallet_lots;
    DROP TRIGGER lot_stays_within_jurisdiction ON wallet_lots;
    CREATE TRIGGER lot_within_jurisdiction BEFORE INSERT ON wallet_lots FOR EACH ROW
    EXECUTE FUNCTION wallet_lot_within_jurisdiction();
    CREATE TRIGGER lot_stays_within_jurisdiction BEFORE UPDATE OF amount, wagering_required ON wallet_lots FOR EACH ROW
    EXECUTE FUNCTION wallet_lot_within_jurisdiction()
"""
# As they were before, for the way back.
_EARLIER = import_module("wallet.migrations.0011_lots_within_jurisdictions")
EARLIER_TRIGGERS_SQL = f"{_EARLIER.DROP_TRIGGERS_SQL}; {_EARLIER.TRIGGERS_SQL}"
EARLIER_GUARD_SQL = _EARLIER.GUARD_SQL.replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION")
_DROP_LIMIT_IS_BROKEN = (
    "DROP FUNCTION wallet_limit_is_broken(varchar, numeric, varchar[], varchar, boolean, numeric, numeric, numeric, "
    "bigint, integer)"
)
_DROP_BROKEN_LIMIT = (
    "DROP FUNCTION wallet_broken_limit(varchar, date, varchar, varchar, numeric, numeric, jsonb, integer)"
)
_DROP_EARLIER = "DROP FUNCTION wallet_broken_limit(varchar, date, numeric, numeric)"


class Migration(migrations.Migration):
    """Let the ledger hold every limit that a grant itself can break, in every currency, and never winnings."""

    dependencies = [("wallet", "0013_counted_wagers"), ("players", "0015_choices_of_jurisdictions")]
    operations = [
        migrations.RunSQL(LIMIT_IS_BROKEN_SQL, _DROP_LIMIT_IS_BROKEN),
        migrations.RunSQL(BROKEN_LIMIT_SQL, _DROP_BROKEN_LIMIT),
        migrations.RunSQL(GUARD_SQL, EARLIER_GUARD_SQL),
        migrations.RunSQL(TRIGGERS_SQL, EARLIER_TRIGGERS_SQL),
        migrations.RunSQL(_DROP_EARLIER, _EARLIER.BROKEN_LIMIT_SQL),
    ]
