"""How long the database works on one action of one player with many live rules: `python -m bench.live`.

Everything happens in one transaction that is rolled back, in the house's own database.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any

from loyalty.embedded import start_needed_servers

WARM_UP = 5


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the median and the least time, and the number of queries."""
    parser = argparse.ArgumentParser(prog="python -m bench.live", description=__doc__)
    parser.add_argument("--rules", type=int, default=50, help="how many live rules wait for the action")
    parser.add_argument("--paying", type=int, default=1, help="how many of them pay")
    parser.add_argument("--times", type=int, default=100, help="how many actions are measured")
    chosen = parser.parse_args(arguments)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "loyalty.settings")
    start_needed_servers()
    import django

    django.setup()
    samples, queries = _measure(rules=chosen.rules, paying=chosen.paying, times=chosen.times)
    middle, best = statistics.median(samples) * 1000, min(samples) * 1000
    print(f"{chosen.rules} live rules, {chosen.paying} paying: {middle:.1f} ms median, {best:.1f} ms at best")
    print(f"in {queries} queries, the way to the database and back included")
    return 0


def _measure(*, rules: int, paying: int, times: int) -> tuple[list[float], int]:
    from django.db import connection, transaction

    timed: list[float] = []

    def stopwatch(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:  # noqa: FBT001
        started = time.perf_counter()
        try:
            return execute(sql, params, many, context)
        finally:
            timed.append(time.perf_counter() - started)

    samples = []
    with transaction.atomic():
        _populate(rules=rules, paying=paying)
        for number in range(WARM_UP + times):
            timed.clear()
            with connection.execute_wrapper(stopwatch):
                _act(number)
            samples.append(sum(timed))
        transaction.set_rollback(True)
    return samples[WARM_UP:], len(timed)


def _act(number: int) -> None:
    from loyalty.actions import handle_action

    handle_action(player_id="bench live", action="BENCH_ACTION", event_id=f"bench {number}")


def _populate(*, rules: int, paying: int) -> None:
    from decimal import Decimal

    from core.policies import save_policy
    from players.models import Player, PlayerMetrics
    from rewards.rules import save_rule

    player = Player.objects.create(player_id="bench live", segment="LOSING")
    PlayerMetrics.objects.create(
        player=player, total_wagered=Decimal(10) ** 9, total_won=Decimal(10) ** 8, total_sessions=10
    )
    save_policy(name="MAX_DAILY_REWARD_PER_PLAYER", value="1000000", saved_by=None)
    for number in range(rules):
        least = 0 if number < paying else 10**12
        save_rule(
            rule_id=f"BENCH_LIVE_{number}",
            content={
                "name": f"Live {number}",
                "status": "ACTIVE",
                "is_live": True,
                "trigger": "BENCH_ACTION",
                "conditions": {"segment": "LOSING", "total_wagered_min": least, "risk_score_max": 60},
                "reward_config": {"type": "LOYALTY_POINTS", "amount": 1},
                "frequency_period": "DAY",
                "frequency_max": 1000,
            },
            saved_by=None,
        )


if __name__ == "__main__":
    raise SystemExit(main())
