"""Registration velocity: many accounts opened within days with one device, address or pattern of e-mail addresses."""

from __future__ import annotations

from safety.detection.definition import DetectorDefinition, Query, Reach
from safety.detection.scope import Scope
from safety.detection.thresholds import Thresholds, count, rate, window

# Digits are one sign, what follows a plus and dots mean nothing to most mail providers: max.17+a@x.de → max#@x.de
_PATTERN = r"""
    regexp_replace(replace(split_part(split_part(lower(p.email), '@', 1), '+', 1), '.', ''), '[0-9]+', '#', 'g')
        || '@' || split_part(lower(p.email), '@', 2)
"""


# Whether a player `p` was registered in the window.
_IS_NEW = """coalesce(p.registered_on, p.created_at::date) > %(since)s::date
          AND coalesce(p.registered_on, p.created_at::date) <= %(at)s::date"""
# Where some players are looked at, those of them who are new, and who shares a device, an address or the pattern of
# an e-mail address with one of these. For addresses no index is kept, which every import would pay for: only for who
# is new and has a pattern are they read, by the quickest test first.
_SHARERS = f"""
    newcomers AS MATERIALIZED (
        SELECT p.player_id, lower(split_part(p.email, '@', 2)) AS domain,
               CASE WHEN p.email ~ '[0-9+].*@' THEN {_PATTERN} END AS pattern
        FROM players p WHERE p.player_id = ANY(%(scope_players)s) AND {_IS_NEW}
    ),
    things AS MATERIALIZED (
        SELECT DISTINCT s.kind, s.value FROM newcomers n JOIN safety_links s ON s.player_id = n.player_id
    ),
    sharers AS MATERIALIZED (
        SELECT l.player_id FROM things t JOIN safety_links l ON l.value = t.value AND l.kind = t.kind
        UNION
        SELECT a.player_id
        FROM (SELECT DISTINCT domain, pattern FROM newcomers WHERE pattern IS NOT NULL) n CROSS JOIN LATERAL (
            SELECT p.player_id FROM players p
            WHERE {_IS_NEW} AND lower(right(p.email, length(n.domain))) = n.domain
              AND p.email ~ '[0-9+].*@' AND {_PATTERN} = n.pattern OFFSET 0
        ) a
        UNION
        SELECT player_id FROM newcomers
    ),"""
_IF_SHARING = "AND p.player_id IN (SELECT player_id FROM sharers)"
_ALL_REGISTERED = f"""(
            SELECT coalesce(p.registered_on, p.created_at::date) AS on FROM players p WHERE {_IS_NEW}
        )"""
