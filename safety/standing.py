"""What safety must know of players: their mix of games, and what they were granted. Joined by rules and by checks."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from core.expressions import Sql
from safety.caps import granted_by_window_sql, window_ends, window_starts
from safety.edges import DEFAULT_CATEGORY, margin_edges
from safety.granted import granted_sql
from safety.policies import PROFIT_HORIZON_DAYS

_MIX_SQL = "CASE m.games_wagered WHEN '{}' THEN m.games_played ELSE m.games_wagered END"


def games_join() -> Sql:
    """Return a join `h` to the metrics `m`: the player's own mix of games, and its house edge.

    By stakes where any are known, for it is of stakes that the house keeps its share: many small bets on one game say
    nothing of few large ones on another. Of players whose play was only ever told in files it is by number of bets.
    Both unknown where no category is known. To six decimals, as the facts of rules keep it, so that a question about
    one player is answered as the night decides. A category that nobody knows any more counts as the default one.
    """
    edges = margin_edges()
    # As constants: a join of the few categories for each player takes three times as long.
    whens = " ".join("WHEN %s THEN %s" for _ in edges)
    edge = f"CASE g.key {whens} ELSE %s::numeric END" if edges else "%s::numeric"
    sql = f"""
        LEFT JOIN LATERAL (
            SELECT round(sum(g.value::numeric * {edge}) / nullif(sum(g.value::numeric), 0), 6) AS house_edge_rate,
                   {_MIX_SQL} AS games_played
            FROM jsonb_each_text({_MIX_SQL}) g
        ) h ON m.games_played <> '{{}}'"""
    return sql, [*(value for pair in edges.items() for value in pair), edges.get(DEFAULT_CATEGORY)]


def cost_horizon(on: date) -> tuple[date, date]:
    """Return the first and last business date whose grants share a profit horizon with those of `on`."""
    days = PROFIT_HORIZON_DAYS.value() - 1
    return on - timedelta(days=days), on + timedelta(days=days)


def granted_sums(on: date, *, alias: str, prefix: str = "granted_value_", cost: str) -> tuple[str, date, date]:
    """Return the columns that add up grants for caps and profitability, and the first and last date they look at.

    Those of later dates count too: whatever order runs come in, no window and no horizon holds more than it may.
    """
    first, last = cost_horizon(on)
    sums = f"""{granted_by_window_sql(on, alias=alias, prefix=prefix)},
                   sum({alias}.expected_cost) FILTER (WHERE {alias}.granted_on BETWEEN DATE '{first}' AND DATE '{last}')
                       AS {cost}"""
    return sums, min(first, *window_starts(on).values()), max(last, *window_ends(on).values())


def grants_join(on: date, *, in_range: str, params: list[Any], until: date | None = None) -> Sql:
    """Return a join `g` to the players `p`: their grants in the cap windows and the profit horizon of a date.

    `in_range` is a condition on `l.player_id`, with its parameters: a check of one player must not add up everybody's.
    `until` leaves out what was granted on later dates.
    """
    sums, since, last = granted_sums(on, alias="l", cost="expected_cost_horizon")
    sql = f"""
        LEFT JOIN (
            SELECT l.player_id, {sums}
            FROM {granted_sql(since=since)} l
            WHERE {in_range} AND l.granted_on BETWEEN DATE '{since}' AND DATE '{until or last}'
            GROUP BY l.player_id
        ) g ON g.player_id = p.player_id"""
    return sql, params
