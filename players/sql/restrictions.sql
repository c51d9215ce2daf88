-- What the database itself keeps of restrictions, whoever writes them: the lock, is_blocked, and their history.

CREATE FUNCTION is_player_blocked(key varchar) RETURNS boolean
LANGUAGE sql VOLATILE AS
$$ SELECT EXISTS (
       SELECT 1 FROM player_restrictions r
       WHERE r.player_id = key AND r.kind = 'BLOCKED' AND r.starts_at <= clock_timestamp()
         AND coalesce(r.ends_at > clock_timestamp(), true)) $$;

-- The same lock as the ledger's, in the same order: a posting that has it is finished first, the next one sees the
-- restriction. Held to the end of the transaction, so it does not matter that the rows are there already.
CREATE FUNCTION follow_restrictions() RETURNS trigger
LANGUAGE plpgsql AS
$$
BEGIN
    PERFORM 1 FROM players p WHERE p.player_id IN (SELECT n.player_id FROM changed n)
    ORDER BY p.player_id FOR NO KEY UPDATE;
    UPDATE players p SET is_blocked = NOT p.is_blocked
    WHERE p.player_id IN (SELECT n.player_id FROM changed n WHERE n.kind = 'BLOCKED')
      AND p.is_blocked <> is_player_blocked(p.player_id);
    RETURN NULL;
END
$$;
CREATE TRIGGER restrictions_imposed AFTER INSERT ON player_restrictions
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION follow_restrictions();
CREATE TRIGGER restrictions_changed AFTER UPDATE ON player_restrictions
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION follow_restrictions();

-- Whatever is written there by hand, what the restrictions say stands.
CREATE FUNCTION derive_is_blocked() RETURNS trigger
LANGUAGE plpgsql AS
$$
BEGIN
    NEW.is_blocked := is_player_blocked(NEW.player_id);
    RETURN NEW;
END
$$;
CREATE TRIGGER player_inserted_blocked BEFORE INSERT ON players
    FOR EACH ROW WHEN (NEW.is_blocked) EXECUTE FUNCTION derive_is_blocked();
CREATE TRIGGER player_blocked_changed BEFORE UPDATE OF is_blocked ON players
    FOR EACH ROW WHEN (NEW.is_blocked IS DISTINCT FROM OLD.is_blocked) EXECUTE FUNCTION derive_is_blocked();

-- A restriction keeps what was said when it was imposed; only its end moves, and not before its minimum.
CREATE FUNCTION guard_restriction() RETURNS trigger
LANGUAGE plpgsql AS
$$
DECLARE
    earliest_end timestamptz;
BEGIN
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'restriction % is kept: lift it instead', OLD.id USING ERRCODE = 'restrict_violation';
    END IF;
    IF (NEW.id, NEW.player_id, NEW.kind, NEW.starts_at, NEW.source, NEW.external_reference, NEW.reason, NEW.evidence,
        NEW.created_by_id, NEW.created_at)
       IS DISTINCT FROM
       (OLD.id, OLD.player_id, OLD.kind, OLD.starts_at, OLD.source, OLD.external_reference, OLD.reason, OLD.evidence,
        OLD.created_by_id, OLD.created_at) THEN
        RAISE EXCEPTION 'restriction % keeps what was said when it was imposed: only its end may move', OLD.id
            USING ERRCODE = 'restrict_violation';
    END IF;
    earliest_end := coalesce(OLD.minimum_until, CASE WHEN OLD.kind IN ('SELF_EXCLUDED', 'COOL_OFF') THEN OLD.ends_at END);
    IF NEW.ends_at < earliest_end AND NEW.ends_at IS DISTINCT FROM OLD.ends_at
       OR OLD.minimum_until IS NOT NULL AND coalesce(NEW.minimum_until < OLD.minimum_until, true) THEN
        RAISE EXCEPTION 'restriction % cannot end before %', OLD.id, earliest_end USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER restriction_kept BEFORE UPDATE OR DELETE ON player_restrictions
    FOR EACH ROW EXECUTE FUNCTION guard_restriction();

CREATE FUNCTION refuse_history_change() RETURNS trigger
LANGUAGE plpgsql AS
$$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END
$$;
CREATE TRIGGER restriction_changes_kept BEFORE UPDATE OR DELETE ON player_restriction_changes
    FOR EACH ROW EXECUTE FUNCTION refuse_history_change();

-- Who is refused a purpose, and why: restrictions in force, then what must be known of a player and is not. An operation
-- is stamped with the time it began; one that waited meets what was imposed meanwhile, hence the later of both times.
CREATE FUNCTION unmet_requirement(age smallint, kyc_completed_at timestamptz, needs_kyc boolean, minimum_age smallint,
                                  allows_unknown_age boolean) RETURNS varchar
LANGUAGE sql IMMUTABLE AS
$$ SELECT CASE WHEN minimum_age > age THEN 'UNDER_AGE'
               WHEN minimum_age IS NOT NULL AND age IS NULL AND NOT allows_unknown_age THEN 'AGE_UNKNOWN'
               WHEN needs_kyc AND kyc_completed_at IS NULL THEN 'KYC_MISSING' END $$;

CREATE FUNCTION refused_players(asked_purpose varchar, asked_at timestamptz)
    RETURNS TABLE (player_id varchar, restriction varchar, is_requirement boolean)
LANGUAGE sql STABLE AS
$$ SELECT r.player_id, r.kind, false
   FROM restriction_effects e JOIN player_restrictions r ON r.kind = e.kind
   WHERE e.purpose = asked_purpose AND e.effect = 'REFUSE' AND r.starts_at <= greatest(asked_at, statement_timestamp())
     AND (r.ends_at IS NULL OR r.ends_at > asked_at)
   UNION ALL
   SELECT p.player_id, unmet_requirement(p.age, p.kyc_completed_at, q.needs_kyc, q.minimum_age, q.allows_unknown_age), true
   FROM credit_requirements q CROSS JOIN players p
   WHERE q.purpose = asked_purpose AND (q.needs_kyc OR q.minimum_age IS NOT NULL)
     AND unmet_requirement(p.age, p.kyc_completed_at, q.needs_kyc, q.minimum_age, q.allows_unknown_age) IS NOT NULL $$;
