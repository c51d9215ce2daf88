"""A population that plays on for months, with rewards and without: what profitability is for, and whether it works.

A third plays slots, the others blackjack, with the house edges that the house knows. A reward raises a player's stakes
for thirty days, by a lift that is known to this module alone; the house only has its assumptions. All chance is drawn
by hashes of player and day, so that every arm meets the same luck. Rewards are decided and posted by the night itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from unittest import mock

from django.db import connection
from django.db.models import BooleanField, Q, Value

from core.expressions import fetch_rows, run_statement
from loyalty.pipeline import open_night, work_on_night
from rewards.rules import save_rule

RESPONSE_DAYS = 30
WARM_UP_DAYS = 30
# What the house assumes of bonus money.
AS_ASSUMED = {"LOSING": "1.8", "BREAKEVEN": "1.5", "WINNING": "1.1", "NEW": "2.0", "VIP": "1.3"}


def turnover_back(rate: str) -> dict[str, Any]:
    """Return a rule of one rate of turnover for all games: little of what slots bring, and more than blackjack does."""
    return {
        "reward_config": {"type": "BONUS_BALANCE", "formula": f"total_wagered_30d * {rate}", "max_amount": 1000},
        "conditions": {"total_wagered_30d_min": 100},
        "frequency_period": "MONTH",
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What an arm came to: money. `cost` is what was given: bonus money that need not be wagered costs all of it."""

    name: str
    wagered: Decimal
    ggr: Decimal
    cost: Decimal
    rewards: int
    refused: int

    @property
    def margin(self) -> Decimal:
        """What the house keeps."""
        return self.ggr - self.cost


def make_players(*, count: int, before: date) -> None:
    """Make players whose stakes differ by orders of magnitude, as real ones do."""
    run_statement(
        """
        INSERT INTO players (player_id, name, segment, tier, is_active, registered_on)
        SELECT 'sim' || lpad(n::text, 6, '0'), '', 'NEW', 'BRONZE', true, %s::date FROM generate_series(1, %s) n
        """,
        [before - timedelta(days=60), count],
    )
    run_statement(
        """
        INSERT INTO player_metrics (player_id, games_played, days_from)
        SELECT player_id, CASE right(player_id, 6)::integer %% 3 WHEN 0 THEN '{"slots": 1}'::jsonb
                               ELSE '{"blackjack": 1}' END, %s
        FROM players WHERE player_id LIKE 'sim%%'
        """,
        [before - timedelta(days=WARM_UP_DAYS)],
    )


def save_rule_for_all(content: Mapping[str, Any]) -> None:
    """Let a rule run that means well."""
    save_rule(rule_id="FOR_ALL", content={"name": "For all", "status": "ACTIVE", **content}, saved_by=None)


def play(name: str, *, since: date, days: int, response: Mapping[str, str]) -> Outcome:
    """Let the players play for so many days from `since` on, with a night at the end of every week."""
    for number in range(-WARM_UP_DAYS, days):
        on = since + timedelta(days=number)
        _play_day(on, response=response)
        if number >= 0 and number % 7 == 6:
            work_on_night(open_night(business_date=on))
    return _outcome(name, since=since)


@contextmanager
def without_profitability() -> Iterator[None]:
    """Let the night approve whatever it costs: the same rules without the check."""
    is_fine = Q(Value(value=True, output_field=BooleanField()))
    with mock.patch("rewards.allocation.is_profitable_expression", return_value=is_fine):
        yield


def _uniform(salt: str) -> str:
    """Return SQL of a number in (0, 1), drawn by a hash of the player and, unless the salt is a player's, the day."""
    day = "" if salt.startswith("player") else " || %(on)s"
    return f"((hashtextextended('{salt}:' || p.player_id{day}, 11) & 1048575) + 0.5) / 1048576.0"


# Stakes per active day follow a power law from 20 up; who was rewarded in the last thirty days stakes more.
_DAY_SQL = f"""
    INSERT INTO player_days (player_id, "on", wagered, won, bets, sessions)
    SELECT player_id, %(on)s::date, stake, round(stake * (1 - edge) * (0.5 + luck), 2), 20, 1
    FROM (
        SELECT p.player_id, c.house_edge_rate AS edge,
               round((20 * power({_uniform("player stake")}, -0.6))::numeric * (0.5 + ({_uniform("size")})::numeric)
                     * coalesce(r.lift, 1), 2) AS stake,
               ({_uniform("luck")})::numeric AS luck
        FROM players p
        JOIN player_metrics m ON m.player_id = p.player_id
        JOIN game_categories c ON m.games_played ? c.code
        LEFT JOIN (
            SELECT DISTINCT ON (d.player_id) d.player_id, v.lift FROM reward_decisions d
            JOIN (VALUES {{lifts}}) v (segment, lift) ON v.segment = d.segment
            WHERE d.amount_given > 0 AND d.first_on BETWEEN %(on)s::date - {RESPONSE_DAYS} AND %(on)s::date - 1
            ORDER BY d.player_id, d.first_on DESC, d.id DESC
        ) r ON r.player_id = p.player_id
        WHERE p.player_id LIKE 'sim%%' AND {_uniform("active")} < 0.1 + 0.6 * {_uniform("player active")}
    ) played
"""
_TOTALS_SQL = """
    UPDATE player_metrics m SET total_wagered = m.total_wagered + d.wagered, total_won = m.total_won + d.won,
        total_bets = m.total_bets + d.bets, total_sessions = m.total_sessions + d.sessions
    FROM player_days d WHERE d."on" = %s AND d.player_id = m.player_id
"""


def _play_day(on: date, *, response: Mapping[str, str]) -> None:
    lifts = ", ".join(f"('{segment}', {Decimal(lift)}::numeric)" for segment, lift in response.items())
    with connection.cursor() as cursor:
        cursor.execute(_DAY_SQL.replace("{lifts}", lifts), {"on": on.isoformat()})
    run_statement(_TOTALS_SQL, [on])


def _outcome(name: str, *, since: date) -> Outcome:
    wagered, ggr = fetch_rows(
        'SELECT coalesce(sum(wagered), 0), coalesce(sum(wagered - won), 0) FROM player_days WHERE "on" >= %s', [since]
    )[0]
    cost, rewards = fetch_rows(
        "SELECT coalesce(sum(amount), 0), count(*) FROM reward_history WHERE player_id LIKE 'sim%%'", []
    )[0]
    refused = fetch_rows("SELECT count(*) FROM reward_decisions WHERE verdict = 'REJECTED'", [])[0][0]
    return Outcome(name=name, wagered=wagered, ggr=ggr, cost=cost, rewards=rewards, refused=refused)
