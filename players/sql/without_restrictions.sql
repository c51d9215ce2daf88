DROP FUNCTION refused_players(varchar, timestamptz);
DROP FUNCTION unmet_requirement(smallint, timestamptz, boolean, smallint, boolean);
DROP FUNCTION refuse_history_change() CASCADE;
DROP FUNCTION guard_restriction() CASCADE;
DROP FUNCTION derive_is_blocked() CASCADE;
DROP FUNCTION follow_restrictions() CASCADE;
DROP FUNCTION is_player_blocked(varchar);
