-- The pending lots of an account whose time has come; of those that take turns, the first where none is active.
CREATE FUNCTION @{prefix}_due_lots(owner_key @{account_type}, due_at timestamptz) RETURNS TABLE (row_id tid)
LANGUAGE sql STABLE AS
$$ SELECT DISTINCT ON (CASE WHEN l.takes_turn THEN 0 ELSE l.id END) l.ctid
   FROM @{prefix}_lots l
   WHERE l.@{account} = owner_key AND l.status = 'PENDING' AND l.awaits IS NULL
     AND coalesce(l.available_at <= due_at, true) AND coalesce(l.expires_at > due_at, true)
     AND NOT (l.takes_turn AND EXISTS (
         SELECT 1 FROM @{prefix}_lots q
         WHERE q.@{account} = owner_key AND q.currency_type = 'BONUS' AND q.status IN ('PENDING', 'ACTIVE')
           AND q.status = 'ACTIVE' AND q.takes_turn AND coalesce(q.expires_at > due_at, true)))@{waking_guard}
   ORDER BY CASE WHEN l.takes_turn THEN 0 ELSE l.id END, l.id $$;

-- Carry the lots of locked accounts on to where they are now: bonuses that hold nothing and wait for no bet have ended,
-- those whose time or turn has come are active, and what the balance says of them follows.
CREATE FUNCTION @{prefix}_settle_lots(account_keys @{account_type}[], settled_at timestamptz) RETURNS void
LANGUAGE plpgsql AS
$$
BEGIN
    UPDATE @{prefix}_lots l
    SET status = CASE WHEN l.wagering_completed >= l.wagering_required THEN 'COMPLETED'
                      WHEN l.expires_at <= settled_at THEN 'EXPIRED' ELSE 'LOST' END,
        end_reason = CASE WHEN l.wagering_completed >= l.wagering_required THEN 'Used up'
                          WHEN l.expires_at <= settled_at THEN 'Expired' ELSE 'Played away' END,
        closed_at = settled_at
    WHERE l.@{account} = ANY (account_keys) AND l.currency_type = 'BONUS' AND l.status IN ('PENDING', 'ACTIVE')
      AND l.status = 'ACTIVE' AND l.remaining = 0 AND l.open_bets = 0;
    UPDATE @{prefix}_lots l
    SET status = 'ACTIVE',
        available_at = coalesce(l.available_at, settled_at),
        expires_at = CASE WHEN l.active_hours IS NULL THEN l.expires_at
                          ELSE settled_at + make_interval(hours => l.active_hours) END
    FROM unnest(account_keys) k CROSS JOIN LATERAL @{prefix}_due_lots(k, settled_at) d
    WHERE l.ctid = d.row_id;
    @{refresh_derived}
END
$$;