_BY_OWN_THING = "AND (l.kind, l.value) IN (SELECT kind, value FROM things)"
_SQL = """
    WITH {sharers} registered AS (
        SELECT p.player_id, coalesce(p.registered_on, p.created_at::date) AS on,
               CASE WHEN p.email ~ '[0-9+].*@' THEN {pattern} END AS pattern
        FROM players p
        WHERE {is_new} {if_sharing}
    ),
    opened AS (
        SELECT r.player_id, r.on, l.kind AS what, l.value FROM registered r JOIN safety_links l
            ON l.player_id = r.player_id AND l.first_seen_on <= r.on + %(seen_within_days)s::integer {by_own_thing}
        UNION ALL
        SELECT player_id, "on", 'EMAIL', pattern FROM registered WHERE pattern IS NOT NULL
    ),
    bursts AS (
        SELECT *,
               count(*) OVER around AS accounts, min("on") OVER around AS first_on, max("on") OVER around AS last_on,
               count(*) OVER (PARTITION BY what, value) AS ever
        FROM opened
        WINDOW around AS (PARTITION BY what, value ORDER BY "on"
            RANGE BETWEEN make_interval(days => %(days)s) PRECEDING AND make_interval(days => %(days)s) FOLLOWING)
    ),
    -- Compared with what the same device, address or pattern brings on other days: a mobile carrier's address and a
    -- common name bring accounts every day.
    dense AS MATERIALIZED (
        SELECT * FROM bursts
        WHERE accounts >= CASE what WHEN 'DEVICE' THEN %(device_accounts_min)s WHEN 'IP' THEN %(ip_accounts_min)s
                  ELSE %(email_accounts_min)s END
          AND accounts >= %(burst_min)s * (ever - accounts) * (2 * %(days)s + 1)
              / greatest(%(window_days)s - 2 * %(days)s - 1, 1)::numeric
          AND accounts::numeric >= ever * %(burst_share_min)s
    ),
    -- How many of all registered within as many days of a day, and in the whole window.
    traffic AS (
        SELECT "on", sum(count(*)) OVER (ORDER BY "on"
                   RANGE BETWEEN make_interval(days => %(days)s) PRECEDING AND make_interval(days => %(days)s) FOLLOWING
               ) AS registered_around, sum(count(*)) OVER () AS registered
        FROM {all_registered} r WHERE EXISTS (SELECT FROM dense) GROUP BY "on"
    ),
    found AS (
        -- On the days of a campaign everything brings more, in the proportion of the others who registered.
        SELECT DISTINCT ON (player_id) * FROM dense JOIN traffic USING ("on")
        WHERE accounts >= %(burst_min)s * (ever - accounts)
                  * (registered_around - accounts) / greatest(registered - registered_around, 1)
        ORDER BY player_id, accounts DESC, what
    )
    SELECT f.player_id, f.last_on::timestamptz AS evidence_until,
           format('%%s accounts were opened from %%s to %%s with the same %%s %%s.', f.accounts, f.first_on,
                  f.last_on, CASE f.what WHEN 'DEVICE' THEN 'device' WHEN 'IP' THEN 'IP address'
                  ELSE 'pattern of e-mail addresses' END, left(f.value, 120)) AS description,
           jsonb_build_object('figures', jsonb_build_object('accounts', f.accounts, 'from', f.first_on,
                   'until', f.last_on, 'accounts_in_window', f.ever, 'registered_around', f.registered_around,
                   'registered_in_window', f.registered, 'what', f.what, 'value', f.value),
               'accounts', (SELECT jsonb_agg(jsonb_build_object('player', o.player_id, 'registered_on', o.on)) FROM (
                   SELECT o.player_id, o.on FROM opened o WHERE o.what = f.what AND o.value = f.value
                       AND o.on BETWEEN f.first_on AND f.last_on ORDER BY o.on, o.player_id LIMIT 20) o)) AS evidence
    FROM found f WHERE {in_scope}
"""


def _query(scope: Scope, thresholds: Thresholds) -> Query:
    is_for_some = scope.player_ids is not None
    sql = _SQL.format(
        pattern=_PATTERN,
        in_scope=scope.condition("f.player_id"),
        is_new=_IS_NEW,
        sharers=_SHARERS if is_for_some else "",
        all_registered=_ALL_REGISTERED if is_for_some else "registered",
        if_sharing=_IF_SHARING if is_for_some else "",
        by_own_thing=_BY_OWN_THING if is_for_some else "",
    )
    return sql, dict(thresholds)


REGISTRATION_VELOCITY = DetectorDefinition(
    code="REGISTRATION_VELOCITY",
    title="Registration velocity",
    looks_for="Many accounts opened within days with one device, one IP address or one pattern of e-mail addresses.",
    false_positives="An event where people register at a shared tablet; a company's address on the day of a campaign.",
    reach=Reach.EVERYBODY,
    thresholds=(
        window(90),
        count("days", 2, "Days before and after an account's own registration that are looked at.", maximum=30),
        count("device_accounts_min", 4, "Accounts with one device, at least.", minimum=2),
        count("ip_accounts_min", 8, "Accounts with one IP address, at least.", minimum=2),
        count("email_accounts_min", 8, "Accounts with one pattern of e-mail addresses, at least.", minimum=2),
        count("seen_within_days", 3, "A device or address seen so many days after registration counts.", maximum=90),
        rate(
            "burst_min",
            "5",
            "Accounts in these days ÷ what the same thing brings in so many other days, or among so many others who "
            "register, whichever is more.",
            maximum="1000",
        ),
        rate("burst_share_min", "0.5", "Share of all its accounts of the window that these days brought."),
    ),
    query=_query,
)
