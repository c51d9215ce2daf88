"""The documented floors: API answers, a player's rules, queries; each at its 95th percentile."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import date, timedelta
from functools import partial
from itertools import cycle, islice
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import QuerySet
from django.test import Client
from rest_framework_simplejwt.tokens import AccessToken

from bench.measuring import Line, Yardstick, per_second, percentile_95, seconds_of
from bench.population import play_another_day
from bench.rules.saving import save_rules
from bench.stand import Stand
from core.models import Run, RunKind
from loyalty.pipeline import process_players
from players.models import Player, PlayerDay
from rewards.evaluation import match_rules
from rewards.facts import fill_facts, needed_columns
from rewards.models import RewardDecision, RewardHistory
from rewards.rules import active_rules
from safety.models import AbuseSignal
from wallet.models import LedgerEntry, Lot, LoyaltyBalance

_API_SECONDS = 0.2
_RULE_SECONDS = 0.1
_QUERY_SECONDS = 0.05
_REWARDED_PLAYERS = 100
_SAMPLES = 40
_LIVE_SAMPLES = 3

Call = Callable[[str], object]


def measure(stand: Stand) -> Iterator[Line]:
    """Measure over the whole population, on players who have just been through the night's phases."""
    with stand.populated(stand.players) as population:
        save_rules(players=population.players)
        on = population.on + timedelta(days=1)
        play_another_day(on=on)
        player_ids = _some_players()
        stand.say("rewarding some players")
        process_players(player_ids=player_ids, on=on)
        stand.say("requests, rules, queries")
        yield _slowest("floor: API answer, p95", _requests(), player_ids=player_ids, most=_API_SECONDS)
        yield _live_line(player_ids, on=on)
        yield _slowest("floor: 50 rules for one player, p95", _rules(on), player_ids=player_ids, most=_RULE_SECONDS)
        yield _slowest("floor: query, p95", _queries(on), player_ids=player_ids, most=_QUERY_SECONDS)


def _slowest(work: str, calls: dict[str, Call], *, player_ids: Sequence[str], most: float) -> Line:
    """Return the line of the slowest of some calls, each made for many players."""
    figures = {name: _percentile(call, player_ids) for name, call in calls.items()}
    slowest = max(figures, key=figures.__getitem__)
    each = ", ".join(f"{name} {seconds * 1000:.1f} ms" for name, seconds in figures.items())
    return Line(
        work=work,
        seconds=figures[slowest],
        rate=f"the slowest of {len(figures)}: {slowest}",
        limit=Yardstick(name=f"{most * 1000:.0f} ms", seconds=most, times=1),
        note=each,
    )


def _live_line(player_ids: Sequence[str], *, on: date) -> Line:
    """Show what deciding and paying costs where a single player is processed live."""
    samples = [
        seconds_of(partial(process_players, player_ids=[player_id], on=on)) for player_id in player_ids[:_LIVE_SAMPLES]
    ]
    seconds = percentile_95(samples)
    return Line(
        work="one player through all phases, live, p95",
        seconds=seconds,
        rate=per_second(1, seconds=seconds, unit="players"),
        note=f"metrics, segment, tier, 50 rules and posting; the slowest of {len(samples)}",
    )


def _percentile(call: Call, player_ids: Sequence[str]) -> float:
    call(player_ids[0])
    return percentile_95([seconds_of(partial(call, key)) for key in islice(cycle(player_ids), _SAMPLES)])


def _some_players() -> list[str]:
    drawn = Player.objects.extra(order_by=["drawn"], select={"drawn": "hashtextextended(player_id, 13)"})
    return list(drawn.filter(is_blocked=False).values_list("player_id", flat=True)[:_REWARDED_PLAYERS])


def _requests() -> dict[str, Call]:
    """Return requests through the whole stack of Django but the socket."""
    user = User.objects.create_superuser("bench", "bench@example.com", "a password for the bench")
    token = AccessToken.for_user(user)
    client = Client(HTTP_HOST="localhost", HTTP_AUTHORIZATION=f"Bearer {token}")

    def get(address: str) -> Call:
        return lambda player_id: _expect_success(client.get(address.format(player_id=player_id)))

    def post(address: str, body: Callable[[str], dict[str, Any]]) -> Call:
        return lambda player_id: _expect_success(client.post(address, body(player_id), content_type="application/json"))

    return {
        "player": get("/api/players/{player_id}"),
        "players of a segment": get("/api/players?segment=VIP"),
        "rules": get("/api/rules"),
        "rule test": post("/api/rules/LOSING_CASHBACK_WEEK/test", lambda player_id: {"player_id": player_id}),
        "dashboard": get("/api/analytics/dashboard"),
    }


def _expect_success(response: Any) -> None:
    if response.status_code >= 300:
        raise AssertionError(f"{response.request['PATH_INFO']}: {response.status_code} {response.content[:300]!r}")


def _rules(on: date) -> dict[str, Call]:
    """Return the evaluation of all rules for one player, as live evaluation does it, with nothing kept."""
    rules = active_rules(on=on)
    columns = needed_columns(rules)

    def evaluate(player_id: str) -> None:
        with transaction.atomic():
            run = Run.objects.create(kind=RunKind.TEST, business_date=on)
            fill_facts(run_id=run.pk, on=on, columns=columns, player_ids=[player_id])
            match_rules(rules, run_id=run.pk)
            transaction.set_rollback(True)

    return {f"facts and {len(rules)} rules": evaluate}


def _queries(on: date) -> dict[str, Call]:
    """Return what the admin and the API ask most."""
    week = on - timedelta(days=7)
    return {
        "balance": lambda key: _fetch(LoyaltyBalance.objects.filter(player_id=key)),
        "ledger page": lambda key: _fetch(LedgerEntry.objects.filter(player_id=key).order_by("-created_at")[:50]),
        "lots": lambda key: _fetch(Lot.objects.filter(player_id=key, remaining__gt=0)),
        "decisions": lambda key: _fetch(RewardDecision.objects.filter(player_id=key).order_by("-id")[:50]),
        "active rewards": lambda key: _fetch(RewardHistory.objects.filter(player_id=key, status="ACTIVE")),
        "days": lambda key: _fetch(PlayerDay.objects.filter(player_id=key, on__gt=week)),
        "signals": lambda key: _fetch(AbuseSignal.objects.filter(player_id=key, is_resolved=False)),
        "players of a segment and tier": lambda key: _fetch(
            Player.objects.filter(segment="LOSING", tier="SILVER", player_id__gt=key).order_by("player_id")[:50]
        ),
    }


def _fetch(rows: QuerySet[Any]) -> None:
    list(rows)
