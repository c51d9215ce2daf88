-- Chance that is the same every time: each figure of a player is drawn by a hash of its number and the figure's name.
CREATE FUNCTION bench_draw(n bigint, salt bigint) RETURNS double precision LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
$$ SELECT ((hashint8extended(n, salt) & 9007199254740991) + 1) / 9007199254740993.0 $$;

-- Box and Muller's way from two even draws to one of the bell curve.
CREATE FUNCTION bench_bell(n bigint, salt bigint) RETURNS double precision LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
$$ SELECT sqrt(-2 * ln(bench_draw(n, salt))) * cos(2 * pi() * bench_draw(n, salt + 1000)) $$;

-- Keys as platforms really make them: three shapes, so that nothing can rely on one.
CREATE FUNCTION bench_player_key(n bigint) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
$$ SELECT CASE
       WHEN n % 5 < 3 THEN 'P' || lpad(n::text, 7, '0')
       WHEN n % 5 = 3 THEN lpad(to_hex((n * 2654435761) % 1099511627776), 10, '0') || lpad(to_hex(n), 6, '0')
       ELSE (1000000000 + n * 7919)::text
   END $$;
